"""Images per second for encoding and decoding a folder of thumbnails.

    python benchmarks/folders.py --data DIR

DIR contains images, possibly in subfolders. Each run is a whole process with a warm cache, so
loading counts; processor time includes all threads.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from reporting import machine_line, markdown_table, write_between

KMQ = [sys.executable, "-c", "from kmq.cli import main; main()"]


def choose(data: Path, count: int, folder: Path) -> None:
    """Copy `count` of the files below `data`, evenly chosen, with their tree."""
    files = sorted(path for path in data.rglob("*") if path.is_file())
    for number in range(min(count, len(files))):
        source = files[number * len(files) // min(count, len(files))]
        target = folder / source.relative_to(data)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def run(command: str, source: Path, target: Path) -> tuple[float, float]:
    """Return the seconds that a whole process took, and its processor time."""
    shutil.rmtree(target, ignore_errors=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    subprocess.run([*KMQ, command, "-q", "-r", source, "-o", target], check=True)
    seconds = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Run the benchmark as the command line asks."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--count", type=int, default=2000, help="images to take")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="put the table between its markers"
    )
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as name:
        images, encoded, decoded = (Path(name, part) for part in ("images", "encoded", "decoded"))
        choose(arguments.data, arguments.count, images)
        count = sum(path.is_file() for path in images.rglob("*"))
        for command, source, target in (("encode", images, encoded), ("decode", encoded, decoded)):
            times = [run(command, source, target) for _ in range(1 + arguments.repeats)][1:]
            middle, least = median(wall for wall, _ in times), min(wall for wall, _ in times)
            processor = min(used for _, used in times)
            rows.append(
                [
                    f"kmq {command} -r",
                    f"{middle:.1f}",
                    f"{least:.1f}",
                    f"{count / least:,.0f}",
                    f"{processor:.1f}",
                    f"{1000 * processor / count:.1f}",
                ]
            )
    head = [
        "command",
        "median, s",
        "least, s",
        "images a second at the least",
        "processor, s",
        "processor, ms an image",
    ]
    report = f"{machine_line(['numpy', 'numba', 'Pillow', 'kmq'])}\n\n{count:,} images.\n\n"
    report += markdown_table(head, rows, "lrrrrr")
    sys.stdout.write(report + "\n")
    if arguments.write:
        write_between(arguments.write, "folders", report)


if __name__ == "__main__":
    main()
