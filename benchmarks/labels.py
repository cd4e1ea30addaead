"""Labels and indices in Zarr chunks: kmq compared with Blosc, Zstandard and PNG.

    python benchmarks/labels.py --images graphics/ [--write]

Label masks are drawn here: cells of a Voronoi diagram that drift from slice to slice.
Index planes are those of the images in 16 and 256 colours. A chunk is one slice; sizes are
those of all chunks, times the medians of several rounds of processor time.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numcodecs import Blosc, Zstd
from numpy.typing import NDArray
from PIL import Image
from reporting import machine_line, markdown_table, write_between

import kmq
from kmq.zarr import KmqCodec

PAGE = Path(__file__).parent / "README.md"
ROUNDS = 3
SLICES, SIDE = 8, 512

Coder = tuple[Callable[[NDArray[Any]], bytes], Callable[[bytes], object]]


def cells(count: int) -> NDArray[np.uint16]:
    """Return a stack of masks: each pixel holds the number of the nearest of `count` points."""
    random = np.random.default_rng(count)
    points = random.uniform(0, SIDE, (count, 2))
    rows, columns = np.mgrid[:SIDE, :SIDE]
    stack = np.empty((SLICES, SIDE, SIDE), np.uint16)
    for each in stack:
        nearest = np.full((SIDE, SIDE), np.inf)
        for number, (y, x) in enumerate(points):
            distance = (rows - y) ** 2 + (columns - x) ** 2
            each[distance < nearest] = number
            nearest = np.minimum(distance, nearest)
        points += random.normal(0, 1.5, points.shape)
    return stack


def planes(folder: Path) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield named stacks of slices."""
    yield "60 cells", cells(60)
    yield "700 cells", cells(700)
    for colors in (16, 256):
        for path in sorted(folder.glob("*.png"))[::2]:  # the held-out half
            indices = kmq.quantize(path, colors).indices
            yield f"{path.stem}, K = {colors}", indices[np.newaxis]


def png(array: NDArray[Any]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG", compress_level=9)
    return file.getvalue()


def coders() -> dict[str, Coder]:
    blosc = Blosc("zstd", clevel=9, shuffle=Blosc.BITSHUFFLE)
    zstd, ours = Zstd(19), KmqCodec()
    return {
        "kmq": (ours.encode, ours.decode),
        "Blosc": (lambda a: blosc.encode(np.ascontiguousarray(a)), blosc.decode),
        "Zstd 19": (lambda a: zstd.encode(np.ascontiguousarray(a)), zstd.decode),
        "PNG": (png, lambda data: np.asarray(Image.open(io.BytesIO(data)))),
    }


def processor_seconds(work: Callable[[], object]) -> float:
    work()
    spent = []
    for _ in range(ROUNDS):
        started = time.process_time()
        work()
        spent.append(time.process_time() - started)
    return median(spent)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--write", action="store_true", help="put the table into the page")
    options = parser.parse_args()
    made = coders()
    rows, speeds = [], {name: [0.0, 0.0] for name in made}
    total = 0
    for name, stack in planes(options.images):
        total += stack.size
        row = [name]
        for coder, (encode, decode) in made.items():
            chunks = [encode(each) for each in stack]
            row.append(f"{sum(map(len, chunks)):,}")
            speeds[coder][0] += processor_seconds(lambda e=encode, s=stack: [e(each) for each in s])
            speeds[coder][1] += processor_seconds(lambda d=decode, c=chunks: [d(x) for x in c])
        rows.append(row)
    for place, what in enumerate(("encode, MP/s", "decode, MP/s")):
        rows.append([what, *(f"{total / 1e6 / speeds[coder][place]:,.1f}" for coder in made)])
    text = "\n\n".join(
        [
            f"Bytes. {machine_line(('numpy', 'numcodecs', 'pillow'))}",
            markdown_table(["slices", *made], rows, "l" + "r" * len(made)),
        ]
    )
    print(text)
    if options.write:
        write_between(PAGE, "labels", text)


if __name__ == "__main__":
    main()
