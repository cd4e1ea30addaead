"""What importing and starting must not load."""

from __future__ import annotations

import subprocess
import sys
import tomllib

import numpy as np
import pytest
from conftest import ROOT

import kmq
from kmq import jit
from kmq.container.packed import mixed_radix


def loaded_modules(code: str, *arguments: str) -> set[str]:
    program = f"import sys\n{code}\nprint('\\n' + ' '.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return set(done.stdout.splitlines()[-1].split())


def command(*arguments: str) -> str:
    return f"""
from kmq import cli
try:
    cli.kmq({list(arguments)!r})
except SystemExit as exit:
    assert exit.code in (0, 2), exit.code
"""


def test_importing_kmq_loads_neither_numpy_nor_numba():
    modules = loaded_modules("import kmq")
    assert "kmq" in modules
    assert not {"numpy", "numba"} & modules


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["encode", "--help"],
        ["compare", "--help"],
        ["view", "--help"],
        ["encode", "--colors", "0", "x"],
        ["encode", "--background", "nonsense", "x"],
        ["encode", "--pin", "red", "--pin", "red", "x"],
        ["encode", "--palette", "nonsense", "x"],
        ["palette", "--list"],
        ["nonsense"],
    ],
)
def test_help_and_wrong_usage_load_neither_numpy_nor_numba(arguments):
    assert not {"numpy", "numba"} & loaded_modules(command(*arguments))


def test_info_loads_neither_numpy_nor_numba():
    file = ROOT / "formats" / "vectors" / "valid" / "colours-17.kmq"
    modules = loaded_modules(command("info", str(file)))
    assert "kmq.container.head" in modules
    assert not {"numpy", "numba"} & modules


def decoding(folder, indexed):
    """Return a program that decodes an image's packed file and compares its indices."""
    (folder / "packed.kmq").write_bytes(kmq.encode(indexed, coding="packed"))
    np.save(folder / "indices.npy", indexed.indices)
    return f"""
import kmq, numpy
from pathlib import Path
folder = Path({str(folder)!r})
decoded = kmq.load(folder / "packed.kmq").indices
assert numpy.array_equal(decoded, numpy.load(folder / "indices.npy"))
"""


@pytest.mark.parametrize("colors", [1, 3, 16, 17, 65_535])
def test_decoding_a_packed_file_loads_no_numba(tmp_path, random_indexed, colors):
    assert "numba" not in loaded_modules(decoding(tmp_path, random_indexed(colors, 9, 700)))


def test_decoding_a_large_packed_file_takes_the_kernel(tmp_path, random_indexed):
    indexed = random_indexed(3, 513, 1024)
    assert indexed.indices.size > mixed_radix.FEW_INDICES
    modules = loaded_modules(decoding(tmp_path, indexed))
    assert "kmq.container.packed.mixed_radix_kernels" in modules
    assert ("numba" in modules) == (jit.in_use == "numba")


def test_importing_kmq_makes_pillow_read_and_write_the_format():
    code = "import kmq\nfrom PIL import Image\nassert '.kmq' in Image.registered_extensions()"
    assert "numpy" not in loaded_modules(code)


def test_every_public_name_is_there_and_documented():
    for name in kmq.__all__:
        assert getattr(kmq, name).__doc__
    assert set(kmq.__all__) <= set(dir(kmq))
    with pytest.raises(AttributeError, match="nonsense"):
        _ = kmq.nonsense


def test_the_changelog_knows_the_version():
    assert f"## {kmq.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_each_dependency_is_explained_in_the_readme():
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    readme = (ROOT / "README.md").read_text()
    always = pyproject["tool"]["hatch"]["metadata"]["hooks"]["custom"]["dependencies"]
    for requirement in [*always, *pyproject["project"]["optional-dependencies"]["numba"]]:
        name = requirement.split(">")[0]
        assert f"- **{name}**" in readme
