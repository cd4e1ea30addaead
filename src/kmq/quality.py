"""How far a palette image is from its original."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kmq.image import IndexedImage

_ROWS_AT_ONCE = 64


def psnr(rgb: NDArray[np.uint8], indexed: IndexedImage) -> float:
    """Return the peak signal-to-noise ratio in decibels; infinity where nothing changed.

    10 * log10(255^2 / mean squared difference of the samples), `rgb` (H, W, 3).
    """
    total = 0
    for first in range(0, indexed.height, _ROWS_AT_ONCE):
        rows = slice(first, first + _ROWS_AT_ONCE)
        approximated = indexed.palette[indexed.indices[rows]].astype(np.int32)
        total += int(((approximated - rgb[rows]) ** 2).sum(dtype=np.int64))
    if total == 0:
        return math.inf
    return 10 * math.log10(255**2 * rgb.size / total)
