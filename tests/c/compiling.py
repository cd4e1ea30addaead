"""Compiles the C decoder, and decodes many files in one process."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from conftest import ROOT
from numpy.typing import NDArray

SOURCES = ROOT / "formats" / "c"
DRIVER = Path(__file__).parent / "driver.c"
WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-pedantic", "-Werror")
C99 = ("-std=c99", "-O2")
SANITIZED = (
    *("-std=c99", "-g", "-O1"),
    *("-fsanitize=address,undefined", "-fno-sanitize-recover=all"),
)


@dataclass(frozen=True)
class Decoded:
    """What the C decoder finds in a file."""

    palette: NDArray[np.uint8]
    indices: NDArray[np.uint16]
    labels: NDArray[np.uint16] | None
    metadata: bytes
    metadata_are_damaged: bool


def compiled(source: Path, program: Path, compiler: str, *options: str) -> Path:
    """Compile a program, every warning being an error."""
    command = [compiler, *options, *WARNINGS, "-I", str(SOURCES), str(source), "-o", str(program)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return program


def decoded(driver: Path, files: Sequence[bytes], max_pixels: int = 1 << 28) -> list[Decoded | str]:
    """Return what the driver finds in each file: an image, or the sentence of an error."""
    asked = b"".join(struct.pack("<I", len(data)) + data for data in files)
    done = subprocess.run(
        [driver, str(max_pixels)], input=asked, capture_output=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    results: list[Decoded | str] = []
    rest = memoryview(done.stdout)
    while rest:
        error, length = struct.unpack_from("<II", rest)
        result, rest = rest[8 : 8 + length], rest[8 + length :]
        results.append(str(result, "ascii") if error else _image(result))
    assert len(results) == len(files)
    return results


def _image(result: memoryview) -> Decoded:
    width, height, colors, has_labels, damaged, metadata_size = struct.unpack_from("<6I", result)
    palette = np.frombuffer(result, np.uint8, 4 * colors, 24).reshape(colors, 4)
    at = 24 + 4 * colors
    labels = np.frombuffer(result, "<u2", colors, at) if has_labels else None
    at += 2 * colors if has_labels else 0
    indices = np.frombuffer(result, "<u2", width * height, at).reshape(height, width)
    at += 2 * width * height
    assert at + metadata_size == len(result)
    return Decoded(palette, indices, labels, bytes(result[at:]), bool(damaged))
