"""Kernels that numba compiles where kmq runs, at their first call, and keeps in a cache.

A parallel kernel is compiled twice from the same source, serial and parallel, and the
parallel one runs only where that is safe; see `ParallelKernel`.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any, Generic, ParamSpec, TypeVar

import numba
from numba import prange
from numba.core.caching import NullCache
from numba.extending import register_jitable

from kmq.jit import parallelism
from kmq.jit.cache import ForgivingCache, on_compile

__all__ = ["cache_folder", "helper", "kernel", "kernels", "on_compile", "parallel_kernel", "prange"]

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

kernels: list[Any] = []
"""Every dispatcher, so that a warm-up can list the folders of their caches: also those whose
code cannot be kept, and which have no folder."""


def _compile(function: Callable[..., Any], *, parallel: bool) -> Any:
    compiled = numba.njit(nogil=True, parallel=parallel, no_cfunc_wrapper=True)(function)
    if isinstance(compiled, types.FunctionType):  # NUMBA_DISABLE_JIT
        return compiled
    try:
        compiled._cache = ForgivingCache(function)
    except RuntimeError:  # no folder can be written to
        compiled._cache = NullCache()
    kernels.append(compiled)
    return compiled


def kernel(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Compile a serial kernel at its first call, cached, without the interpreter lock."""
    compiled: Callable[Arguments, Result] = _compile(function, parallel=False)
    return compiled


def helper(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Make a function callable from the kernels of its own folder; to Python it stays plain."""
    # Left to itself LLVM calls large helpers, and a call that passes arrays costs 15 ns.
    register = register_jitable(
        nogil=True, forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True
    )
    registered: Callable[Arguments, Result] = register(function)
    return registered


class ParallelKernel(Generic[Arguments, Result]):
    """A kernel with `prange` loops, called with the number of threads first.

    Its loops run over a fixed number of chunks or of outputs, so that the result is
    the same for any number of threads. The serial compilation runs where one thread is
    asked for, and where `parallelism` says that the parallel one is not safe.
    """

    def __init__(self, function: Callable[Arguments, Result]) -> None:
        self.__doc__ = function.__doc__
        self.serial: Callable[Arguments, Result] = _compile(function, parallel=False)
        self.parallel: Callable[Arguments, Result] = _compile(_renamed(function), parallel=True)

    def __call__(
        self, threads: int, /, *arguments: Arguments.args, **named: Arguments.kwargs
    ) -> Result:
        """Run on up to `threads` threads."""
        if threads == 1:
            return self.serial(*arguments, **named)
        with parallelism.turn() as is_granted:
            if not is_granted:
                return self.serial(*arguments, **named)
            before = numba.get_num_threads()
            numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
            try:
                return self.parallel(*arguments, **named)
            finally:
                numba.set_num_threads(before)


def parallel_kernel(function: Callable[Arguments, Result]) -> ParallelKernel[Arguments, Result]:
    """Compile a kernel with `prange` loops; it takes the number of threads first."""
    return ParallelKernel(function)


def cache_folder(compiled: Any) -> str | None:
    """Return the folder that keeps a kernel's compiled code, None if nothing does."""
    folder: str | None = compiled._cache.cache_path
    return folder


def _renamed(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a copy under another name, which is what tells cache files apart."""
    assert isinstance(function, types.FunctionType)
    copy = types.FunctionType(function.__code__, function.__globals__, function.__name__)
    copy.__qualname__ = f"{function.__qualname__}_parallel"
    copy.__module__ = function.__module__
    return copy
