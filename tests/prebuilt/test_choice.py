"""Which compiled kernels run here: those of the module, for the best level, or numba's."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest

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


def test_with_neither_kernels_nor_numba_the_error_says_what_to_install():
    program = """
import sys
sys.modules["numba"] = sys.modules["kmq._kernels"] = None
import kmq
try:
    from kmq import jit
except kmq.KmqError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert "pip install 'kmq[numba]'" in done.stdout
