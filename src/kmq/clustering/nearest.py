"""The exact nearest palette entry of every pixel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmq.clustering.histogram import Histogram, color_keys
from kmq.clustering.lloyd import assign
from kmq.image import index_dtype
from kmq.jit import useful_threads


def nearest_entries(
    colors: NDArray[np.uint8], palette: NDArray[np.uint8], threads: int
) -> NDArray[np.int32]:
    """Return the index of the nearest of the palette's (K, 3) colours for each of (n, 3).

    Exact, ties to the lowest index: whole numbers up to 3 * 255^2 are exact in float32.
    """
    labels = np.empty(len(colors), np.int32)
    assign(
        useful_threads(len(colors), threads),
        np.ascontiguousarray(colors.T, np.float32),
        np.ascontiguousarray(palette.T, np.float32),
        labels,
    )
    return labels


def map_pixels(
    pixels: NDArray[np.uint8], histogram: Histogram, labels: NDArray[np.int32], palette_size: int
) -> NDArray[Any]:
    """Return the indices of pixels (H, W, 3), given the labels of their distinct colours."""
    table = np.zeros(1 << 24, index_dtype(palette_size))
    table[color_keys(histogram.colors)] = labels
    return table[color_keys(pixels)]
