"""The nearest palette entry of every pixel, exactly, the lowest index where several tie."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmq.clustering import morton
from kmq.clustering.histogram import SMALLEST_CUBE_WORK
from kmq.clustering.lloyd import Clusters, iterate
from kmq.clustering.morton import KEYS, SPREAD
from kmq.clustering.points import Points
from kmq.image import index_dtype
from kmq.jit import parallel_kernel, prange, useful_threads

PIXELS_PER_WORK = 8
"""Pixels that make one unit of work: a look-up takes about 2 ns, so that threads pay
from a megapixel on."""

BLOCK = 1 << 14
"""Pixels that one thread looks up at a time."""


def nearest_entries(points: Points, palette: NDArray[np.uint8], threads: int) -> NDArray[np.int32]:
    """Return the nearest palette entry of each distinct colour, (n,) int32."""
    clusters = Clusters.around(points, palette.astype(np.float64))
    iterate(points, clusters, 1, threads)
    return clusters.labels


def look_up(
    pixels: NDArray[np.uint8],
    keys: NDArray[np.uint32],
    entries: NDArray[np.int32],
    palette_size: int,
    threads: int,
) -> NDArray[Any]:
    """Return each pixel's palette entry, (H, W) uint8 or uint16.

    `keys` hold every colour of the pixels, ascending; `entries` are theirs.
    """
    dtype = index_dtype(palette_size)
    narrow_entries = entries.astype(dtype)
    if pixels.size // 3 < SMALLEST_CUBE_WORK:
        return narrow_entries[np.searchsorted(keys, morton.encode(pixels))]
    # Only the places of colours that occur are written, or read, or given memory.
    table = np.empty(KEYS, dtype)
    table[keys] = narrow_entries
    indices = np.empty(pixels.shape[:2], dtype)
    flat = pixels.reshape(-1, 3)
    gather(useful_threads(len(flat) // PIXELS_PER_WORK, threads), flat, table, indices.reshape(-1))
    return indices


@parallel_kernel
def gather(pixels: NDArray[np.uint8], table: NDArray[Any], indices: NDArray[Any]) -> None:
    """Write to `indices` (n,) what `table` holds for each of the (n, 3) pixels."""
    for block in prange((len(pixels) + BLOCK - 1) // BLOCK):
        for pixel in range(block * BLOCK, min((block + 1) * BLOCK, len(pixels))):
            key = (
                (SPREAD[pixels[pixel, 0]] << np.uint32(2))
                | (SPREAD[pixels[pixel, 1]] << np.uint32(1))
                | SPREAD[pixels[pixel, 2]]
            )
            indices[pixel] = table[key]
