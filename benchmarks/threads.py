"""How much sooner two threads code an indexed image than one: kmq's container alone.

    python benchmarks/threads.py --images large.jpg --colors 16,256

Beside it what the machine has to give: two processes that share nothing, each with the
whole work and one thread.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median

from reporting import Timed, machine_line, markdown_table, time_rounds, write_between

import kmq
from kmq import pixels
from kmq.container import reading, writing

Work = Callable[[int], object]
"""Codes an image with so many threads."""

_work: dict[str, Work] = {}
"""What this process can do, set once in each."""


def prepare(path: Path, colors: int) -> float:
    """Quantise an image, make ready to code it, and return its megapixels."""
    indexed = kmq.quantize(pixels.read(path).rgb, colors)
    data = writing.dumps(indexed)
    _work["encode"] = lambda threads: writing.dumps(indexed, threads=threads)
    _work["decode"] = lambda threads: reading.loads(data, threads=threads)
    return indexed.width * indexed.height / 1e6


def work(name: str, threads: int) -> None:
    """Code the image once, in this process."""
    _work[name](threads)


def rows_for(path: Path, colors: int, repeats: int) -> list[list[str]]:
    """Return a row of the table for encoding and one for decoding."""
    megapixels = prepare(path, colors)
    context = multiprocessing.get_context("spawn")
    rows = []
    with ProcessPoolExecutor(2, context, prepare, (path, colors)) as pool:

        def work_twice(name: str) -> None:
            for done in [pool.submit(work, name, 1) for _ in range(2)]:
                done.result()

        for name in _work:
            work_twice(name)  # starts both processes
            tasks = {
                "one": partial(work, name, 1),
                "two": partial(work, name, 2),
                "processes": partial(work_twice, name),
            }
            timed = time_rounds(tasks, dict.fromkeys(tasks, repeats))
            speeds = [f"{1000 * megapixels / timed[each].median_ms:.1f}" for each in ("one", "two")]
            gains = [gain(timed, "two", 1), gain(timed, "processes", 2)]
            rows.append([path.name, f"{megapixels:.1f}", str(colors), name, *speeds, *gains])
    return rows


def gain(timed: dict[str, Timed[None]], name: str, amount: int) -> str:
    """Return how many times faster than one thread, the median of the rounds' ratios.

    Both times of a ratio are of one round, for a shared machine changes between rounds.
    """
    pairs = zip(timed["one"].seconds, timed[name].seconds, strict=True)
    return f"{median(amount * one / other for one, other in pairs):.2f}"


def main() -> None:
    """Run the benchmark as the command line asks."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--images", nargs="+", type=Path, required=True)
    parser.add_argument("--colors", default="16,256", help="numbers of colours (default 16,256)")
    parser.add_argument("--repeats", type=int, default=15, help="rounds timed (default 15)")
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="put the table between its markers"
    )
    arguments = parser.parse_args()
    rows = [
        row
        for path in arguments.images
        for colors in map(int, arguments.colors.split(","))
        for row in rows_for(path, colors, arguments.repeats)
    ]
    head = ["image", "megapixels", "K", "", "MP/s, 1 thread", "2 threads", "gain, 2 threads"]
    table = markdown_table([*head, "2 processes"], rows, "lrrlrrrr")
    report = machine_line(["numpy", "numba", "kmq"]) + "\n\n" + table
    sys.stdout.write(report + "\n")
    if arguments.write:
        write_between(arguments.write, "threads", report)


if __name__ == "__main__":
    main()
