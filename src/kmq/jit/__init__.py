"""The one policy on kernels: how they are compiled, and which compiled code runs.

Nothing else in kmq decorates with numba. Three decorators:

- `kernel`: a function on arrays and numbers that runs compiled, without the interpreter lock.
  Kernels of the same folder may call it.
- `helper`: called by kernels of the same folder only, and compiled into them. To Python it
  stays plain.
- `parallel_kernel`: has `prange` loops, and takes the number of threads first.

Where kmq was built with compiled kernels (see `kmq.prebuilt`), `kernel` returns the one that
was compiled from the same source, and nothing of numba is imported. Elsewhere numba compiles
a kernel at its first call (see `kmq.jit.compiling`).

No kernel assigns an array to an array: with it numba compiles, for seconds, how to word
the message that their shapes differ, and each kernel carries that along. They copy in loops.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from kmq import prebuilt
from kmq.errors import KmqError

_prebuilt = prebuilt.kernels()

if TYPE_CHECKING or _prebuilt is None:
    try:
        from kmq.jit import compiling as _policy
    except ModuleNotFoundError as error:
        if error.name != "numba":
            raise
        raise KmqError(
            "there are no compiled kernels for this machine, and numba, which would compile them, "
            "is not installed; pip install 'kmq[numba]'"
        ) from None
else:
    from kmq.jit import compiled as _policy

__all__ = [
    "Array",
    "Number",
    "cache_folder",
    "helper",
    "in_use",
    "kernel",
    "kernels",
    "on_compile",
    "parallel_kernel",
    "prange",
    "threads_for_any_work",
    "useful_threads",
]

# Numba gives these their types; to mypy they are opaque.
Array = Any
Number = Any

SMALLEST_PARALLEL_WORK = 1 << 17
"""Units of work, of about 20 ns each, below which launching threads costs more than it saves."""

in_use = _prebuilt.level if _prebuilt is not None else prebuilt.NUMBA
"""The level of processors whose compiled kernels run, or "numba"."""

kernel = _policy.kernel
helper = _policy.helper
parallel_kernel = _policy.parallel_kernel
prange = _policy.prange
kernels = _policy.kernels
on_compile = _policy.on_compile
cache_folder = _policy.cache_folder


@contextmanager
def threads_for_any_work() -> Iterator[None]:
    """Take the parallel kernels for little work too, so that little work compiles them."""
    global SMALLEST_PARALLEL_WORK
    before = SMALLEST_PARALLEL_WORK
    SMALLEST_PARALLEL_WORK = 0
    try:
        yield
    finally:
        SMALLEST_PARALLEL_WORK = before


def useful_threads(work: int, threads: int) -> int:
    """Return how many threads to use for so many units of work: one where there are few."""
    return threads if work >= SMALLEST_PARALLEL_WORK else 1
