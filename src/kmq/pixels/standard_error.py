"""Reading pictures without what Pillow and libtiff say to standard error meanwhile.

Pillow warns of damaged metadata and logs errors, which Python prints where the host program
handles no log, and libtiff prints its errors itself; kmq says in one line of its own what is
wrong with a file. All these settings are the whole process's. So they are changed while at
least one thread reads, and then put back as the host had them. Its log still gets everything.
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
    with contextlib.suppress(ValueError):  # the host has replaced all filters meanwhile
        warnings.filters.remove(_WARNINGS_OF_PILLOW)  # type: ignore[attr-defined]


def _set_error_handler(handler: Any) -> Any:
    """Set libtiff's error handler and return the one before; do nothing without libtiff."""
    try:
        # A library that links to libtiff finds its functions too.
        set_handler = ctypes.CDLL(Image.core.__file__).TIFFSetErrorHandler  # type: ignore[attr-defined]
    except (AttributeError, OSError):
        return None
    set_handler.restype = ctypes.c_void_p
    set_handler.argtypes = [ctypes.c_void_p]
    return set_handler(handler)


def _start_anew() -> None:
    """Put settings back in a forked child, where threads that were reading are gone."""
    global _lock, _readers
    _lock = threading.Lock()
    if _readers:
        _readers = 0
        _restore()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew)
