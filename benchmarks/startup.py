"""How long whole processes take, beside pngquant and Pillow's quantize.

    python benchmarks/startup.py --image photo.png --colors 64

Every command is a process of its own, as a person's is who encodes one picture. What
kmq has to load is measured by bare Python and Python with click, the library of its
command line. SciPy costs kmq time where it is installed, for numba loads it then.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from reporting import Timed, machine_line, markdown_table, time_rounds, write_between

KMQ = [sys.executable, "-c", "from kmq.cli import main; main()"]
PILLOW = """
import sys
from PIL import Image
Image.open(sys.argv[1]).quantize(int(sys.argv[3])).save(sys.argv[2])
"""
LIBRARIES = """
import gc, os
os.environ["OPENBLAS_NUM_THREADS"] = "1"
gc.disable()
import click, numba
from PIL import Image
"""
"""Loads what an encode stands on, as kmq does."""
A_KERNEL = """
import numpy
from kmq.clustering import points
points.add_runs(numpy.ones((1, 4), int), numpy.zeros(1, int))
gc.freeze()
"""
SLOW = "first encode, nothing compiled"
SLOW_REPEATS = 2

RATIOS = {
    "python, click, Pillow, NumPy, numba": "pngquant",
    "the same and one kernel of kmq's": "pngquant",
    "kmq --help": "python and click",
    "kmq info": "python and click",
    "kmq encode": "pngquant",
    "kmq encode, effort fast": "pngquant",
    "Pillow's quantize": "pngquant",
}
"""What a row is compared with."""


def run(command: list[str | Path], cache: Path | None = None) -> None:
    """Run a process, with a cache of compiled code of its own where one is given."""
    environment = dict(os.environ)
    if cache is not None:
        shutil.rmtree(cache, ignore_errors=True)
        environment["NUMBA_CACHE_DIR"] = str(cache)
    subprocess.run(command, env=environment, check=True, capture_output=True)


def commands(image: Path, colors: int, folder: Path) -> dict[str, Callable[[], None]]:
    """Return what is timed, by its name; encodes what the decoders read."""
    encode = [*KMQ, "encode", "-q", "-f", "-k", str(colors), image, "-o"]
    decode = [*KMQ, "decode", "-q", "-f"]
    modelled, png = folder / "a.kmq", folder / "a.png"
    run([*encode, modelled])
    packed = {number: folder / f"packed-{number}.kmq" for number in (colors, colors - 1)}
    for number, path in packed.items():
        run([*encode, path, "--coding", "packed", "-k", str(number)])
    tasks: dict[str, Callable[[], None]] = {
        "python": partial(run, [sys.executable, "-c", "pass"]),
        "python and click": partial(run, [sys.executable, "-c", "import click"]),
        "python, click, Pillow, NumPy, numba": partial(run, [sys.executable, "-c", LIBRARIES]),
        "the same and one kernel of kmq's": partial(
            run, [sys.executable, "-c", LIBRARIES + A_KERNEL]
        ),
        "kmq --help": partial(run, [*KMQ, "--help"]),
        "kmq info": partial(run, [*KMQ, "info", modelled]),
        SLOW: partial(run, [*encode, folder / "first.kmq"], folder / "cache"),
        "kmq encode": partial(run, [*encode, folder / "b.kmq"]),
        "kmq encode, effort fast": partial(run, [*encode, folder / "b.kmq", "--effort", "fast"]),
        "kmq decode": partial(run, [*decode, modelled, "-o", png]),
    }
    for number, path in packed.items():
        tasks[f"kmq decode, packed, K = {number}"] = partial(run, [*decode, path, "-o", png])
    tasks |= {
        "Pillow's quantize": partial(
            run, [sys.executable, "-c", PILLOW, image, folder / "b.png", str(colors)]
        ),
    }
    if shutil.which("pngquant"):
        pngquant = ["pngquant", str(colors), "--nofs", "--force", "--output"]
        tasks["pngquant"] = partial(run, [*pngquant, folder / "c.png", image])
    return tasks


def table(timed: dict[str, Timed[None]]) -> str:
    """Return least and median times, and what the least is of what it is compared with."""
    rows = []
    for name, timing in timed.items():
        other = RATIOS.get(name)
        compared = "-"
        if other in timed:
            compared = f"{least_ms(timing) / least_ms(timed[other]):.2f} of {other}"
        rows.append([name, f"{least_ms(timing):.0f}", f"{timing.median_ms:.0f}", compared])
    return markdown_table(["process", "least ms", "median", "ratio of the least"], rows, "lrrl")


def least_ms(timing: Timed[None]) -> float:
    """Return the least time: a process that others disturb takes longer, never less."""
    return 1000 * min(timing.seconds)


def main() -> None:
    """Run the benchmark as the command line asks."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--image", type=Path, required=True)
    parser.add_argument("--colors", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="put the table between its markers"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tasks = commands(arguments.image, arguments.colors, Path(folder))
        repeats = dict.fromkeys(tasks, arguments.repeats) | {SLOW: SLOW_REPEATS}
        timed = time_rounds(tasks, repeats)
    facts = machine_line(["kmq", "numba", "numpy", "Pillow", "click"])
    scipy = "installed" if find_spec("scipy") else "not installed"
    text = (
        f"`{arguments.image.name}`, K = {arguments.colors}; {facts}; SciPy {scipy}.\n\n"
        f"{table(timed)}"
    )
    print(text)
    if arguments.write is not None:
        write_between(arguments.write, "startup", text)


if __name__ == "__main__":
    main()
