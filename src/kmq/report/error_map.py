"""The error map: the distance of every pixel from its original, as a heat map."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image

from kmq import alpha
from kmq.image import IndexedImage
from kmq.report.pictures import shown_size, webp_uri

COLOR_MAP = "inferno"
"""Perceptually uniform, from dark to light: larger errors are lighter, also in grey."""

EXPONENT = 0.5
"""Colours follow the square root of the distance, so that small errors are visible."""

_LEVELS = 64
_LONGEST_SIDE = 800
_BRIGHTEST_SHARE = 99.9
"""The percentile of errors that is shown brightest."""


@dataclass(frozen=True)
class Spread:
    """The distances of pixels from their originals: Euclidean, in 8-bit RGB."""

    root_mean_square: float
    most: float
    """95 % of the pixels have at most this distance."""
    largest: float


def distances(pixels: NDArray[np.uint8], indexed: IndexedImage) -> NDArray[np.float32]:
    """Return each pixel's Euclidean distance from its original in 8-bit RGB, (H, W).

    With alpha, the root of the mean squared distance over all backgrounds (`kmq.alpha`).
    """
    if pixels.shape[2] == 3 and not indexed.has_alpha:
        apart = indexed.to_rgb().astype(np.int64) - pixels
        unit = 1
    else:
        originals = alpha.coordinates(alpha.with_alpha(pixels))
        apart = alpha.coordinates(indexed.to_rgba()) - originals
        unit = alpha.UNITS
    squared = (apart * apart).sum(axis=2)
    roots: NDArray[np.float32] = (np.sqrt(squared.astype(np.float64)) / unit).astype(np.float32)
    return roots


def spread(apart: NDArray[np.float32]) -> Spread:
    """Return a summary of distances (H, W)."""
    mean_square = float(np.square(apart, dtype=np.float64).mean())
    return Spread(math.sqrt(mean_square), float(np.percentile(apart, 95)), float(apart.max()))


def brightest(apart: NDArray[np.float32]) -> float:
    """Return the distance to show brightest, at least 1, for distances (H, W)."""
    return max(1.0, float(np.percentile(apart, _BRIGHTEST_SHARE)))


def heat_map(apart: NDArray[np.float32], limit: float) -> str:
    """Return distances (H, W) as a picture, downscaled if large, as a data: URI."""
    height, width = apart.shape
    size = shown_size(width, height, _LONGEST_SIDE)
    mean = np.asarray(Image.fromarray(apart).resize(size, Image.Resampling.BOX))
    levels = np.clip(mean / limit, 0, 1) ** EXPONENT * (_LEVELS - 1)
    colors = colormaps[COLOR_MAP](np.linspace(0, 1, _LEVELS), bytes=True)[:, :3]
    return webp_uri(Image.fromarray(colors[np.rint(levels).astype(np.uint8)]))
