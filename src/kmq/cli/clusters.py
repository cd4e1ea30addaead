"""`encode --dask`: the files of a batch on the workers of a cluster."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kmq.cli import arguments
from kmq.cli.batch import tell_outcome
from kmq.cli.common import STANDARD, display, exists, tell
from kmq.cli.jobs import Handling, Job
from kmq.cli.outcomes import Failure, Result, Summary, Untouched
from kmq.cli.reporting import reporter
from kmq.cli.results import Quantized
from kmq.options import Options

if TYPE_CHECKING:
    from kmq.distributed import FileResult
    from kmq.image import Palette
    from kmq.palettes.named import NamedPalette

LOCAL = "local"
"""The address that stands for processes of this machine, one for each thread."""

CONNECTING_SECONDS = 10
"""How long a scheduler has to answer."""

DASK = click.option(
    "--dask",
    "dask_address",
    metavar="ADDRESS",
    help="Encode on the workers of a Dask cluster, such as tcp://host:8786, which see the files "
    "under the same names; or on processes of this machine (local).",
)

_NOT_HERE = (
    "labels",
    "strict",
    "weights_file",
    "frames",
    "memory_allowed",
    "resume",
)


def check(jobs: Sequence[Job], palette: Palette | NamedPalette | None) -> Palette | None:
    """Return the palette, or raise click.UsageError if workers cannot do what was asked for."""
    if find_spec("distributed") is None or find_spec("fsspec") is None:
        raise click.UsageError(
            "--dask needs dask, distributed and fsspec: pip install 'kmq[distributed]'"
        )
    if idle := arguments.given(*_NOT_HERE):
        raise click.UsageError(f"the workers of --dask do not know {idle}; leave it out")
    from kmq.palettes.named import NamedPalette

    if isinstance(palette, NamedPalette):
        raise click.UsageError("--dask takes a --palette from a file, not by its name")
    if any(STANDARD in (job.source, job.target) for job in jobs):
        raise click.UsageError("--dask takes files, not standard input or output")
    return palette


def encode_all(
    jobs: Sequence[Job],
    options: Options,
    handling: Handling,
    palette: Palette | None,
    address: str,
) -> None:
    """Encode the files of all jobs, report each, and exit with a code unless all went well."""
    results: dict[int, Result] = {}
    open_jobs = []
    for place, job in enumerate(jobs):
        if job.problem is not None:
            results[place] = Failure(job.problem)
        elif job.is_unwanted:
            results[place] = Untouched.PASSED_OVER
        elif exists(job.target) and not handling.force:
            results[place] = (
                Untouched.EXISTING
                if handling.skip_existing
                else Failure(f"{display(job.target)} exists; replace it with --force")
            )
        else:
            open_jobs.append(job)
    summary = Summary(len(jobs))
    is_silent = handling.quiet or handling.as_json
    with reporter(len(jobs), is_silent) as report:

        def tell_result(job: Job, result: Result) -> None:
            summary.count(job.source, result)
            tell_outcome(job, result, report, handling)

        for place, result in results.items():
            tell_result(jobs[place], result)
        if open_jobs:
            by_source = {str(Path(job.source).absolute()): job for job in open_jobs}
            for done in _encoded(open_jobs, options, palette, address):
                tell_result(by_source[done.file], _result(done, by_source[done.file]))
    if len(jobs) != 1 and not is_silent:
        tell(summary.line)
    if summary.failed:
        sys.exit(1)


def _encoded(
    jobs: Sequence[Job], options: Options, palette: Palette | None, address: str
) -> Iterator[FileResult]:
    """Yield the outcome of each job's file, as it is done."""
    from functools import partial

    from kmq.distributed import running, tasks

    items = [
        tasks.Item(str(Path(job.source).absolute()), str(Path(job.target).absolute()))
        for job in jobs
    ]
    work = partial(tasks.encode, options=options.with_threads(1), palette=palette, settings={})
    with _client(address, options.workers) as client:
        for _, result in running.run(client, work, items):
            yield result


@contextlib.contextmanager
def _client(address: str, workers: int) -> Iterator[Any]:
    """Yield a client of a scheduler, or of a cluster that lives as long."""
    from distributed import Client, LocalCluster

    if address == LOCAL:
        with (
            LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                dashboard_address="127.0.0.1:0",
                silence_logs=50,  # critical
            ) as cluster,
            Client(cluster) as client,
        ):
            yield client
        return
    try:
        client = Client(address, timeout=CONNECTING_SECONDS)
    except (OSError, ValueError) as error:
        raise ConnectionError(f"no scheduler of Dask answers at {address}") from error
    with client:
        yield client


def _result(done: FileResult, job: Job) -> Result:
    if done.error is not None:
        is_passed_over = done.is_unknown and job.is_sought
        return Untouched.PASSED_OVER if is_passed_over else Failure(done.error)
    return Quantized(  # a file that was encoded has all of these
        bytes_in=done.bytes_in or 0,
        bytes_out=done.bytes or 0,
        width=done.width or 0,
        height=done.height or 0,
        colors=done.colors or 0,
        psnr=0.0 if done.psnr is None else done.psnr,
        seconds=done.seconds or 0.0,
        lost=done.lost,
        notes=done.notes,
    ).outcome()
