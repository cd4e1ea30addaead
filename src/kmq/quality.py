"""How far a palette image is from its original."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kmq.image import IndexedImage

_ROWS_AT_ONCE = 64

_SSIM_DEVIATION = 1.5
"""Standard deviation of the window that weighs a neighbourhood, in pixels."""

SSIM_WINDOW = 11
"""Pixels a side of that window, and so of the smallest image that has an SSIM."""


def psnr(rgb: NDArray[np.uint8], indexed: IndexedImage) -> float:
    """Return the peak signal-to-noise ratio in decibels; infinity where nothing changed.

    See `psnr_of`; `rgb` is (H, W, 3).
    """
    total = 0
    for first in range(0, indexed.height, _ROWS_AT_ONCE):
        rows = slice(first, first + _ROWS_AT_ONCE)
        approximated = indexed.palette[indexed.indices[rows]].astype(np.int32)
        total += int(((approximated - rgb[rows]) ** 2).sum(dtype=np.int64))
    return psnr_of(total, rgb.size)


def psnr_of(squared_error: int, samples: int) -> float:
    """Return 10 log10(255^2 / mean squared difference), infinity where there is none."""
    if squared_error == 0:
        return math.inf
    return 10 * math.log10(255**2 * samples / squared_error)


def ssim(rgb: NDArray[np.uint8], indexed: IndexedImage) -> float | None:
    """Return the structural similarity, 1 where nothing changed; None if undefined.

    The mean over pixels and channels of the index of Wang et al., "Image quality
    assessment: from error visibility to structural similarity", IEEE Trans. Image
    Processing 13(4), 2004, in a Gaussian window as they have it. An image less than
    `SSIM_WINDOW` pixels high or wide has none. `rgb` is (H, W, 3).

    Raises
    ------
    ModuleNotFoundError
        Without scikit-image, which the extra `report` installs.
    """
    from skimage.metrics import structural_similarity

    if min(indexed.height, indexed.width) < SSIM_WINDOW:
        return None
    return float(
        structural_similarity(
            rgb.astype(np.float32),
            indexed.to_rgb().astype(np.float32),
            data_range=255,
            channel_axis=2,
            gaussian_weights=True,
            sigma=_SSIM_DEVIATION,
            use_sample_covariance=False,
        )
    )
