"""Errors in situations in which numba would hang or end the process."""

from __future__ import annotations

import ctypes
import mmap

from kmq.errors import KmqError

LOADING_BYTES = 16 << 20
"""The most address space that loading a kernel's compiled code takes."""

COMPILING_BYTES = 128 << 20
"""The most address space that compiling a kernel takes."""


def require_main_interpreter() -> None:
    """Raise `KmqError` in a sub-interpreter, in which numba would wait forever for its lock.

    LLVM calls Python back, and `PyGILState_Ensure` then takes the main interpreter's state.
    """
    python = ctypes.pythonapi
    current = ctypes.PYFUNCTYPE(ctypes.c_void_p)(("PyInterpreterState_Get", python))
    number = ctypes.PYFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)(
        ("PyInterpreterState_GetID", python)
    )
    if number(current()) != 0:
        raise KmqError(
            "numba does not work in a sub-interpreter; use kmq in the main interpreter, or install "
            "it where there is a C compiler, so that it needs no numba"
        )


def require_memory(size: int) -> None:
    """Raise `MemoryError` unless `size` bytes are available, because LLVM would abort."""
    try:
        mmap.mmap(-1, size).close()
    except OSError:
        raise MemoryError("there is not enough memory for compiled code") from None
