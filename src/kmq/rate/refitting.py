"""Entries that follow their pixels: each moves to the mean of its current pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kmq import alpha
from kmq.jit import Array, Number, kernel
from kmq.rate.sweeping import point_of

OPAQUE = 255 * 255
"""The fourth coordinate of an opaque pixel."""

COLUMNS = 6
"""Sums of four coordinates, number of pixels, number of opaque pixels."""


def refitted(palette: NDArray[np.uint8], sums: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return (K, 3) or (K, 4) colours, each the mean of its pixels, rounded.

    `sums` are those of `add_up` over the picture, (K, COLUMNS). An entry without pixels stays
    as it is. So does a clear one, or one that would become clear, because clustering chose its
    hidden colour deliberately. An entry becomes opaque if most of its pixels are.
    """
    channels = palette.shape[1]
    used = sums[:, 4] > 0
    means = sums[used, :channels] / sums[used, 4:5]
    is_opaque = 2 * sums[used, 5] > sums[used, 4]
    moved = palette.copy()
    moved[used] = alpha.colors_at(means, is_opaque=is_opaque)
    if channels == 4:
        stays = (palette[:, 3] == 0) | (moved[:, 3] == 0)
        moved[stays] = palette[stays]
    return moved


@kernel
def add_up(pixels: Array, channels: Number, indices: Array, sums: Array) -> None:
    """Add the pixels of a stripe to `sums`, `COLUMNS` per entry."""
    for pixel in range(len(indices)):
        a, b, c, d = point_of(pixels, pixel, channels)
        place = COLUMNS * np.int64(indices[np.uint64(pixel)])
        sums[np.uint64(place)] += a
        sums[np.uint64(place + 1)] += b
        sums[np.uint64(place + 2)] += c
        sums[np.uint64(place + 3)] += d
        sums[np.uint64(place + 4)] += 1
        sums[np.uint64(place + 5)] += np.int64(d == OPAQUE)
