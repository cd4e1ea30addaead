"""Thumbnails on a cluster of one machine, and the time of each step for a file.

    python benchmarks/clusters.py --images thumbnails/ [--files 5000] [--write]

Throughput: the command line on threads, and `kmq.distributed` on one and two processes.
Parts: processor time per file, one after the other, in one process. Scheduler: tasks that do
nothing, alone and in batches, up to a million files.
"""

from __future__ import annotations

import argparse
import io
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from distributed import Client, LocalCluster
from reporting import machine_line, markdown_table, write_between

import kmq
from kmq import codec, distributed, pixels
from kmq.distributed import running, tasks
from kmq.distributed.tasks import Item
from kmq.files import write_whole
from kmq.options import Options

PAGE = Path(__file__).parent / "README.md"
COLORS = 64
SIMULATED = 1_000_000
ALONE = 5_000
"""Tasks of one file each: enough to see what one takes."""
PARTS = 300
"""Files whose parts are timed."""


def local_cluster(workers: int) -> LocalCluster:
    return LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        dashboard_address="127.0.0.1:0",
        silence_logs=50,
    )


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def throughput(files: Sequence[Path], folder: Path) -> Iterator[list[str]]:
    """Yield a row for each way to encode all files."""
    for threads in (1, 2):
        out = folder / f"threads-{threads}"
        seconds = timed(
            lambda out=out, threads=threads: subprocess.run(
                [
                    *(sys.executable, "-m", "kmq", "encode", "-q", "-r", folder / "in"),
                    *("-o", out, "-k", str(COLORS), "--threads", str(threads)),
                ],
                check=True,
            )
        )
        yield [f"command line, {threads} threads", f"{len(files) / seconds:,.0f}"]
    for workers in (1, 2):
        with local_cluster(workers) as cluster, Client(cluster) as client:
            # The first batch loads what workers need.
            warm = str(folder / f"warm-{workers}")
            distributed.encode_files([str(each) for each in files[:8]], warm, COLORS, client=client)
            out = str(folder / f"workers-{workers}")
            results: list[distributed.Results] = []
            seconds = timed(
                lambda out=out, client=client, results=results: results.append(
                    distributed.encode_files([str(f) for f in files], out, COLORS, client=client)
                )
            )
            assert not results[0].failed
        yield [f"kmq.distributed, {workers} processes", f"{len(files) / seconds:,.0f}"]


def parts(files: Sequence[Path], folder: Path) -> Iterator[list[str]]:
    """Yield a row for each step of processing a file: milliseconds of processor time."""
    options = Options(colors=COLORS, threads=1)
    spent = dict.fromkeys(("read", "decode", "K-means and look-up", "code", "write"), 0.0)
    for number, path in enumerate(files[:PARTS]):
        clock = [time.process_time()]
        stored = path.read_bytes()
        clock.append(time.process_time())
        read = pixels.read(io.BytesIO(stored))
        clock.append(time.process_time())
        indexed = codec.quantize_pixels(read.rgb, options)
        clock.append(time.process_time())
        data = codec.to_bytes(indexed, options)
        clock.append(time.process_time())
        write_whole(folder / "part.kmq", data)
        clock.append(time.process_time())
        if number > 0:  # the first loads the kernels
            for name, took in zip(spent, np.diff(clock), strict=True):
                spent[name] += took
    for name, seconds in spent.items():
        yield [name, f"{1000 * seconds / (min(PARTS, len(files)) - 1):.3f}"]


def nothing(items: Sequence[Item]) -> list[distributed.FileResult]:
    """Return a result for each file without reading it."""
    return [distributed.FileResult(file=item.file) for item in items]


def scheduler() -> Iterator[list[str]]:
    """Yield a row for tasks of one file, and one for batches."""
    with local_cluster(2) as cluster, Client(cluster) as client:
        futures = timed(
            lambda: client.gather(
                client.map(nothing, [[Item(str(n))] for n in range(ALONE)], pure=False)
            )
        )
        yield [f"{ALONE:,} tasks of one file", f"{1e6 * futures / ALONE:,.1f}"]
        items = [Item(f"s3://bucket/{n:09}.jpg") for n in range(SIMULATED)]
        seconds = timed(lambda: sum(1 for _ in running.run(client, nothing, items)))
        batch = running.MOST_IN_A_BATCH
        yield [f"{SIMULATED:,} files in batches of {batch}", f"{1e6 * seconds / SIMULATED:,.1f}"]


def merging() -> Iterator[list[str]]:
    """Yield rows with the time and size of merging histograms."""
    random = np.random.default_rng(0)
    for colors in (1_000, 1_000_000):
        both = [
            kmq.Histogram(random.integers(0, 256, (colors, 3), np.uint8), np.ones(colors, np.int64))
            for _ in range(running.FAN_IN)
        ]
        seconds = timed(lambda both=both: tasks.merge([tasks.Counted(each) for each in both]))
        size = sum(each.keys.nbytes + each.counts.nbytes for each in both) / len(both)
        yield [
            f"merge {running.FAN_IN} histograms of {colors:,} colours",
            f"{1e6 * seconds / running.FAN_IN:,.0f}",
            f"{size / 1e6:.2f} MB each",
        ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--files", type=int, default=5000)
    parser.add_argument("--write", action="store_true", help="put the tables into the page")
    options = parser.parse_args()
    found = sorted(path for path in options.images.rglob("*") if path.is_file())[: options.files]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in").mkdir()
        files = [folder / "in" / f"{n:05}{path.suffix}" for n, path in enumerate(found)]
        for source, copy in zip(found, files, strict=True):
            shutil.copyfile(source, copy)
        tables = [
            f"{len(files):,} files. {machine_line(('numpy', 'dask', 'distributed'))}",
            markdown_table(["thumbnails", "files/s"], throughput(files, folder), "lr"),
            markdown_table(["a file's way", "ms"], parts(files, folder), "lr"),
            markdown_table(["scheduler", "us per file"], scheduler(), "lr"),
            markdown_table(["histograms", "us per histogram", "size"], merging(), "lrl"),
        ]
    text = "\n\n".join(tables)
    print(text)
    if options.write:
        write_between(PAGE, "clusters", text)


if __name__ == "__main__":
    main()
