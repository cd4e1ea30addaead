"""Kernels that were compiled when kmq was built, and whether they can run here.

`kmq._kernels` contains them for several processor levels; docs/compiled-kernels.md says how it
is built. If it is missing or cannot be used, numba compiles. The environment variable
KMQ_KERNELS overrides the choice with the name of a level, or numba.
"""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from kmq.errors import KmqError, OptionError, warn

ENVIRONMENT_VARIABLE = "KMQ_KERNELS"
NUMBA = "numba"
"""The name, among those of levels, for compiling with numba."""

_MODULE = "kmq._kernels"
_INSTALL_NUMBA = "pip install 'kmq[numba]'"


class Kernels(NamedTuple):
    """Compiled kernels for one processor level."""

    level: str
    by_name: dict[str, Callable[..., Any]]


class _UnusableError(Exception):
    """The compiled kernels cannot run here, for the stated reason."""


class _NotBuiltError(_UnusableError):
    """There are no compiled kernels, as in a pure wheel."""


@functools.cache
def kernels() -> Kernels | None:
    """Return the kernels that run here, or None if numba compiles.

    Raises
    ------
    OptionError
        If KMQ_KERNELS names a level that does not exist or that this processor cannot run.
    KmqError
        If neither compiled kernels nor numba can be used.
    """
    wanted = os.environ.get(ENVIRONMENT_VARIABLE, "")
    if wanted == NUMBA:
        if not _numba_is_installed():
            raise OptionError(f"{ENVIRONMENT_VARIABLE}: numba is not installed; {_INSTALL_NUMBA}")
        return None
    try:
        return _load(wanted)
    except _UnusableError as error:
        if wanted:
            raise OptionError(
                f"{ENVIRONMENT_VARIABLE}: {wanted[:40]!r} names compiled kernels that cannot be "
                f"used: {error}"
            ) from None
        if not _numba_is_installed():
            raise KmqError(
                f"kmq's compiled kernels cannot be used ({error}), and numba, which would compile "
                f"new ones, is not installed; {_INSTALL_NUMBA}"
            ) from None
        if not isinstance(error, _NotBuiltError):
            warn(f"kmq's compiled kernels cannot be used: {error}; numba compiles new ones")
        return None


def _numba_is_installed() -> bool:
    try:
        return find_spec(NUMBA) is not None
    except ValueError:  # sys.modules has None for it, which blocks importing it
        return False


def _load(wanted: str) -> Kernels:
    """Return the kernels of the level `wanted`, or of the best one that this processor runs."""
    try:
        library = import_module(_MODULE)
    except ModuleNotFoundError as error:
        if error.name != _MODULE:
            raise
        raise _NotBuiltError("this installation of kmq has none") from None
    except (ImportError, OSError) as error:
        raise _UnusableError(str(error)) from error
    if wanted and wanted not in library.levels:
        choices = ", ".join([*library.levels, NUMBA])
        raise OptionError(f"{ENVIRONMENT_VARIABLE}: expected one of {choices}, got {wanted[:40]!r}")
    if source_stamp(library.folders) not in (library.stamp, None):
        raise _UnusableError("they were made from other sources (install kmq again)")
    for level in [wanted] if wanted else library.levels:
        if library.runs(level):
            return Kernels(level, library.load(level))
    raise _UnusableError(f"this processor does not run code for {wanted or library.levels[-1]}")


def kernel_name(function: Callable[..., Any]) -> str:
    """Return a kernel's name in the extension module: its module within kmq, and its own name."""
    return f"{function.__module__.removeprefix('kmq.')}.{function.__qualname__}"


def source_stamp(folders: Sequence[str]) -> str | None:
    """Return a hash of all sources in folders of kmq; None if no source is installed.

    A kernel takes constants only from its own folder.
    """
    digest = hashlib.sha256()
    found = False
    for folder in folders:
        for path in sorted((Path(__file__).parent / folder).glob("*.py")):
            digest.update(f"{folder}/{path.name}\0".encode() + path.read_bytes() + b"\0")
            found = True
    return digest.hexdigest() if found else None
