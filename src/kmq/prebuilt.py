"""Kernels that were compiled when kmq was built, and whether they are what runs here.

`kmq._kernels` holds them for several levels of processors; docs/compiled-kernels.md says how
they get there. Where it is missing, or does not fit, numba compiles. The environment's
KMQ_KERNELS overrides the choice: the name of a level, or numba.
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
"""What stands for compiling with numba, among the names of levels."""

_MODULE = "kmq._kernels"
_INSTALL_NUMBA = "pip install 'kmq[numba]'"


class Kernels(NamedTuple):
    """Compiled kernels for one level of processors."""

    level: str
    by_name: dict[str, Callable[..., Any]]


class _UnusableError(Exception):
    """The compiled kernels cannot run here, for the reason given."""


class _NotBuiltError(_UnusableError):
    """There are none, as in a pure wheel."""


@functools.cache
def kernels() -> Kernels | None:
    """Return the kernels that run here, None where numba compiles.

    Raises
    ------
    OptionError
        If KMQ_KERNELS names what is not there, or what this processor cannot run.
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
    except ValueError:  # sys.modules has None for it, so that nobody imports it
        return False


def _load(wanted: str) -> Kernels:
    """Return the kernels of the level `wanted`, or of the best that this processor runs."""
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
    """Return the name of a kernel in the module: that of its module in kmq, and its own."""
    return f"{function.__module__.removeprefix('kmq.')}.{function.__qualname__}"


def source_stamp(folders: Sequence[str]) -> str | None:
    """Return a hash of all sources in folders of kmq, None where no source is installed.

    A kernel takes constants from no other folder than its own.
    """
    digest = hashlib.sha256()
    found = False
    for folder in folders:
        for path in sorted((Path(__file__).parent / folder).glob("*.py")):
            digest.update(f"{folder}/{path.name}\0".encode() + path.read_bytes() + b"\0")
            found = True
    return digest.hexdigest() if found else None
