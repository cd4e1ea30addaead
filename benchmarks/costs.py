"""Time and memory of the costliest known files, compared with honest files of the same size.

    python benchmarks/costs.py [--write]

Each file claims about four megapixels and is loaded in a separate process, after the kernels.
The honest file is kmq's for a grainy picture with the same number of pixels and colours. PNG,
WebP and GIF files contain one colour, which lets a few bytes claim the most pixels there.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from reporting import machine_line, markdown_table, write_between

import kmq
from kmq.container import modelled, packed
from kmq.container.fields import checksum
from kmq.container.head import MODELLED, PACKED, RGB, least_stripe_pixels, write_head

PAGE = Path(__file__).parent.parent / "docs" / "reliability.md"
SIDE = 2048
PALETTES = (2, 256, 65_536)

MEASURED = """
import io, json, re, sys, time
from pathlib import Path
from PIL import Image
import kmq

def kilobytes(name):
    return int(re.search(name + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

data = open(sys.argv[1], "rb").read()

def load():
    if data.startswith(b"\\x89KMQ"):
        return kmq.load(data, threads=1)
    return Image.open(io.BytesIO(data)).load()

def attempt():
    try:
        load()
    except kmq.FormatError as error:
        return str(error)
    return ""

kmq.load(open(sys.argv[2], "rb").read())
Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
before = kilobytes("VmRSS")
started = time.process_time()
outcome = attempt()
print(json.dumps([outcome, time.process_time() - started, kilobytes("VmHWM") - before]))
"""


def palette(colors: int) -> NDArray[np.uint8]:
    """Return distinct colours in an order that suits no picture."""
    codes = np.arange(colors) * 40_503 % (1 << 24)
    return np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=1).astype(np.uint8)


def grain(colors: int, height: int, width: int) -> NDArray[np.uint16]:
    """Return indices of slopes with some noise, like those of a grainy picture."""
    y, x = np.mgrid[:height, :width]
    slope = (x / width + y / height) / 2 * (colors - 1)
    noise = np.random.default_rng(0).normal(0, max(0.3, colors / 60), (height, width))
    return (slope + noise).round().clip(0, colors - 1).astype(np.uint16)


def file_of(colors: int, height: int, width: int, rows: int, coding: int, body: bytes) -> bytes:
    """Return a file whose stripes all have this body."""
    bodies = [(coding, body)] * -(-height // rows)
    head = write_head(width, height, RGB, palette(colors).tobytes(), rows, bodies)
    return head + (body + checksum(body)) * len(bodies)


def hostile(colors: int) -> Iterator[tuple[str, bytes]]:
    """Yield the costliest known files."""
    rows = SIDE // 2  # 2^21 pixels in a stripe
    flat = np.zeros((rows, SIDE), np.uint16)
    yield (
        "one colour, packed",
        file_of(colors, SIDE, SIDE, rows, PACKED, packed.encode(flat, colors)),
    )
    yield (
        "one colour, modelled",
        file_of(colors, SIDE, SIDE, rows, MODELLED, modelled.encode(flat, palette(colors))),
    )
    random = np.random.default_rng(1)
    noise = random.integers(0, colors, (rows, SIDE), np.uint16)
    yield (
        "noise, modelled",
        file_of(colors, SIDE, SIDE, rows, MODELLED, modelled.encode(noise, palette(colors))),
    )
    yield "body of noise, short", file_of(colors, SIDE, SIDE, rows, MODELLED, random.bytes(4000))
    yield "body empty", file_of(colors, SIDE, SIDE, rows, MODELLED, b"")
    few = -(-least_stripe_pixels(colors) // SIDE)
    small = random.integers(0, colors, (few, SIDE), np.uint16)
    yield (
        "smallest stripes, modelled",
        file_of(
            colors, SIDE // few * few, SIDE, few, MODELLED, modelled.encode(small, palette(colors))
        ),
    )
    tall = 1 << 17
    column = np.zeros((tall, 1), np.uint16)
    yield (
        "one column, modelled",
        file_of(colors, 32 * tall, 1, tall, MODELLED, modelled.encode(column, palette(colors))),
    )


def peers() -> Iterator[tuple[str, bytes]]:
    """Yield other formats' files of one colour."""
    for kind in ("PNG", "WEBP", "GIF"):
        file = io.BytesIO()
        Image.new("P", (SIDE, SIDE)).save(file, kind)
        yield f"{kind}, one colour", file.getvalue()


def measured(data: bytes) -> tuple[str, float, float]:
    """Return the outcome, milliseconds and megabytes of loading a file."""
    with tempfile.TemporaryDirectory() as folder:
        path, small = Path(folder, "file"), Path(folder, "small.kmq")
        path.write_bytes(data)
        tiny = kmq.IndexedImage(palette(300), np.arange(900).reshape(30, 30) % 300)
        small.write_bytes(kmq.encode(tiny, coding="modelled"))
        runs = [
            json.loads(
                subprocess.run(
                    [sys.executable, "-c", MEASURED, path, small],
                    check=True,
                    capture_output=True,
                    text=True,
                ).stdout
            )
            for _ in range(3)
        ]
    outcome, seconds, kilobytes = min(runs, key=lambda run: run[1])
    return outcome, 1000 * seconds, kilobytes / 1024


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="put the table into reliability.md")
    arguments = parser.parse_args()
    rows = []

    def add(colors: str, name: str, data: bytes, honest: tuple[float, float] | None) -> None:
        outcome, milliseconds, megabytes = measured(data)
        beside = ["", ""]
        if honest is not None:
            beside = [f"{milliseconds / honest[0]:.2f}", f"{megabytes / honest[1]:.2f}"]
        what = "refused" if outcome else "read"
        figures = [f"{milliseconds:.1f}", f"{1e6 * milliseconds / SIDE**2:.1f}", f"{megabytes:.1f}"]
        rows.append([colors, name, f"{len(data):,}", what, *figures, *beside])

    for colors in PALETTES:
        picture = kmq.IndexedImage(palette(colors), grain(colors, SIDE, SIDE))
        data = kmq.encode(picture, coding="modelled")
        _, milliseconds, megabytes = measured(data)
        add(f"{colors:,}", "honest", data, None)
        for name, data in hostile(colors):
            add(f"{colors:,}", name, data, (milliseconds, megabytes))
    for name, data in peers():
        add("", name, data, None)
    head = ["K", "file", "bytes", "outcome", "ms", "ns per pixel", "MB", "time / honest"]
    table = markdown_table([*head, "memory / honest"], rows, "rlrlrrrrr")
    text = f"{machine_line(['kmq', 'numba', 'Pillow'])}\n\n{table}"
    print(text)
    if arguments.write:
        write_between(PAGE, "costs", text)


if __name__ == "__main__":
    main()
