"""The one policy on kernels: how they are compiled, and which compiled code runs.

Nothing else in kmq uses numba's decorators. There are three decorators:

- `kernel`: a function on arrays and numbers that runs compiled, without the interpreter lock.
  Kernels in the same folder may call it.
- `helper`: called only by kernels in the same folder, and compiled into them. It remains a
  plain Python function.
- `parallel_kernel`: has a `prange` loop that threads share; see `ParallelKernel`.

If kmq was built with compiled kernels (see `kmq.prebuilt`), `kernel` returns the one that was
compiled from the same source, and numba is not imported. Otherwise numba compiles a kernel
at its first call (see `kmq.jit.compiling`).

No kernel assigns an array to an array, because numba would spend seconds per kernel compiling
the error message for unequal shapes. Kernels copy in loops instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec

from kmq import prebuilt
from kmq.threads import share

_prebuilt = prebuilt.kernels()

if TYPE_CHECKING or _prebuilt is None:
    from kmq.jit import obstacles

    obstacles.require_main_interpreter()
    from kmq.jit import compiling as _policy
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

# Numba infers the types of these; mypy sees them as opaque.
Array = Any
Number = Any

Arguments = ParamSpec("Arguments")

SMALLEST_PARALLEL_WORK = 1 << 17
"""Units of work, about 20 ns each, below which starting threads takes longer than it saves."""

PARTS_PER_THREAD = 16
"""More parts than threads, to even out parts that take longer or processors that are busy."""

in_use = _prebuilt.level if _prebuilt is not None else prebuilt.NUMBA
"""The processor level of the compiled kernels in use, or "numba"."""

kernel = _policy.kernel
helper = _policy.helper
prange = _policy.prange
kernels = _policy.kernels
on_compile = _policy.on_compile
cache_folder = _policy.cache_folder


class ParallelKernel(Generic[Arguments]):
    """A kernel whose first two arguments are the range of its outer `prange` loop.

    It is called with the number of threads and the length of the whole loop instead. Each
    iteration writes to its own places, so the result is the same for any number of threads.

    Python threads share the loop, and each runs the serial kernel on parts of it without the
    interpreter lock. So both kinds of compiled kernels run in parallel in the same way.
    Numba's own threads (`parallel=True`) are not used for three reasons: they spin while
    waiting for each other, which takes up to three times one thread's time on busy processors;
    they do not survive a fork; and they are not available to kernels compiled without numba.
    """

    def __init__(self, function: Callable[Concatenate[int, int, Arguments], None]) -> None:
        self.__doc__ = function.__doc__
        self.serial = kernel(function)

    def __call__(
        self, threads: int, length: int, /, *arguments: Arguments.args, **named: Arguments.kwargs
    ) -> None:
        """Run the whole loop on up to `threads` threads."""
        if threads == 1:
            self.serial(0, length, *arguments, **named)
            return
        parts = min(length, PARTS_PER_THREAD * threads)

        def run(part: int) -> None:
            first, end = length * part // parts, length * (part + 1) // parts
            self.serial(first, end, *arguments, **named)

        share(run, parts, threads)


parallel_kernel = ParallelKernel


@contextmanager
def threads_for_any_work() -> Iterator[None]:
    """Use several threads even for little work."""
    global SMALLEST_PARALLEL_WORK
    before = SMALLEST_PARALLEL_WORK
    SMALLEST_PARALLEL_WORK = 0
    try:
        yield
    finally:
        SMALLEST_PARALLEL_WORK = before


def useful_threads(work: int, threads: int) -> int:
    """Return the number of threads to use for `work` units of work: one if there are few."""
    return threads if work >= SMALLEST_PARALLEL_WORK else 1
