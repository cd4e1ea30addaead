from __future__ import annotations

import os
import threading

import pytest

from kmq import forks
from kmq.jit import parallelism


def is_granted():
    with parallelism.turn() as granted:
        return granted


@pytest.fixture
def started(monkeypatch):
    """A threading layer that is there, of any name: call it with the name."""

    def start(layer):
        monkeypatch.setattr(parallelism, "threading_layer", lambda: layer)

    start("omp")
    return start


def test_a_turn_is_granted_once_at_a_time(started):
    with parallelism.turn() as first, parallelism.turn() as second:
        assert first
        assert not second
    assert is_granted()


def test_a_turn_ends_with_an_error_too(started):
    with pytest.raises(ZeroDivisionError), parallelism.turn():
        _ = 1 // 0
    assert is_granted()


def test_a_forked_child_gets_no_turn(started, monkeypatch):
    monkeypatch.setattr(forks, "is_child", True)
    assert not is_granted()


@pytest.mark.parametrize(("layer", "granted"), [("workqueue", False), ("omp", True), (None, False)])
def test_beside_another_thread_it_depends_on_the_layer(started, layer, granted):
    started(layer)
    gate = threading.Event()
    other = threading.Thread(target=gate.wait)
    other.start()
    try:
        assert is_granted() == granted
    finally:
        gate.set()
        other.join()


def test_a_layer_that_cannot_be_loaded_is_none(monkeypatch):
    def fail():
        raise ValueError("No threading layer could be loaded.")

    monkeypatch.setattr(parallelism.parallel, "_is_initialized", False)
    monkeypatch.setattr(parallelism.parallel, "_launch_threads", fail)
    assert parallelism.threading_layer() is None


def test_a_layer_whose_threads_are_not_there_was_started_before_a_fork(tmp_path, monkeypatch):
    monkeypatch.setattr(parallelism, "_OS_THREADS", tmp_path)
    monkeypatch.setattr(parallelism.parallel, "_is_initialized", True)
    assert parallelism._was_forked_before()
    monkeypatch.setattr(parallelism.parallel, "_is_initialized", False)
    assert not parallelism._was_forked_before()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_fork_that_was_under_way_at_the_import_releases_nothing():
    parallelism._go_on_compiling()
    parallelism._stop_compiling()
    assert parallelism.global_compiler_lock.is_locked()
    parallelism._go_on_compiling()
    assert not parallelism.global_compiler_lock.is_locked()
