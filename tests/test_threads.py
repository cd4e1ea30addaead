from __future__ import annotations

import os
import threading
import time

import pytest

from kmq import OptionError
from kmq.threads import Pool, map_threads, share, stream_threads, thread_count


def test_the_argument_comes_before_the_environment_and_that_before_the_processors(monkeypatch):
    monkeypatch.setenv("KMQ_NUM_THREADS", "3")
    assert thread_count(5) == 5
    assert thread_count(None) == 3
    monkeypatch.delenv("KMQ_NUM_THREADS")
    assert 1 <= thread_count(None) <= (os.cpu_count() or 1)


def test_systems_without_affinity_count_all_processors(monkeypatch):
    monkeypatch.delenv("KMQ_NUM_THREADS", raising=False)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert thread_count(None) == (os.cpu_count() or 1)


@pytest.mark.parametrize("given", ["0", "-1", "two", "1.5"])
def test_a_wrong_environment_is_named(monkeypatch, given):
    monkeypatch.setenv("KMQ_NUM_THREADS", given)
    with pytest.raises(OptionError, match=f"KMQ_NUM_THREADS: .*{given}"):
        thread_count(None)


def test_more_digits_than_python_reads_are_a_wrong_environment_too(monkeypatch):
    monkeypatch.setenv("KMQ_NUM_THREADS", "1" + "0" * 5_000)
    with pytest.raises(OptionError, match="KMQ_NUM_THREADS: expected a whole number"):
        thread_count(None)


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_results_come_in_the_order_of_the_items(threads):
    assert map_threads(lambda item: item * item, range(23), threads) == [n * n for n in range(23)]


def test_one_item_starts_no_thread():
    here = threading.get_ident()
    assert map_threads(lambda _: threading.get_ident(), [1], 8) == [here]


@pytest.mark.parametrize("threads", [1, 3])
def test_an_error_in_one_item_is_raised(threads):
    with pytest.raises(ZeroDivisionError):
        map_threads(lambda item: 1 // item, [1, 0, 2], threads)


def test_an_interruption_while_items_are_handed_out_drops_those_that_no_thread_has_begun():
    begun = []
    interrupted = threading.Event()

    def work(item):
        begun.append(item)
        interrupted.wait(10)

    def items():
        yield from range(3)
        threading.Timer(0.1, interrupted.set).start()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(stream_threads(work, items(), 2))
    assert sorted(begun) == [0, 1]


@pytest.mark.parametrize("threads", [1, 3])
def test_items_are_taken_as_results_are_asked_for(threads):
    taken = []
    results = stream_threads(lambda item: item, (taken.append(n) or n for n in range(100)), threads)
    assert next(results) == 0
    assert len(taken) <= 2 * threads
    results.close()
    assert len(taken) <= 2 * threads


@pytest.mark.parametrize("threads", [1, 2, 7, 100])
def test_shared_work_is_done_once_each(threads):
    done = []
    share(done.append, 23, threads)
    assert sorted(done) == list(range(23))


def test_work_is_shared_with_the_thread_that_waits():
    gate = threading.Barrier(2, timeout=10)
    threads = set()

    def work(_):
        gate.wait()
        threads.add(threading.get_ident())

    share(work, 2, 2)
    assert len(threads) == 2
    assert threading.get_ident() in threads


@pytest.fixture(params=[0, 1])
def few_threads(monkeypatch, request):
    """Let this number of threads start, and no more."""
    started = []

    def start(thread):
        if len(started) == request.param:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start_anyway(thread)

    start_anyway = threading.Thread.start
    monkeypatch.setattr(threading.Thread, "start", start)


@pytest.mark.usefixtures("few_threads")
def test_where_no_thread_can_be_started_those_that_run_share_the_work():
    done = []
    share(done.append, 50, 3)
    assert sorted(done) == list(range(50))


@pytest.mark.usefixtures("few_threads")
def test_where_no_thread_can_be_started_each_item_is_still_done_once_and_in_order():
    done = []

    def work(item):
        done.append(item)
        return item * item

    assert map_threads(work, range(50), 3) == [n * n for n in range(50)]
    assert sorted(done) == list(range(50))


@pytest.mark.usefixtures("few_threads")
def test_where_no_thread_can_be_started_an_error_is_raised_in_its_turn():
    results = stream_threads(lambda item: 6 // item, [3, 2, 1, 0, 1], 3)
    assert [next(results) for _ in range(3)] == [2, 3, 6]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_an_interruption_of_the_thread_that_does_the_work_of_others_is_raised_at_once(monkeypatch):
    def fail(_):
        raise RuntimeError("can't start new thread")

    def work(item):
        done.append(item)
        if item == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", fail)
    done = []
    with pytest.raises(KeyboardInterrupt):
        map_threads(work, range(5), 3)
    assert done == [0, 1]


def test_what_no_thread_has_begun_when_a_pool_ends_is_cancelled():
    begun, gate = threading.Event(), threading.Event()

    def work(_):
        begun.set()
        gate.wait(10)

    with Pool(1) as pool:
        futures = [pool.submit(work, item) for item in range(3)]
        begun.wait(10)
        threading.Timer(0.05, gate.set).start()
    assert [future.cancelled() for future in futures] == [False, True, True]


def test_an_error_in_shared_work_stops_it_and_is_raised():
    done = []

    def work(number):
        done.append(number)
        time.sleep(0.001)
        if number == 3:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        share(work, 1000, 2)
    assert len(done) < 10
