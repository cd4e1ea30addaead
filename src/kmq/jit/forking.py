"""Forks wait while numba compiles; otherwise a child would wait forever for its compiler lock."""

from __future__ import annotations

import os
import threading

from numba.core.compiler_lock import global_compiler_lock

_forking: list[int] = []
"""The thread that holds the compiler lock because it is forking."""


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
