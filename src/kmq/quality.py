"""The difference between a palette image and its original."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from kmq import alpha
from kmq.image import IndexedImage

_ROWS_AT_ONCE = 64

_SSIM_DEVIATION = 1.5
"""Standard deviation of the window that weights a neighbourhood, in pixels."""

SSIM_WINDOW = 11
"""Pixels per side of that window, and therefore of the smallest image that has an SSIM."""


def psnr(pixels: NDArray[np.uint8], indexed: IndexedImage) -> float:
    """Return the peak signal-to-noise ratio in decibels; infinity if nothing changed.

    See `psnr_of`; `pixels` are (H, W, 3) or (H, W, 4). If they or the indexed image have alpha,
    the squared difference is the mean over all uniform backgrounds (`kmq.alpha`).
    """
    return psnr_of(squared_error(pixels, indexed), 3 * indexed.width * indexed.height)


def squared_error(pixels: NDArray[np.uint8], indexed: IndexedImage) -> Fraction:
    """Return the sum of the squared differences, exactly. Arguments are those of `psnr`."""
    total = sum(int((apart**2).sum()) for apart in _differences(pixels, indexed))
    unit = alpha.UNITS if _has_alpha(pixels, indexed) else 1
    return Fraction(total, unit**2)


def first_difference(pixels: NDArray[np.uint8], indexed: IndexedImage) -> tuple[int, int] | None:
    """Return (x, y) of the first pixel in reading order whose colour differs, or None.

    Arguments are those of `psnr`. Two clear pixels have the same colour.
    """
    for band, apart in enumerate(_differences(pixels, indexed)):
        if (differs := apart.any(axis=2)).any():
            row, column = divmod(int(differs.argmax()), indexed.width)
            return column, band * _ROWS_AT_ONCE + row
    return None


def _has_alpha(pixels: NDArray[np.uint8], indexed: IndexedImage) -> bool:
    return indexed.has_alpha or pixels.shape[2] == 4


def _differences(pixels: NDArray[np.uint8], indexed: IndexedImage) -> Iterator[NDArray[np.int64]]:
    """Yield the differences of pixels in each band of rows, as points of `kmq.alpha`."""
    has_alpha = _has_alpha(pixels, indexed)

    def points(colors: NDArray[np.uint8]) -> NDArray[np.int64]:
        return alpha.coordinates(alpha.with_alpha(colors) if has_alpha else colors)

    palette = points(indexed.palette)
    for first in range(0, indexed.height, _ROWS_AT_ONCE):
        rows = slice(first, first + _ROWS_AT_ONCE)
        yield palette[indexed.indices[rows]] - points(pixels[rows])


def psnr_of(squared_error: int | Fraction, samples: int) -> float:
    """Return 10 log10(255^2 / mean squared difference); infinity if there is no difference."""
    if squared_error == 0:
        return math.inf
    return 10 * math.log10(255**2 * samples / squared_error)


def ssim(pixels: NDArray[np.uint8], indexed: IndexedImage) -> float | None:
    """Return the structural similarity, 1 if nothing changed; None if undefined.

    The mean over pixels and channels of the index of Wang et al., "Image quality
    assessment: from error visibility to structural similarity", IEEE Trans. Image
    Processing 13(4), 2004, with their Gaussian window. It is undefined for images less than
    `SSIM_WINDOW` pixels high or wide. `pixels` are (H, W, 3), or (H, W, 4), which are
    compared over middle grey.

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
            _over_grey(pixels).astype(np.float32),
            _over_grey(indexed.to_pixels()).astype(np.float32),
            data_range=255,
            channel_axis=2,
            gaussian_weights=True,
            sigma=_SSIM_DEVIATION,
            use_sample_covariance=False,
        )
    )


def _over_grey(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if pixels.shape[2] == 3:
        return pixels
    return alpha.composite(pixels[..., :3], pixels[..., 3], (128, 128, 128))
