"""Many inputs at once: what is to be done, on how many threads, and how it is told.

Each input is a job of its own: reading and writing of some overlaps the kernels of
others, a failing one does not stop the rest, and an interruption leaves whole files.
"""

from __future__ import annotations

import contextlib
import gc
import os
import stat
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kmq.cli.common import (
    FAILURES,
    INTERRUPTED,
    STANDARD,
    StandardOutputError,
    Terminated,
    display,
    exists,
    fault,
    is_folder,
    reason,
    refuse_existing,
    tell,
)
from kmq.cli.outcomes import Failure, Outcome, Result, Summary, Untouched
from kmq.cli.reporting import Reporter, reporter

if TYPE_CHECKING:
    from concurrent.futures import Future

_NOTHING_BELOW = "there is nothing to do below it"

_JOBS_AHEAD = 2
"""Jobs waiting for each thread: enough to keep it busy, few enough to hold in memory."""


@dataclass(frozen=True)
class Job:
    """An input and where its result goes; `-` for standard input and output."""

    source: str
    target: str
    folder: str | None = None
    """The directory that it was found below; None if it was named itself."""
    makes_folders: bool = False
    """Whether the folders above the target are made where they are missing."""
    problem: str | None = None
    """Why it cannot be done, where that is known beforehand."""

    @property
    def is_sought(self) -> bool:
        """Whether it was found, not named: passed over if it is no image."""
        return self.folder is not None


class PassedOverError(Exception):
    """The input is none of those that are wanted; nothing is wrong with it."""


def plan(
    inputs: Sequence[str],
    output: str | None,
    *,
    recursive: bool,
    extension: str,
    wanted: Callable[[Path], bool],
) -> list[Job]:
    """Return a job for each input, or for each wanted file below one that is a directory.

    `extension` is that of the outputs. Below `output` the tree of a directory is kept.
    A directory that is named but not to be looked into is a job that cannot be done.

    Raises
    ------
    click.UsageError
        If two named inputs have the same output, or any two standard output.
    """
    jobs: list[Job] = []
    sources: dict[str, str] = {}
    for given in inputs:
        in_folder = given != STANDARD and is_folder(given)
        if in_folder and not recursive:
            jobs.append(Job(given, given, problem="it is a directory; -r takes the files below"))
            continue
        found = list(_files_below(given, wanted)) if in_folder else [given]
        makes_folders = in_folder or (output is not None and output.endswith(os.sep))
        if not found:
            jobs.append(Job(given, given, problem=_NOTHING_BELOW))
        for source in found:
            target = _target(source, output, extension, given if in_folder else None)
            place = target if target == STANDARD else os.path.realpath(target)
            other = None if target == os.devnull else sources.get(place)
            if target == STANDARD and other is not None:
                raise click.UsageError(
                    f"{display(source)}: standard output takes one file, and {display(other)} "
                    "is to go there; name a directory with -o"
                )
            sources.setdefault(place, source)
            problem = other and f"{display(target)} is the output of {display(other)}"
            if problem and not in_folder:
                raise click.UsageError(
                    f"{display(source)}: {problem}; give a directory with -o, or run them "
                    "one by one"
                )
            jobs.append(Job(source, target, given if in_folder else None, makes_folders, problem))
    return jobs


def run(
    jobs: Sequence[Job],
    work: Callable[[Job, int], Outcome],
    *,
    threads: int,
    force: bool,
    skip_existing: bool,
    quiet: bool,
) -> None:
    """Do every job, tell what became of it, and exit with a code unless all went well.

    `work` gets a job and the number of threads that it may use for itself.
    """
    workers = max(1, min(threads, len(jobs)))
    threads_each = max(1, threads // workers)

    def attempt(job: Job) -> Result:
        if job.problem is not None:
            return Failure(job.problem)
        try:
            if skip_existing and exists(job.target):
                return Untouched.EXISTING
            refuse_existing(job.target, force=force)
            return work(job, threads_each)
        except (StandardOutputError, click.ClickException):
            raise
        except PassedOverError:
            return Untouched.PASSED_OVER
        except FAILURES as error:
            return Failure(reason(error))
        except Exception as error:
            if len(jobs) == 1:
                raise  # with the traceback, which many inputs would bury
            return Failure(fault(error))

    summary = Summary(len(jobs))

    def counted(job: Job) -> Result:
        # Where it is done: a signal interrupts the main thread, anywhere, and no other.
        result = attempt(job)
        summary.count(result)
        return result

    fruitless = dict.fromkeys(job.folder for job in jobs if job.folder is not None)
    begun: deque[tuple[Job, Future[Result]]] = deque()
    results = _in_order(jobs, counted, workers, begun)
    with reporter(len(jobs), quiet) as report:
        try:
            for job, result in results:
                _tell(job, result, report)
                if job.folder is not None and result is not Untouched.PASSED_OVER:
                    fruitless.pop(job.folder, None)
                if len(jobs) > 1 and not gc.isenabled():
                    gc.freeze()  # what the first one loaded is no garbage, and much to look through
                    gc.enable()
        except KeyboardInterrupt:
            summary.exit_code = INTERRUPTED
        except Terminated as termination:
            summary.exit_code = termination.exit_code
        if summary.exit_code is not None:
            # What the threads are at is done to its end, unless one does not want to wait.
            with contextlib.suppress(KeyboardInterrupt, Terminated):
                results.close()
                for job, future in begun:
                    if not future.cancelled():
                        _tell(job, future.result(), report)
    if summary.exit_code is None:
        for folder in fruitless:
            tell(f"kmq: {display(folder)}: {_NOTHING_BELOW}")
    if len(jobs) != 1 and not quiet:
        tell(summary.line)
    if summary.exit_code is not None:
        sys.exit(summary.exit_code)
    if summary.failed or fruitless:
        sys.exit(1)


def _files_below(root: str, wanted: Callable[[Path], bool]) -> Iterator[str]:
    """Yield the wanted files below a directory, in an order that does not change.

    Only ordinary ones, or links to such: reading a pipe may never end. Then the folders
    that cannot be listed, for reading them tells why.
    """
    unreadable: list[str] = []
    for folder, folders, names in os.walk(root, onerror=lambda e: unreadable.append(e.filename)):
        folders.sort()
        for name in sorted(names):
            if wanted(path := Path(folder, name)) and _may_be_ordinary(path):
                yield str(path)
    yield from unreadable


def _may_be_ordinary(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:  # reading it tells why
        return True


def _target(source: str, output: str | None, extension: str, root: str | None) -> str:
    if output is None:
        return STANDARD if source == STANDARD else _with_extension(Path(source), extension)
    if output == STANDARD:
        return STANDARD
    if root is not None:
        return _with_extension(Path(output, Path(source).relative_to(root)), extension)
    if output.endswith(os.sep) or is_folder(output):
        name = "stdin" if source == STANDARD else Path(source).stem
        return str(Path(output, f"{name}{extension}"))
    return output


def _with_extension(path: Path, extension: str) -> str:
    # A folder that cannot be listed may be ".", which has no name: reading it fails before.
    return str(path.with_suffix(extension) if path.name else path)


def _in_order(
    jobs: Sequence[Job],
    attempt: Callable[[Job], Result],
    workers: int,
    begun: deque[tuple[Job, Future[Result]]],
) -> Generator[tuple[Job, Result]]:
    """Yield each job with its result, in the jobs' order.

    `begun` has those that threads were given and that are not yielded yet. Once this is
    closed, each of them is done or cancelled.
    """
    if workers == 1:
        for job in jobs:
            yield job, attempt(job)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(workers) as pool:
        try:
            for job in jobs:
                begun.append((job, pool.submit(attempt, job)))
                if len(begun) > workers * _JOBS_AHEAD:
                    yield _first_done(begun)
            while begun:
                yield _first_done(begun)
        finally:
            pool.shutdown(cancel_futures=True)


def _first_done(begun: deque[tuple[Job, Future[Result]]]) -> tuple[Job, Result]:
    job, future = begun[0]
    result = future.result()  # an interruption while it waits leaves the job where it is
    begun.popleft()
    return job, result


def _tell(job: Job, result: Result, report: Reporter) -> None:
    if isinstance(result, Outcome):
        report.outcome(job.source, result.line, result.notes)
    elif isinstance(result, Failure):
        report.tell(f"kmq: {display(job.source)}: {result.reason}")
    report.advance()
