"""Compiling every kernel ahead of its first use."""

from __future__ import annotations

import numpy as np

from kmq import clustering, codec, dithering, jit, kmeans, rate
from kmq.choices import Coding
from kmq.clustering.histogram import SMALLEST_CUBE_WORK
from kmq.errors import KmqError
from kmq.pixels.bleeding import bleed

_WIDTH = 256
_CODINGS: tuple[tuple[Coding, int], ...] = (("packed", 1), ("modelled", 2))
"""Each coding, and the number of threads to use with it."""


class NothingKeptError(KmqError):
    """Compiled code cannot be kept: no folder can be written to."""


def warm_up() -> list[str]:
    """Run every kernel with every type it accepts; return the folders of the caches.

    Raises
    ------
    NothingKeptError
        If there is no folder for compiled code.
    """
    run_kernels()
    folders = {folder for kernel in jit.kernels if (folder := jit.cache_folder(kernel))}
    if not folders:
        raise NothingKeptError(
            "compiled code cannot be kept: no folder can be written to; set NUMBA_CACHE_DIR"
        )
    return sorted(folders)


def run_kernels() -> None:
    """Run every kernel with every type it accepts, so that all are compiled ahead of use."""
    # The fewest pixels that kernels count, with many colours, so that palettes are searched for.
    shape = SMALLEST_CUBE_WORK // _WIDTH, _WIDTH, 4
    noise = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    bleed(noise)
    with jit.threads_for_any_work():
        for pixels in (noise[..., :3], noise):
            for colors in (5, 300):  # indices of 8 and of 16 bits
                for coding, threads in _CODINGS:
                    _there_and_back(pixels, colors, coding, threads)
        points = noise[0]
        kmeans.run(points, points[:2], 1, threads=2)


def _there_and_back(
    pixels: np.typing.NDArray[np.uint8], colors: int, coding: Coding, threads: int
) -> None:
    indexed = clustering.quantize(pixels, colors, effort="fast", threads=threads)
    rate.choose(pixels, indexed, 64, len(pixels), threads=threads)
    for method in (dithering.DIFFUSION, dithering.PATTERN):
        dithering.dither(pixels, indexed, 128, method, threads)
    data = codec.encode(indexed, coding=coding, threads=threads)
    codec.load(data, threads=threads)
