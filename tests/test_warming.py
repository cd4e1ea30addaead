from __future__ import annotations

import pytest

from kmq import jit, warming


def test_a_warm_up_that_can_keep_nothing_is_an_error(monkeypatch):
    monkeypatch.setattr(warming, "_there_and_back", lambda *_: None)
    monkeypatch.setattr(jit, "kernels", [])
    with pytest.raises(warming.NothingKeptError, match="NUMBA_CACHE_DIR"):
        warming.warm_up()


def test_little_work_takes_threads_during_a_warm_up_alone(monkeypatch):
    taken = []

    def fail(*_):
        taken.append(jit.useful_threads(0, 8))
        raise MemoryError

    monkeypatch.setattr(warming, "_there_and_back", fail)
    with pytest.raises(MemoryError):
        warming.warm_up()
    assert [*taken, jit.useful_threads(0, 8)] == [8, 1]
