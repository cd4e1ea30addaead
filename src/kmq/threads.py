"""The number of threads, and distributing independent work over them."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager, suppress
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar

from kmq.errors import OptionError
from kmq.limits import whole_number

if TYPE_CHECKING:
    from concurrent.futures import Future

Item = TypeVar("Item")
Result = TypeVar("Result")

ENVIRONMENT_VARIABLE = "KMQ_NUM_THREADS"

_ITEMS_AHEAD = 2
"""Items per thread that are started or waiting: enough to keep threads busy, in little memory."""


def thread_count(threads: int | None) -> int:
    """Return the number of threads to use, at least 1.

    This is `threads` if given, otherwise the environment variable KMQ_NUM_THREADS, otherwise
    the number of processors that this process may run on. It never changes a result.

    Raises
    ------
    OptionError
        If the given number is not a whole number of at least 1.
    """
    if threads is not None:
        return whole_number("threads", threads, 1)
    from_environment = _from_environment()
    if from_environment is not None:
        return from_environment
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def map_threads(
    function: Callable[[Item], Result], items: Iterable[Item], threads: int
) -> list[Result]:
    """Return [function(item) for item in items], on up to `threads` threads."""
    listed = list(items)
    return list(stream_threads(function, listed, min(threads, len(listed))))


def stream_threads(
    function: Callable[[Item], Result], items: Iterable[Item], threads: int
) -> Generator[Result]:
    """Yield function(item) for each item, in order, on up to `threads` threads.

    Items are taken as threads become free, so only a few items and results are in memory. The
    pool exists only during this call, so a forked child never inherits one. When an item
    fails, or the caller is interrupted or stops iterating, items that no thread has started
    are dropped.
    """
    if threads <= 1:
        yield from map(function, items)
        return
    begun: deque[Future[Result]] = deque()
    with Pool(threads) as pool:
        for item in items:
            begun.append(pool.submit(function, item))
            if len(begun) >= _ITEMS_AHEAD * threads:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()


class Pool(AbstractContextManager["Pool"]):
    """Up to `threads` threads that run submitted work in order of submission.

    If the system cannot start more threads, the submitting thread does the work. (Python's
    own pool raises and keeps the work in its queue.) Leaving the context cancels work that has
    not started and waits for work that has.
    """

    def __init__(self, threads: int) -> None:
        from concurrent.futures import ThreadPoolExecutor  # slow to import, often not needed

        self._executor = ThreadPoolExecutor(threads)
        self._waiting: deque[tuple[Callable[[], object], Future[Any]]] = deque()

    def __exit__(self, *_: object) -> None:
        with suppress(IndexError):
            while True:
                self._waiting.popleft()[1].cancel()
        self._executor.shutdown(cancel_futures=True)

    def submit(self, function: Callable[[Item], Result], item: Item) -> Future[Result]:
        """Return a future of function(item)."""
        from concurrent.futures import Future

        future: Future[Result] = Future()
        self._waiting.append((partial(function, item), future))
        try:
            self._executor.submit(self._take)
        except RuntimeError:  # no thread could be started
            self._take()
        return future

    def _take(self) -> None:
        """Do the work that has waited longest, if there is any left."""
        try:
            work, future = self._waiting.popleft()
        except IndexError:
            return
        try:
            future.set_result(work())
        except Exception as error:
            future.set_exception(error)
        except BaseException as error:  # the submitting thread raises interruptions at once
            future.set_exception(error)
            raise


def share(work: Callable[[int], object], count: int, threads: int) -> None:
    """Call work(0) to work(count - 1) on this thread and up to `threads` - 1 others.

    If the system cannot start more threads, the running ones do all the work. When one fails,
    the others stop after their current calls, and the first error is raised.
    """
    numbers = deque(range(count))
    failures: list[BaseException] = []

    def take() -> None:
        while not failures:
            try:
                number = numbers.popleft()
            except IndexError:  # none is left
                return
            try:
                work(number)
            except BaseException as error:  # raised by the thread that waits
                failures.append(error)

    helpers = []
    for _ in range(min(threads, count) - 1):
        helper = Thread(target=take)
        try:
            helper.start()
        except RuntimeError:
            break
        helpers.append(helper)
    take()
    for helper in helpers:
        helper.join()
    if failures:
        raise failures[0]


def _from_environment() -> int | None:
    given = os.environ.get(ENVIRONMENT_VARIABLE)
    if not given:
        return None
    try:
        number = int(given) if given.isdecimal() else None
    except ValueError:  # Python refuses to read thousands of digits
        number = None
    if number is None:
        raise OptionError(f"{ENVIRONMENT_VARIABLE}: expected a whole number, got {given[:40]!r}")
    return whole_number(ENVIRONMENT_VARIABLE, number, 1)
