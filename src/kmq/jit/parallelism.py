"""When a parallel kernel may run: what numba's threading layers do not survive.

- GNU OpenMP's threads do not live on in a forked child: numba ends a child that runs a
  parallel kernel.
- The workqueue layer ends the process when two threads are inside parallel kernels,
  and the other may be the host's own. Whether one is, numba does not tell; so where
  it is the layer, a parallel kernel runs only while there is no other Python thread.
- A child that is forked while another thread compiles would wait for numba's compiler
  lock for ever; so forks wait for the compiler.

The serial compilation is right everywhere. Nothing here changes how numba is set up.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numba
from numba.core.compiler_lock import global_compiler_lock
from numba.np.ufunc import parallel

from kmq import forks

_lock = threading.Lock()
_OS_THREADS = Path("/proc/self/task")


@contextmanager
def turn() -> Iterator[bool]:
    """Yield whether a parallel kernel may run now, and hold that turn if it may."""
    if not _is_safe() or not _lock.acquire(blocking=False):
        yield False
        return
    try:
        yield True
    finally:
        _lock.release()


def _is_safe() -> bool:
    if _is_forked or forks.is_child:
        return False
    layer = threading_layer()
    return layer is not None and (layer != "workqueue" or threading.active_count() == 1)


def threading_layer() -> str | None:
    """Return the threading layer's name, starting it if need be; None if none can be had."""
    if not parallel._is_initialized:
        try:
            with global_compiler_lock:  # forks wait for it
                parallel._launch_threads()
        except ValueError:  # the one that is asked for by name cannot be loaded
            return None
    layer: str = numba.threading_layer()
    return layer


def _was_forked_before() -> bool:
    """Whether the threading layer was started by a process that this one is forked from.

    Then fewer threads are left than it starts.
    """
    if not parallel._is_initialized or not _OS_THREADS.is_dir():
        return False
    started: int = numba.config.NUMBA_NUM_THREADS
    return len(list(_OS_THREADS.iterdir())) < started


_is_forked = _was_forked_before()
_forking: list[int] = []
"""The thread that holds the compiler lock because it forks."""


def _stop_compiling() -> None:
    global_compiler_lock.acquire()
    _forking.append(threading.get_ident())


def _go_on_compiling() -> None:
    if _forking:  # not so if a fork was under way when this module was imported
        _forking.pop()
        global_compiler_lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_stop_compiling,
        after_in_parent=_go_on_compiling,
        after_in_child=_go_on_compiling,
    )
