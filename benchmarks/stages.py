"""Where the time goes: each stage of quantising an image, as a multiple of reading its pixels.

    python benchmarks/stages.py --images photo.png large.jpg --colors 256

The floor is one pass of compiled code that reads every pixel once and adds them up.
Each stage is the function that does it, timed from inside a whole run.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any
from unittest import mock

import numpy as np
from numpy.typing import NDArray
from reporting import machine_line, markdown_table, write_between

from kmq import clustering, jit, pixels
from kmq.clustering import fitting, histogram
from kmq.container import writing

STAGES: dict[str, tuple[Any, str]] = {
    "distinct colours and counts": (histogram.Histogram, "of_pixels"),
    "points and their cells": (fitting, "distinct_colors"),
    "starts and searches on coarse points": (fitting, "cluster"),
    "iterations over distinct colours": (fitting, "iterate"),
    "whole-number palette": (fitting, "whole_number_palette"),
    "every pixel's entry looked up": (clustering, "look_up"),
}
"""The displayed name of each stage, and its function under the name that its caller uses."""


def read_every_pixel(samples: NDArray[np.uint8]) -> int:
    """Combine all samples, eight at a time, as fast as NumPy can."""
    whole = len(samples) // 8 * 8
    return int(np.bitwise_xor.reduce(samples[:whole].view(np.uint64)))


@contextmanager
def timed_stages(seconds: dict[str, float]) -> Iterator[None]:
    """Let every stage add its time to `seconds`, less that of stages within it."""
    inner = [0.0]

    def timed(stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **named: Any) -> Any:
            inner.append(0.0)
            started = time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                took = time.perf_counter() - started
                seconds[stage] += took - inner.pop()
                inner[-1] += took

        return run

    with ExitStack() as patches:
        for stage, (home, name) in STAGES.items():
            patches.enter_context(mock.patch.object(home, name, timed(stage, getattr(home, name))))
        yield


def measure(rgb: NDArray[np.uint8], colors: int, threads: int, repeats: int) -> dict[str, float]:
    """Return the median milliseconds of the floor, each stage, the rest and the whole."""
    runs: dict[str, list[float]] = {}
    for _ in range(repeats + 1):
        seconds = dict.fromkeys(STAGES, 0.0)
        started = time.perf_counter()
        read_every_pixel(rgb.reshape(-1))
        floor = time.perf_counter() - started
        with timed_stages(seconds):
            started = time.perf_counter()
            indexed = clustering.quantize(rgb, colors, threads=threads)
            whole = time.perf_counter() - started
        started = time.perf_counter()
        writing.dumps(indexed, threads=threads)
        coding = time.perf_counter() - started
        run = {"reading every pixel once (the floor)": floor, **seconds}
        run["the rest of quantize"] = whole - sum(seconds.values())
        run["quantize, the whole"] = whole
        run["file written to memory"] = coding
        for stage, took in run.items():
            runs.setdefault(stage, []).append(1000 * took)
    return {stage: median(times[1:]) for stage, times in runs.items()}


def report(path: Path, colors: int, threads: int, repeats: int) -> str:
    """Return the table for one image."""
    rgb = pixels.read(path, background="white").rgb
    times = measure(rgb, colors, threads, repeats)
    floor = next(iter(times.values()))
    rows = [[stage, f"{ms:.2f}", f"{ms / floor:.1f}"] for stage, ms in times.items()]
    size = f"{rgb.shape[1]}x{rgb.shape[0]}"
    title = f"`{path.name}`, {size}, K = {colors}, {threads} threads, {jit.in_use}:"
    return f"{title}\n\n{markdown_table(['stage', 'ms', 'of the floor'], rows, 'lrr')}"


def main() -> None:
    """Run the benchmark as the command line asks."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--images", nargs="+", type=Path, required=True)
    parser.add_argument("--colors", type=int, default=256)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="put the tables between their markers"
    )
    arguments = parser.parse_args()
    tables = [
        report(path, arguments.colors, arguments.threads, arguments.repeats)
        for path in arguments.images
    ]
    text = "\n\n".join([machine_line(["numpy", "numba", "kmq"]), *tables])
    sys.stdout.write(text + "\n")
    if arguments.write:
        write_between(arguments.write, "stages", text)


if __name__ == "__main__":
    main()
