"""The golden files of formats/vectors, through both decoders."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import struct
import subprocess
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from conftest import ROOT

import kmq
from kmq.image import Palette

FORMATS = ROOT / "formats"
VECTORS = FORMATS / "vectors"
MANIFEST = json.loads((VECTORS / "manifest.json").read_text())


def module(path: Path) -> ModuleType:
    """Return a program of the formats folder as a module, one for all tests."""
    if path.stem in sys.modules:
        return sys.modules[path.stem]
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


def told_of_damage(is_damaged: bool) -> AbstractContextManager[object]:
    """Expect a warning about damaged metadata, or none."""
    return pytest.warns(kmq.KmqWarning, match="^metadata: ") if is_damaged else nullcontext()


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def described(image: Any) -> dict[str, object]:
    """Return what the manifest has of an image, of one that the reference decoder returned."""
    items = image.metadata and [[kind, payload.hex()] for kind, payload in image.metadata]
    return {
        "width": image.width,
        "height": image.height,
        "channels": image.channels(),
        "sha256": digest(image.pixels()),
        "palette_sha256": digest(bytes(sample for entry in image.palette for sample in entry)),
        "indices_sha256": digest(struct.pack(f"<{len(image.indices)}H", *image.indices)),
        "metadata": items,
    } | ({"labels_sha256": labels_digest(image.labels)} if image.labels else {})


def labels_digest(labels: list[int]) -> str:
    return digest(struct.pack(f"<{len(labels)}H", *labels))


def valid(name: str) -> bytes:
    return (VECTORS / "valid" / f"{name}.kmq").read_bytes()


def invalid(name: str) -> bytes:
    return (VECTORS / "invalid" / f"{name}.kmq").read_bytes()


@pytest.mark.parametrize("name", MANIFEST["valid"])
def test_kmq_decodes_every_valid_file(name):
    expected = MANIFEST["valid"][name]
    with told_of_damage(expected["metadata"] is None):
        pixels = kmq.decode(valid(name))
    assert pixels.shape == (expected["height"], expected["width"], expected["channels"])
    assert digest(pixels.tobytes()) == expected["sha256"]
    with told_of_damage(expected["metadata"] is None):
        image = kmq.load(valid(name))
    assert digest(Palette(image.palette).to_rgba().tobytes()) == expected["palette_sha256"]
    assert digest(image.indices.astype("<u2").tobytes()) == expected["indices_sha256"]
    assert bool(image.metadata) == bool(expected["metadata"])
    labels = None if image.labels is None else labels_digest(image.labels.tolist())
    assert labels == expected.get("labels_sha256")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.soak] if is_slow(name) else [])
        for name in MANIFEST["valid"]
    ],
)
def test_the_reference_decoder_decodes_every_valid_file(name):
    assert described(reference.decode(valid(name))) == MANIFEST["valid"][name]


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


def test_no_golden_file_of_the_final_format_has_changed():
    # These files never change. If this test fails, the format was changed: undo that.
    lines = (VECTORS / "SHA256SUMS").read_text().splitlines()
    assert len(lines) > 150
    frozen = {name: sum for sum, name in (line.split("  ") for line in lines)}
    assert {name: digest((VECTORS / name).read_bytes()) for name in frozen} == frozen


def test_the_golden_files_are_what_kmq_writes():
    written = module(FORMATS / "make_vectors.py").all_files()
    assert {
        name for name, data in written.items() if (VECTORS / name).read_bytes() != data
    } == set()


# Of these lines 7 and 23 are comments that name the sections of the specification.
@pytest.mark.parametrize(("name", "lines"), [("decoder", 320), ("modelled", 300)])
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
