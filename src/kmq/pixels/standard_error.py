"""Reading pictures without messages from Pillow and libtiff on standard error.

Pillow warns about damaged metadata and logs errors, which Python prints if the host program
does not handle logs; libtiff prints its errors itself. kmq instead reports what is wrong with
a file in one line. These settings are global to the process, so they are changed only while
at least one thread is reading, and then restored. The host's log still gets everything.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import re
import threading
import warnings
from collections.abc import Iterator
from typing import Any

from PIL import Image

_WARNINGS_OF_PILLOW = ("ignore", None, Warning, re.compile(r"PIL\."), 0)

_NOWHERE = logging.NullHandler()

_lock = threading.Lock()
_readers = 0
_hosts_handler: Any = None


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep Pillow's warnings and libtiff's errors from standard error."""
    global _readers
    with _lock:
        if _readers == 0:
            _silence()
        _readers += 1
    try:
        yield
    finally:
        with _lock:
            _readers -= 1
            if _readers == 0:
                _restore()


def _silence() -> None:
    global _hosts_handler
    _hosts_handler = _set_error_handler(None)
    logging.getLogger("PIL").addHandler(_NOWHERE)
    warnings.filterwarnings("ignore", module=_WARNINGS_OF_PILLOW[3].pattern)


def _restore() -> None:
    _set_error_handler(_hosts_handler)
    logging.getLogger("PIL").removeHandler(_NOWHERE)
    with contextlib.suppress(ValueError):  # the host has meanwhile replaced all filters
        warnings.filters.remove(_WARNINGS_OF_PILLOW)  # type: ignore[attr-defined]


def _set_error_handler(handler: Any) -> Any:
    """Set libtiff's error handler and return the previous one; do nothing without libtiff."""
    try:
        # Loading a library that links to libtiff also provides libtiff's functions.
        set_handler = ctypes.CDLL(Image.core.__file__).TIFFSetErrorHandler  # type: ignore[attr-defined]
    except (AttributeError, OSError):
        return None
    set_handler.restype = ctypes.c_void_p
    set_handler.argtypes = [ctypes.c_void_p]
    return set_handler(handler)


def _start_anew() -> None:
    """Restore the settings in a forked child, in which the reading threads no longer exist."""
    global _lock, _readers
    _lock = threading.Lock()
    if _readers:
        _readers = 0
        _restore()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew)
