"""The golden files of formats/vectors, through both decoders."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from conftest import ROOT

import kmq

FORMATS = ROOT / "formats"
VECTORS = FORMATS / "vectors"
MANIFEST = json.loads((VECTORS / "manifest.json").read_text())


def module(path: Path) -> ModuleType:
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = loaded
    spec.loader.exec_module(loaded)
    return loaded


reference = module(FORMATS / "reference_decoder.py")


def is_slow(name: str) -> bool:
    """Whether the reference decoder takes seconds for a valid file."""
    return MANIFEST["valid"][name]["width"] * MANIFEST["valid"][name]["height"] > 1 << 15


def valid(name: str) -> bytes:
    return (VECTORS / "valid" / f"{name}.kmq").read_bytes()


def invalid(name: str) -> bytes:
    return (VECTORS / "invalid" / f"{name}.kmq").read_bytes()


@pytest.mark.parametrize("name", MANIFEST["valid"])
def test_kmq_decodes_every_valid_file(name):
    expected = MANIFEST["valid"][name]
    rgb = kmq.decode(valid(name))
    assert rgb.shape == (expected["height"], expected["width"], 3)
    assert hashlib.sha256(rgb.tobytes()).hexdigest() == expected["sha256"]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.soak] if is_slow(name) else [])
        for name in MANIFEST["valid"]
    ],
)
def test_the_reference_decoder_decodes_every_valid_file(name):
    expected = MANIFEST["valid"][name]
    image = reference.decode(valid(name))
    assert (image.height, image.width) == (expected["height"], expected["width"])
    assert hashlib.sha256(image.rgb()).hexdigest() == expected["sha256"]


@pytest.mark.parametrize("name", MANIFEST["invalid"])
def test_kmq_refuses_every_invalid_file_with_its_message(name):
    message = re.escape(MANIFEST["invalid"][name])
    with pytest.raises(kmq.FormatError, match=f"^{message}$"):
        kmq.decode(invalid(name))


@pytest.mark.parametrize("name", MANIFEST["invalid"])
def test_the_reference_decoder_refuses_every_invalid_file(name):
    with pytest.raises(reference.FormatError, match=r"\w"):
        reference.decode(invalid(name))


def test_the_manifest_and_the_folder_hold_the_same_files():
    for kind in ("valid", "invalid"):
        found = {path.stem for path in (VECTORS / kind).iterdir()}
        assert found == set(MANIFEST[kind])


def test_the_golden_files_are_what_kmq_writes():
    written = module(FORMATS / "make_vectors.py").all_files()
    assert {
        name for name, data in written.items() if (VECTORS / name).read_bytes() != data
    } == set()


# Of these lines 7 and 23 are comments that name the sections of the specification.
@pytest.mark.parametrize(("name", "lines"), [("decoder", 215), ("modelled", 300)])
def test_the_reference_decoder_is_short_and_needs_only_the_standard_library(name, lines):
    source = (FORMATS / f"reference_{name}.py").read_text()
    assert len(source.splitlines()) < lines
    imported = set(re.findall(r"^(?:import|from) (\w+)", source, re.MULTILINE))
    assert imported <= set(sys.stdlib_module_names) | {"reference_modelled"}


def test_the_reference_decoder_runs_as_a_program(tmp_path):
    program = [sys.executable, FORMATS / "reference_decoder.py"]
    source, target = VECTORS / "valid" / "colours-17.kmq", tmp_path / "out.ppm"
    subprocess.run([*program, source, target], check=True, timeout=60)
    assert target.read_bytes() == b"P6\n31 23\n255\n" + kmq.decode(source).tobytes()
    broken = VECTORS / "invalid" / "stripe-checksum.kmq"
    failed = subprocess.run([*program, broken, target], capture_output=True, text=True, timeout=60)
    assert failed.returncode == 1
    assert "checksum" in failed.stderr
    assert "Traceback" not in failed.stderr
