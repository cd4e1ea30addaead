"""Kernels that numba compiles at their first call and keeps in a cache."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numba
from numba import prange
from numba.extending import register_jitable

from kmq.jit import forking  # noqa: F401  # sees forks from now on
from kmq.jit.cache import ForgivingCache, NothingKept, on_compile

__all__ = ["cache_folder", "helper", "kernel", "kernels", "on_compile", "prange"]

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

kernels: list[Any] = []
"""Every dispatcher, so that a warm-up can list their cache folders, including dispatchers
without one."""


def kernel(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Compile a kernel at its first call, with a cache and without the interpreter lock."""
    compiled: Any = numba.njit(nogil=True, no_cfunc_wrapper=True)(function)
    if isinstance(compiled, types.FunctionType):  # NUMBA_DISABLE_JIT
        return function
    try:
        compiled._cache = ForgivingCache(function)
    except RuntimeError as error:  # no folder is both writable and trusted
        compiled._cache = NothingKept(str(error).partition("\n")[0])
    kernels.append(compiled)
    found: Callable[Arguments, Result] = compiled
    return found


def helper(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Make a function callable from kernels in its folder; it remains a plain Python function."""
    # LLVM would not inline large helpers, and a call that passes arrays takes 15 ns.
    register = register_jitable(
        nogil=True, forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True
    )
    registered: Callable[Arguments, Result] = register(function)
    return registered


def cache_folder(compiled: Any) -> str | None:
    """Return the folder that keeps a kernel's compiled code; None if it is not kept."""
    folder: str | None = compiled._cache.cache_path
    return folder
