"""Decoding speed: kmq's four decoders compared with PNG, lossless WebP and JPEG XL.

    python benchmarks/decoders.py --images DIR [DIR ...] --colors 16,256 --write

Processor time of one thread, from the bytes of a file in memory to indices (kmq) or pixels
(the peers, through Pillow). A folder is a class of opaque images, of which every second is
taken. Every round runs all decoders, and the median counts.
The decoder in JavaScript needs Node, that in C a C compiler; the reference decoder, which is
written to be read, gets a part of 64 x 64 pixels.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import geometric_mean, median

import numpy as np
import oxipng
import pillow_jxl  # noqa: F401  it teaches Pillow JPEG XL
from numpy.typing import NDArray
from PIL import Image
from reporting import machine_line, markdown_table, write_between

import kmq

ROOT = Path(__file__).parent.parent
README = Path(__file__).parent / "README.md"
sys.path.insert(0, str(ROOT / "formats"))
import reference_decoder  # noqa: E402  it is not part of the package

ROUNDS = 5
WARM = 4
"""JavaScript decodings before the measured one, during which the engine compiles."""
PART = 64
DECODERS = ("Python", "C", "JavaScript", "reference")
PEERS = ("PNG", "WebP", "JPEG XL")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, nargs="+", required=True)
    parser.add_argument("--colors", default="16,256")
    parser.add_argument("--most", type=int, default=4, help="images per class")
    parser.add_argument("--write", action="store_true", help="write the table to README.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        program = compiled(folder)
        rows = []
        for images in options.images:
            paths = sorted(images.glob("*.png"))[1::2][: options.most]
            for colors in map(int, options.colors.split(",")):
                speeds = [measured(kmq.quantize(p, colors), folder, program) for p in paths]
                rows.append(row_of(images.name, colors, speeds))
                print(" ".join(rows[-1]), file=sys.stderr)
    head = ["class", "K", *(f"kmq: {name}" for name in DECODERS), *PEERS, "JavaScript / Python"]
    table = markdown_table(head, rows, "l" + "r" * (len(head) - 1))
    text = f"{machine_line(('kmq', 'numba', 'Pillow', 'pillow-jxl-plugin'))}{tools()}\n\n{table}"
    print(text)
    if options.write:
        write_between(README, "decoders", text)


def row_of(name: str, colors: int, speeds: list[dict[str, float]]) -> list[str]:
    mean = {kind: geometric_mean(speed[kind] for speed in speeds) for kind in speeds[0]}
    cells = [f"{mean[kind]:.3g}" if kind in mean else "-" for kind in (*DECODERS, *PEERS)]
    ratio = f"{mean['JavaScript'] / mean['Python']:.2f}" if "JavaScript" in mean else "-"
    return [name, str(colors), *cells, ratio]


def measured(indexed: kmq.IndexedImage, folder: Path, program: Path | None) -> dict[str, float]:
    """Return the megapixels per second of each decoder."""
    data = kmq.encode(indexed)
    file = folder / "image.kmq"
    file.write_bytes(data)
    part = kmq.IndexedImage(indexed.palette, indexed.indices[:PART, :PART])
    rgb = Image.fromarray(indexed.to_rgb())
    tasks: dict[str, Callable[[], float]] = {
        "Python": timed(lambda: kmq.load(io.BytesIO(data), threads=1)),
        "PNG": timed_opening(optimized_png(indexed)),
        "WebP": timed_opening(saved(rgb, format="WEBP", lossless=True, method=6, quality=100)),
        "JPEG XL": timed_opening(saved(rgb, format="JXL", lossless=True, effort=7)),
    }
    if node := shutil.which("node"):
        tasks["JavaScript"] = lambda: in_javascript(node, file)
    if program is not None:
        tasks["C"] = lambda: in_c(program, file)
    times: dict[str, list[float]] = {name: [] for name in tasks}
    for task in tasks.values():
        task()
    for _ in range(ROUNDS):
        for name, task in tasks.items():
            times[name].append(task())
    pixels = indexed.indices.size
    speeds = {name: pixels / median(seconds) / 1e6 for name, seconds in times.items()}
    encoded = kmq.encode(part)
    seconds = timed(lambda: reference_decoder.decode(encoded))()
    speeds["reference"] = part.indices.size / seconds / 1e6
    return speeds


def timed(task: Callable[[], object]) -> Callable[[], float]:
    def run() -> float:
        start = time.process_time()
        task()
        return time.process_time() - start

    return run


def timed_opening(data: bytes) -> Callable[[], float]:
    return timed(lambda: opened(data))


def opened(data: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


def saved(image: Image.Image, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, **options)  # type: ignore[arg-type]
    return stream.getvalue()


def optimized_png(indexed: kmq.IndexedImage) -> bytes:
    image = Image.fromarray(indexed.indices.astype(np.uint8))
    image.putpalette(indexed.palette.tobytes())
    return oxipng.optimize_from_memory(saved(image, format="PNG"), level=4)


def in_javascript(node: str, file: Path) -> float:
    """Return the seconds of one decoding, once the engine has compiled what it runs."""
    script = str(Path(__file__).with_suffix(".mjs"))
    command = [node, script, str(WARM + 3), str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return median(json.loads(done.stdout)[WARM:]) / 1000


def compiled(folder: Path) -> Path | None:
    """Compile the driver of the decoder in C, if there is a compiler."""
    compiler = shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return None
    program = folder / "driver"
    source = ROOT / "tests" / "c" / "driver.c"
    subprocess.run([compiler, "-std=c99", "-O2", str(source), "-o", str(program)], check=True)
    return program


def in_c(program: Path, file: Path) -> float:
    command = [str(program), "--time", "3", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return median(float(number) for number in done.stdout.split())


def tools() -> str:
    """Return the versions of Node and of the compiler."""
    found = ""
    for name in ("node", "gcc"):
        if path := shutil.which(name):
            said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True)
            found += f", {name} {said.stdout.splitlines()[0].split()[-1].lstrip('v')}"
    return found


if __name__ == "__main__":
    main()
