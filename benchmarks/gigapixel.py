"""A gigapixel encoded and decoded within bounded memory, by the command line.

    python benchmarks/gigapixel.py --image large.jpg [--pixels 1e9] [--memory 512MB] [--write]

A tiled BigTIFF with that number of pixels repeats the image. Each command runs in a process
of its own, and the system measures its peak of resident memory. Files go to a temporary
folder, which takes about as many bytes as the TIFF has.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image
from reporting import machine_line, markdown_table, write_between

PAGE = Path(__file__).parent / "README.md"
TILE = 256
COLORS = 64

CHILD = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""


@dataclass(frozen=True)
class Run:
    """What a command took."""

    name: str
    seconds: float
    peak_megabytes: float
    megabytes_written: float


def tiles_of(image: NDArray[np.uint8], height: int, width: int) -> Iterator[NDArray[np.uint8]]:
    """Yield the tiles of a picture in which the image is repeated."""
    rows, columns = np.arange(height), np.arange(width)
    for top in range(0, height, TILE):
        band = image[rows[top : top + TILE] % image.shape[0]][:, columns % image.shape[1]]
        for left in range(0, width, TILE):
            tile = np.zeros((TILE, TILE, 3), np.uint8)
            part = band[:, left : left + TILE]
            tile[: part.shape[0], : part.shape[1]] = part
            yield tile


def run(name: str, arguments: list[str], output: Path) -> Run:
    """Run a command of kmq in a process of its own."""
    command = [sys.executable, "-c", CHILD, sys.executable, "-m", "kmq", *arguments]
    started = time.perf_counter()
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    seconds = time.perf_counter() - started
    print(done.stderr.strip(), file=sys.stderr)
    done.check_returncode()
    peak = int(done.stderr.split()[-1]) * 1024 / 1e6
    return Run(name, seconds, peak, output.stat().st_size / 1e6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image", type=Path, required=True)
    parser.add_argument("--pixels", type=float, default=1e9)
    parser.add_argument("--memory", default="512MB")
    parser.add_argument("--write", action="store_true", help="put the table into the page")
    options = parser.parse_args()

    side = round(options.pixels**0.5)
    image = np.asarray(Image.open(options.image).convert("RGB"))
    memory = ["--memory", options.memory, "--max-pixels", str(2 * side * side)]
    with tempfile.TemporaryDirectory() as folder:
        scan, coded = Path(folder, "scan.tif"), Path(folder, "scan.kmq")
        tifffile.imwrite(
            scan,
            tiles_of(image, side, side),
            shape=(side, side, 3),
            dtype=np.uint8,
            tile=(TILE, TILE),
            photometric="rgb",
            compression="zlib",
            bigtiff=True,
        )
        stored = scan.stat().st_size / 1e6
        png, tiff = Path(folder, "a.png"), Path(folder, "a.tif")
        encode = ["encode", str(scan), "-o", str(coded), "-k", str(COLORS)]
        box = f"{side // 2},{side // 2},640,480"
        runs = [run(f"encode, {COLORS} colours", [*encode, *memory], coded)]
        for name, target in (("decode to PNG", png), ("decode to TIFF", tiff)):
            runs.append(run(name, ["decode", str(coded), "-o", str(target), *memory], target))
        part = Path(folder, "part.png")
        runs.append(
            run(
                "decode a box of 640x480",
                ["decode", str(coded), "-o", str(part), "--box", box],
                part,
            )
        )
    rows = [
        [
            each.name,
            f"{each.seconds:,.1f}",
            f"{side * side / 1e6 / each.seconds:,.1f}",
            f"{each.peak_megabytes:,.0f}",
            f"{each.megabytes_written:,.1f}",
        ]
        for each in runs
    ]
    rows[-1][2] = ""
    header = ["command", "seconds", "MP/s", "peak memory, MB", "written, MB"]
    text = "\n".join(
        [
            f"{side:,} x {side:,} pixels in tiles of {TILE} x {TILE}, a BigTIFF of {stored:,.0f} "
            f"MB; `--memory {options.memory}`. {machine_line(('numpy', 'numba'))}",
            "",
            markdown_table(header, rows, "lrrrr"),
        ]
    )
    print(text)
    if options.write:
        write_between(PAGE, "gigapixel", text)


if __name__ == "__main__":
    main()
