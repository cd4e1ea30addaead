"""The exact nearest palette entry of every pixel, on ties the one of lowest index."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmq import alpha
from kmq.clustering import morton
from kmq.clustering.counting import joined, scrambled, slots_of
from kmq.clustering.histogram import SMALLEST_CUBE_WORK
from kmq.clustering.lloyd import Clusters, iterate
from kmq.clustering.morton import KEYS, SPREAD
from kmq.clustering.points import Points
from kmq.image import index_dtype
from kmq.jit import parallel_kernel, prange, useful_threads

PIXELS_PER_WORK = 8
"""Pixels per unit of work. A look-up takes about 2 ns, so threads are faster from a megapixel
on."""

BLOCK = 1 << 14
"""Pixels that one thread looks up at a time."""


def nearest_entries(points: Points, palette: NDArray[np.uint8], threads: int) -> NDArray[np.int32]:
    """Return the nearest palette entry of each distinct colour, (n,) int32."""
    clusters = Clusters.around(points, alpha.coordinates(palette).astype(np.float64))
    iterate(points, clusters, 1, threads)
    return clusters.labels


def look_up(
    pixels: NDArray[np.uint8],
    keys: NDArray[Any],
    entries: NDArray[np.int32],
    palette_size: int,
    threads: int,
) -> NDArray[Any]:
    """Return each pixel's palette entry, (H, W) uint8 or uint16.

    `keys` contain every colour of the pixels, ascending; `entries` are theirs.
    """
    dtype = index_dtype(palette_size)
    narrow_entries = entries.astype(dtype)
    if pixels.shape[2] == 4:
        return _look_up_words(pixels, keys, narrow_entries, threads)
    if pixels.size // 3 < SMALLEST_CUBE_WORK:
        return narrow_entries[np.searchsorted(keys, morton.encode(pixels))]
    # Only the places of colours that occur are written or read, so only they take memory.
    table = np.empty(KEYS, dtype)
    table[keys] = narrow_entries
    indices = np.empty(pixels.shape[:2], dtype)
    flat = pixels.reshape(-1, 3)
    gather(
        useful_threads(len(flat) // PIXELS_PER_WORK, threads),
        blocks_of(flat),
        flat,
        table,
        indices.reshape(-1),
    )
    return indices


def _look_up_words(
    pixels: NDArray[np.uint8], keys: NDArray[np.uint64], entries: NDArray[Any], threads: int
) -> NDArray[Any]:
    words = morton.words(morton.decode(keys))
    indices = np.empty(pixels.shape[:2], entries.dtype)
    flat = pixels.reshape(-1, 4)
    gather_words(
        useful_threads(len(flat) // PIXELS_PER_WORK, threads),
        blocks_of(flat),
        flat,
        words,
        slots_of(words, len(words)),
        entries,
        indices.reshape(-1),
    )
    return indices


def blocks_of(pixels: NDArray[np.uint8]) -> int:
    """Return the number of blocks in (n, channels) pixels."""
    return -(-len(pixels) // BLOCK)


@parallel_kernel
def gather_words(
    first: int,
    end: int,
    pixels: NDArray[np.uint8],
    words: NDArray[np.uint32],
    slots: NDArray[np.int32],
    entries: NDArray[Any],
    indices: NDArray[Any],
) -> None:
    """Write to `indices` (n,) the entry of each of the (n, 4) pixels.

    Only blocks `first` to `end` - 1 of the pixels are processed. `words` contain every colour
    of the pixels; `slots` and `entries` are theirs.
    """
    for block in prange(first, end):
        place = -1
        for pixel in range(block * BLOCK, min((block + 1) * BLOCK, len(pixels))):
            word = joined(pixels[pixel, 0], pixels[pixel, 1], pixels[pixel, 2], pixels[pixel, 3])
            if place < 0 or words[place] != word:
                slot = np.int64(scrambled(word)) & (len(slots) - 1)
                while words[slots[slot] - 1] != word:
                    slot = (slot + 1) & (len(slots) - 1)
                place = slots[slot] - 1
            indices[pixel] = entries[place]


@parallel_kernel
def gather(
    first: int, end: int, pixels: NDArray[np.uint8], table: NDArray[Any], indices: NDArray[Any]
) -> None:
    """Write to `indices` (n,) the `table` entry of each of the (n, 3) pixels.

    Only blocks `first` to `end` - 1 of the pixels are processed.
    """
    for block in prange(first, end):
        for pixel in range(block * BLOCK, min((block + 1) * BLOCK, len(pixels))):
            key = (
                (SPREAD[pixels[pixel, 0]] << np.uint32(2))
                | (SPREAD[pixels[pixel, 1]] << np.uint32(1))
                | SPREAD[pixels[pixel, 2]]
            )
            indices[pixel] = table[key]
