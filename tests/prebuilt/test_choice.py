"""Which compiled kernels run here: those of the module, for the best level, or numba's."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from types import SimpleNamespace

import pytest
from PIL import Image

import kmq
from kmq import prebuilt


@pytest.fixture
def library(monkeypatch):
    """Stand in for a module whose best level this processor does not run."""
    folders = ["clustering", "container/modelled"]
    made = SimpleNamespace(
        levels=("fast", "slow", "slower"),
        folders=folders,
        stamp=prebuilt.source_stamp(folders),
        runs=lambda level: level in ("slow", "slower"),
        load=lambda level: {"kernels of": level},
    )
    monkeypatch.setattr(prebuilt, "import_module", lambda _: made)
    return made


@pytest.fixture(autouse=True)
def with_numba(monkeypatch):
    """Let numba be installed, whether it is or not."""
    monkeypatch.setattr(prebuilt, "find_spec", lambda _: object())


@pytest.fixture
def choose(monkeypatch):
    """Return what is chosen with KMQ_KERNELS set so."""

    def chosen(wanted=""):
        monkeypatch.setenv("KMQ_KERNELS", wanted)
        return prebuilt.kernels.__wrapped__()

    return chosen


def test_the_best_level_that_the_processor_runs_is_chosen(library, choose):
    assert choose() == ("slow", {"kernels of": "slow"})


def test_the_environment_overrides_it(library, choose):
    assert choose("slower").level == "slower"
    assert choose("numba") is None


def test_a_level_that_the_processor_does_not_run_is_refused(library, choose):
    with pytest.raises(kmq.OptionError, match=r"KMQ_KERNELS: 'fast' .* does not run code for fast"):
        choose("fast")


def test_what_is_no_level_is_refused_with_those_that_are(library, choose):
    with pytest.raises(
        kmq.OptionError, match="expected one of fast, slow, slower, numba, got 'nonsense'"
    ):
        choose("nonsense")


def test_without_a_module_numba_compiles_and_nothing_is_said(monkeypatch, choose):
    def missing(name):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(prebuilt, "import_module", missing)
    assert choose() is None
    with pytest.raises(kmq.OptionError, match=r"KMQ_KERNELS: 'x86-64-v3' .* has none"):
        choose("x86-64-v3")


def test_a_module_that_cannot_be_loaded_is_done_without(monkeypatch, choose):
    def fail(_):
        raise ImportError("_kernels.abi3.so: cannot allocate memory")

    monkeypatch.setattr(prebuilt, "import_module", fail)
    with pytest.warns(kmq.KmqWarning, match="cannot allocate memory; numba compiles"):
        assert choose() is None


def test_a_module_of_other_sources_is_not_used(library, choose):
    library.stamp = "another"
    with pytest.warns(kmq.KmqWarning, match="made from other sources"):
        assert choose() is None
    with pytest.raises(kmq.OptionError, match="made from other sources"):
        choose("slow")


def test_a_processor_older_than_every_level_leaves_it_to_numba(library, choose):
    library.runs = lambda _: False
    with pytest.warns(kmq.KmqWarning, match="does not run code for slower"):
        assert choose() is None


def test_where_no_source_is_installed_the_module_is_taken(library, choose, monkeypatch, tmp_path):
    monkeypatch.setattr(prebuilt, "__file__", str(tmp_path / "prebuilt.pyc"))
    assert choose().level == "slow"


def test_the_stamp_tells_an_edit_a_new_file_and_another_name(monkeypatch, tmp_path):
    monkeypatch.setattr(prebuilt, "__file__", str(tmp_path / "prebuilt.py"))
    (tmp_path / "folder").mkdir()
    stamps = [prebuilt.source_stamp(["folder"])]
    file = tmp_path / "folder" / "a.py"
    for edit in (
        lambda: file.write_text("1"),
        lambda: file.write_text("2"),
        lambda: (tmp_path / "folder" / "b.py").write_text(""),
        lambda: file.rename(tmp_path / "folder" / "c.py"),
    ):
        edit()
        stamps.append(prebuilt.source_stamp(["folder"]))
    assert stamps[0] is None
    assert len(set(stamps)) == len(stamps)


@pytest.fixture
def without_numba(monkeypatch):
    monkeypatch.setattr(prebuilt, "find_spec", lambda _: None)


@pytest.mark.usefixtures("without_numba")
def test_numba_that_is_asked_for_and_not_installed_is_said_to_be_missing(choose):
    with pytest.raises(kmq.OptionError, match=r"KMQ_KERNELS: .* pip install 'kmq\[numba\]'"):
        choose("numba")


@pytest.mark.usefixtures("without_numba")
def test_with_neither_kernels_nor_numba_the_error_says_why_and_what_to_install(library, choose):
    library.stamp = "another"
    with pytest.raises(
        kmq.KmqError, match=r"made from other sources.*, and numba.*pip install 'kmq\[numba\]'"
    ):
        choose()


SAID = {
    "nonsense": r"kmq: KMQ_KERNELS: .*'nonsense'.*",
    "numba": r"kmq: KMQ_KERNELS: numba is not installed; pip install .*",
}


@pytest.mark.parametrize("wanted", SAID)
def test_the_command_line_says_so_in_one_line(tmp_path, wanted):
    Image.new("RGB", (3, 2)).save(tmp_path / "a.png")
    program = (
        "import sys; sys.modules['numba'] = None; sys.argv[0] = 'kmq'\n"
        "from kmq.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "encode", tmp_path / "a.png"],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"KMQ_KERNELS": wanted},
    )
    assert done.returncode == 2
    assert re.fullmatch(SAID[wanted], done.stderr.rstrip("\n"))
    assert not (tmp_path / "a.kmq").exists()


def test_a_processor_that_numpy_refuses_is_reported_in_one_line(tmp_path):
    (tmp_path / "numpy").mkdir()
    (tmp_path / "numpy" / "__init__.py").write_text(
        "raise RuntimeError('NumPy was built with baseline optimizations: \\n(X86_V2) but ...')"
    )
    Image.new("RGB", (3, 2)).save(tmp_path / "a.png")
    program = "import sys; sys.argv[0] = 'kmq'; from kmq.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "encode", tmp_path / "a.png"],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ
        | {"PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])},
    )
    assert done.returncode == 1
    assert done.stderr == "kmq: NumPy was built with baseline optimizations: (X86_V2) but ...\n"
