"""A batch of jobs: done on several threads, and each outcome told.

Each input is a job of its own: reading and writing of some overlaps the kernels of
others, a failing one does not stop the rest, and an interruption leaves whole files.
"""

from __future__ import annotations

import contextlib
import gc
import sys
from collections import deque
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING

import click

from kmq.cli.common import (
    FAILURES,
    INTERRUPTED,
    StandardOutputError,
    Terminated,
    display,
    exists,
    fault,
    reason,
    refuse_existing,
    say,
    tell,
)
from kmq.cli.jobs import NOTHING_BELOW, Handling, Job
from kmq.cli.outcomes import Failure, Outcome, Result, Summary, Untouched, described
from kmq.cli.reporting import Reporter, reporter, working
from kmq.threads import Pool

if TYPE_CHECKING:
    from concurrent.futures import Future

_JOBS_AHEAD = 2
"""Jobs waiting for each thread: enough to keep it busy, few enough to hold in memory."""


class PassedOverError(Exception):
    """The input is none of those that are wanted; nothing is wrong with it."""


def run(
    jobs: Sequence[Job],
    work: Callable[[Job, int], Outcome],
    handling: Handling,
    *,
    threads: int,
    check: Callable[[str], None] | None = None,
) -> None:
    """Do every job, report it, and exit with a code unless all went well.

    `work` gets a job and the number of threads that it may use for itself. `check` gets
    an input before its output is looked for, and raises what is wrong with it.
    """
    workers = max(1, min(threads, len(jobs)))
    threads_each = max(1, threads // workers)

    is_alone = len(jobs) == 1 and not handling.quiet

    def attempt(job: Job) -> Result:
        if job.problem is not None:
            return Failure(job.problem)
        if job.is_unwanted:
            return Untouched.PASSED_OVER
        try:
            if check is not None:
                check(job.source)
            if exists(job.target) and _may_stay(job, handling):
                return Untouched.EXISTING
            refuse_existing(job.target, force=handling.replaces)
            with working(display(job.source)) if is_alone else contextlib.nullcontext():
                return work(job, threads_each)
        except (StandardOutputError, click.ClickException):
            raise
        except PassedOverError:
            return Untouched.PASSED_OVER
        except FAILURES as error:
            return Failure(reason(error, job.source))
        except Exception as error:
            if len(jobs) == 1:
                raise  # with the traceback, which many inputs would bury
            return Failure(fault(error))

    summary = Summary(len(jobs))

    def counted(job: Job) -> Result:
        # Where it is done: a signal interrupts the main thread, anywhere, and no other.
        result = attempt(job)
        summary.count(job.source, result)
        return result

    fruitless = dict.fromkeys(job.folder for job in jobs if job.folder is not None)
    begun: deque[tuple[Job, Future[Result]]] = deque()
    results = _in_order(jobs, counted, workers, begun)
    is_silent = handling.quiet or handling.as_json
    with reporter(len(jobs), is_silent) as report:
        try:
            for job, result in results:
                tell_outcome(job, result, report, handling)
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
                        tell_outcome(job, future.result(), report, handling)
    if summary.exit_code is None:
        for folder in fruitless:
            tell(f"kmq: {display(folder)}: {NOTHING_BELOW}")
    if len(jobs) != 1 and not is_silent:
        tell(summary.line)
    if summary.exit_code is not None:
        sys.exit(summary.exit_code)
    if summary.failed or fruitless:
        sys.exit(1)


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
    with Pool(workers) as pool:
        for job in jobs:
            begun.append((job, pool.submit(attempt, job)))
            if len(begun) > workers * _JOBS_AHEAD:
                yield _first_done(begun)
        while begun:
            yield _first_done(begun)


def _first_done(begun: deque[tuple[Job, Future[Result]]]) -> tuple[Job, Result]:
    job, future = begun[0]
    result = future.result()  # an interruption while it waits leaves the job where it is
    begun.popleft()
    return job, result


def _may_stay(job: Job, handling: Handling) -> bool:
    """Whether to keep the existing output and skip its input."""
    if handling.skip_existing or not handling.resume:
        return handling.skip_existing
    from kmq.cli.resuming import is_up_to_date

    return is_up_to_date(job.source, job.target)


def tell_outcome(job: Job, result: Result, report: Reporter, handling: Handling) -> None:
    """Report the outcome of a job, in the requested form."""
    if isinstance(result, Outcome):
        report.outcome(job.source, result.line, result.notes)
    elif isinstance(result, Failure):
        report.tell(f"kmq: {display(job.source)}: {result.reason}")
    report.advance()
    if handling.as_json:
        import json

        say(json.dumps(described(job.source, job.target, result)))
