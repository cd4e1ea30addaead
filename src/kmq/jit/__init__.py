"""The one policy on kernels: how they are compiled, and which compiled code runs.

Nothing else in kmq decorates with numba. Three decorators:

- `kernel`: a function on arrays and numbers that runs compiled, without the interpreter lock.
  Kernels of the same folder may call it.
- `helper`: called by kernels of the same folder only, and compiled into them. To Python it
  stays plain.
- `parallel_kernel`: has a `prange` loop that threads share; see `ParallelKernel`.

Where kmq was built with compiled kernels (see `kmq.prebuilt`), `kernel` returns the one that
was compiled from the same source, and nothing of numba is imported. Elsewhere numba compiles
a kernel at its first call (see `kmq.jit.compiling`).

No kernel assigns an array to an array: with it numba compiles, for seconds, how to word
the message that their shapes differ, and each kernel carries that along. They copy in loops.
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

# Numba gives these their types; to mypy they are opaque.
Array = Any
Number = Any

Arguments = ParamSpec("Arguments")

SMALLEST_PARALLEL_WORK = 1 << 17
"""Units of work, of about 20 ns each, below which starting threads costs more than it saves."""

PARTS_PER_THREAD = 16
"""More parts than threads even out parts that take longer, or a processor that others use."""

in_use = _prebuilt.level if _prebuilt is not None else prebuilt.NUMBA
"""The level of processors whose compiled kernels run, or "numba"."""

kernel = _policy.kernel
helper = _policy.helper
prange = _policy.prange
kernels = _policy.kernels
on_compile = _policy.on_compile
cache_folder = _policy.cache_folder


class ParallelKernel(Generic[Arguments]):
    """A kernel whose first two arguments are the range of its outer `prange` loop.

    It is called with the number of threads and the length of the whole loop in their place.
    Each iteration writes where no other does, so that the result is the same for any number
    of threads.

    Threads of Python share the loop, and each runs the serial kernel on parts of it without
    the interpreter lock. So both kinds of compiled kernels run in parallel in the same way.
    Numba's own threads, which `parallel=True` would take, are not used: they wait for each
    other by spinning, which takes up to three times one thread's time on busy processors, they
    do not outlive a fork, and compiled kernels that need no numba cannot have them.
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
    """Take several threads for little work too."""
    global SMALLEST_PARALLEL_WORK
    before = SMALLEST_PARALLEL_WORK
    SMALLEST_PARALLEL_WORK = 0
    try:
        yield
    finally:
        SMALLEST_PARALLEL_WORK = before


def useful_threads(work: int, threads: int) -> int:
    """Return how many threads to use for `work` units of work: one where there are few."""
    return threads if work >= SMALLEST_PARALLEL_WORK else 1
