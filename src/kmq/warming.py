"""Compiling every kernel ahead of its first use."""

from __future__ import annotations

import numpy as np

from kmq import codec, jit
from kmq.errors import KmqError


class NothingKeptError(KmqError):
    """Compiled code cannot be kept: no folder can be written to."""


def warm_up() -> list[str]:
    """Run every kernel once, on one thread and on two; return the folders of their caches.

    Raises
    ------
    NothingKeptError
        If there is no folder to keep compiled code in.
    """
    rgb = _many_colors(jit.SMALLEST_PARALLEL_WORK)
    for colors in (5, 300):  # palettes with indices of 8 and of 16 bits
        for threads in (1, 2):
            indexed = codec.quantize(rgb, colors, threads=threads)
            for coding in ("packed", "modelled"):
                data = codec.encode(indexed, coding=coding, threads=threads)
                codec.decode(data, threads=threads)
    folders = {folder for kernel in jit.kernels if (folder := jit.cache_folder(kernel))}
    if not folders:
        raise NothingKeptError(
            "compiled code cannot be kept: no folder can be written to; set NUMBA_CACHE_DIR"
        )
    return sorted(folders)


def _many_colors(count: int) -> np.typing.NDArray[np.uint8]:
    """Return pixels (H, 512, 3) with at least `count` distinct colours."""
    keys = np.arange(-(-count // 512) * 512, dtype=np.uint32) * np.uint32(101)
    return np.stack([keys >> 16, keys >> 8, keys], axis=-1).astype(np.uint8).reshape(-1, 512, 3)
