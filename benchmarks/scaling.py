"""Time and memory of kmq against pixels, number of colours, and threads.

    python benchmarks/scaling.py --image large.jpg

One image is cut and tiled to every size. Each case runs in a separate process. Time is the
median of several runs after a warm-up; memory is the peak of a process that only encodes the
image from its file.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from reporting import machine_line, markdown_table, write_between

import kmq
from kmq import pixels

MEGAPIXELS = (0.1, 0.4, 1.0, 2.5, 9.8, 40.0)
COLORS = (2, 4, 16, 64, 256, 1024, 4096)
THREADS = (1, 2)
SMALL, LARGE = 0.4, 9.8
DEFAULT_COLORS = 256


@dataclass(frozen=True)
class Case:
    """What one process does."""

    megapixels: float
    colors: int
    threads: int


@dataclass(frozen=True)
class Figures:
    """What it took."""

    case: Case
    milliseconds: float
    peak_megabytes: float
    allowed_megabytes: float


def cases() -> Iterator[Case]:
    """Yield every case once."""
    for megapixels in MEGAPIXELS:
        for threads in THREADS:
            yield Case(megapixels, DEFAULT_COLORS, threads)
    for colors in COLORS:
        if colors != DEFAULT_COLORS:
            yield Case(SMALL, colors, max(THREADS))


def image_of(source: NDArray[np.uint8], megapixels: float) -> NDArray[np.uint8]:
    """Return the middle of an image, or the image beside itself, three wide to two high."""
    height = round((megapixels * 1e6 * 2 / 3) ** 0.5)
    width = round(height * 3 / 2)
    across, down = -(-width // source.shape[1]), -(-height // source.shape[0])
    tiled = np.tile(source, (down, across, 1))
    top, left = (tiled.shape[0] - height) // 2, (tiled.shape[1] - width) // 2
    return tiled[top : top + height, left : left + width]


def measure(case: Case, path: Path, repeats: int) -> Figures:
    """Run a case twice, in two processes: one for the time, one for the memory.

    In this order, because compiling takes memory too, which only a first run needs.
    """
    seconds = _in_a_process(case, path, repeats)["seconds"]
    memory = _in_a_process(case, path, 0)["peak_bytes"]
    with Image.open(path) as image:
        count = image.width * image.height
    return Figures(case, 1000 * seconds, memory / 1e6, 200 + 14 * count / 1e6)


def run_case(case: Case, path: Path, repeats: int) -> dict[str, float]:
    """Encode the file once and, if asked, its pixels again and again; in this process."""
    kmq.encode(path, case.colors, threads=case.threads)
    peak = peak_bytes()
    seconds = []
    rgb = pixels.read(path).rgb
    for _ in range(repeats):
        started = time.perf_counter()
        kmq.encode(rgb, case.colors, threads=case.threads)
        seconds.append(time.perf_counter() - started)
    return {"peak_bytes": peak, "seconds": median(seconds) if seconds else 0.0}


def peak_bytes() -> int:
    """Return the most memory that this program held (Linux).

    getrusage would count what the parent held when it forked this process.
    """
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def _in_a_process(case: Case, path: Path, repeats: int) -> dict[str, float]:
    request = json.dumps({"case": asdict(case), "path": str(path), "repeats": repeats})
    done = subprocess.run(
        [sys.executable, __file__, "--run", request], capture_output=True, text=True, check=True
    )
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def table(figures: list[Figures]) -> str:
    """Return a row a case."""
    rows = [
        [
            f"{each.case.megapixels:g}",
            f"{each.case.colors:,}",
            str(each.case.threads),
            f"{each.milliseconds:,.0f}",
            f"{each.milliseconds / each.case.megapixels:,.0f}",
            f"{each.peak_megabytes:,.0f}",
            f"{each.allowed_megabytes:,.0f}",
        ]
        for each in figures
    ]
    head = [
        "megapixels",
        "K",
        "threads",
        "ms",
        "ms a megapixel",
        "peak MB",
        "200 MB + 14 B a pixel",
    ]
    return markdown_table(head, rows, "rrrrrrr")


def plot(figures: list[Figures], path: Path) -> None:
    """Draw time and memory against pixels, and time against K."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (by_pixels, memory, by_colors) = pyplot.subplots(1, 3, figsize=(13, 4))
    for threads in THREADS:
        line = [
            each
            for each in figures
            if each.case.colors == DEFAULT_COLORS and each.case.threads == threads
        ]
        sizes = [each.case.megapixels for each in line]
        label = f"{threads} thread{'s' if threads > 1 else ''}"
        by_pixels.loglog(sizes, [each.milliseconds for each in line], "o-", label=label)
        if threads == max(THREADS):
            memory.loglog(sizes, [each.peak_megabytes for each in line], "o-", label="peak")
            allowed = [each.allowed_megabytes for each in line]
            memory.loglog(sizes, allowed, "k--", label="200 MB + 14 B a pixel")
    curve = sorted(
        (
            each
            for each in figures
            if each.case.megapixels == SMALL and each.case.threads == max(THREADS)
        ),
        key=lambda each: each.case.colors,
    )
    by_colors.loglog(
        [each.case.colors for each in curve], [each.milliseconds for each in curve], "o-"
    )
    by_pixels.set(xlabel="megapixels", ylabel="ms", title=f"encode, K = {DEFAULT_COLORS}")
    memory.set(xlabel="megapixels", ylabel="MB", title=f"memory, K = {DEFAULT_COLORS}")
    by_colors.set(xlabel="K", ylabel="ms", title=f"encode, {SMALL} megapixels")
    for axes in (by_pixels, memory):
        axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=90)


def main() -> None:
    """Run the benchmark as the command line asks."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--image", type=Path, help="an image of some ten megapixels")
    parser.add_argument("--repeats", type=int, default=5, help="runs timed (default 5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw them there")
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="put the table between its markers"
    )
    parser.add_argument("--run", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        request = json.loads(arguments.run)
        done = run_case(Case(**request["case"]), Path(request["path"]), request["repeats"])
        sys.stdout.write(json.dumps(done))
        return
    if arguments.image is None:
        parser.error("--image is needed")
    source = pixels.read(arguments.image).rgb
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        for case in cases():
            path = Path(folder) / f"{case.megapixels}.png"
            if not path.exists():
                cut = Image.fromarray(image_of(source, case.megapixels))
                cut.save(path, compress_level=1)
            figures.append(measure(case, path, arguments.repeats))
            sys.stderr.write(f"{figures[-1]}\n")
    report = f"{machine_line(['numpy', 'numba', 'kmq'])}\n\n{table(figures)}"
    sys.stdout.write(report + "\n")
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(each) for each in figures], indent=1) + "\n")
    if arguments.plot:
        plot(figures, arguments.plot)
    if arguments.write:
        write_between(arguments.write, "scaling", report)


if __name__ == "__main__":
    main()
