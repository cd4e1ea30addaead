"""Batches of files on a Dask cluster: few at a time, and repeated if a worker dies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from typing import Any, TypeAlias

from distributed import Client, Future, KilledWorker, as_completed, get_client
from distributed.comm.core import CommClosedError

from kmq.distributed.results import FileResult
from kmq.distributed.tasks import Item, merge
from kmq.errors import OptionError

MOST_IN_A_BATCH = 64
"""Files per task: enough that the scheduler, which takes about a millisecond per task, is not
the bottleneck, and few enough that little has to be repeated."""

_MOST_TASKS = 100_000
"""Batches grow if there would be more tasks, because these would take the scheduler minutes."""

_BATCHES_PER_THREAD = 4
"""With few files, this many batches per thread keep all threads busy."""

_BATCHES_AHEAD = 4
"""Batches per thread that are submitted to the scheduler, which bounds its memory."""

FAN_IN = 8
"""Histograms that are merged by one task."""

Work: TypeAlias = Callable[[Sequence[Item]], list[FileResult]]


def current_client(client: Client | None) -> Client:
    """Return the given client, or the one that the program has started.

    Raises
    ------
    OptionError
        If there is neither.
    """
    if client is not None:
        return client
    try:
        return get_client()
    except ValueError as error:
        raise OptionError(
            "client: expected a distributed.Client; start one with distributed.Client(), or "
            "give the address of a scheduler to it"
        ) from error


def thread_count(client: Client) -> int:
    """Return the total number of threads of the workers, at least 1."""
    return max(1, sum(int(each) for each in client.nthreads().values()))


def batches(items: Sequence[Item], threads: int) -> list[Sequence[Item]]:
    """Return the items in batches."""
    most = max(MOST_IN_A_BATCH, -(-len(items) // _MOST_TASKS))
    size = min(most, max(1, len(items) // (_BATCHES_PER_THREAD * threads)))
    return [items[first : first + size] for first in range(0, len(items), size)]


def run(client: Client, work: Work, items: Sequence[Item]) -> Iterator[tuple[int, FileResult]]:
    """Yield the place and the result of each item as it finishes.

    `work` processes a batch, and a worker may run it twice. If workers die repeatedly on a
    batch, each of its files becomes a separate task. Dask also blames tasks that were only
    waiting on a worker that died, so each task that fails in this way is tried once more at
    the end, with no other task running.

    Raises
    ------
    ConnectionError
        If the scheduler goes away.
    """
    address, threads = client.scheduler.address, thread_count(client)
    waiting = [(batch, place) for batch, place in _placed(batches(items, threads))]
    waiting.reverse()
    suspects: list[tuple[Sequence[Item], int]] = []
    begun: dict[Future, tuple[Sequence[Item], int]] = {}
    done = as_completed()

    def submit() -> None:
        batch, place = waiting.pop()
        future = client.submit(work, batch, pure=False)
        begun[future] = batch, place
        done.add(future)

    try:
        while waiting and len(begun) < _BATCHES_AHEAD * threads:
            submit()
        while begun:
            future = next(done)
            batch, place = begun.pop(future)
            try:
                results = future.result()
            except KilledWorker:
                alone = [(batch[i : i + 1], place + i) for i in range(len(batch))]
                (waiting if len(batch) > 1 else suspects).extend(alone)
                results = []
            future.release()
            if waiting:
                submit()
            for i, result in enumerate(results):
                yield place + i, result
        for batch, place in suspects:
            try:
                yield place, client.submit(work, batch, pure=False).result()[0]
            except KilledWorker:
                yield place, _lost(batch[0])
    except (CancelledError, CommClosedError, StopIteration) as error:
        raise _went_away(address) from error
    finally:
        if begun and client.status == "running":
            client.cancel(list(begun))


def _placed(groups: Sequence[Sequence[Item]]) -> Iterator[tuple[Sequence[Item], int]]:
    place = 0
    for group in groups:
        yield group, place
        place += len(group)


def _lost(item: Item) -> FileResult:
    return FileResult(
        file=item.file,
        target=item.target or None,
        error="its worker died at every attempt, perhaps because memory ran out",
    )


def merged(client: Client, counted: Sequence[Future]) -> Any:
    """Return a future of the total histogram, merged in a tree on the workers."""
    level = list(counted)
    while len(level) > 1:
        level = [
            client.submit(merge, level[first : first + FAN_IN], pure=False)
            for first in range(0, len(level), FAN_IN)
        ]
    return level[0]


def result_of(client: Client, future: Future) -> Any:
    """Return a future's result.

    Raises
    ------
    ConnectionError
        If the scheduler goes away.
    """
    address = client.scheduler.address
    try:
        return future.result()
    except (CancelledError, CommClosedError) as error:
        raise _went_away(address) from error


def _went_away(address: str) -> ConnectionError:
    return ConnectionError(f"the scheduler at {address} went away")
