"""Kernels that were compiled when kmq was built: the decorators look them up by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from kmq import prebuilt

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

prange = range
kernels: list[Any] = []
"""numba's dispatchers; there are none."""
on_compile: list[Callable[[], None]] = []
"""Never called: nothing is compiled."""


def kernel(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Return the kernel that was compiled from this function.

    Raises
    ------
    LookupError
        If there is none, because the function is new or not part of kmq.
    """
    found = prebuilt.kernels()
    assert found is not None
    name = prebuilt.kernel_name(function)
    if name not in found.by_name:
        raise LookupError(f"no kernel {name} was compiled with kmq; KMQ_KERNELS=numba compiles it")
    compiled: Callable[Arguments, Result] = found.by_name[name]
    return compiled


def helper(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Return the function itself, because compiled kernels contain the helpers they call."""
    return function


def cache_folder(compiled: object) -> None:
    """Return None, because nothing has to be cached."""
