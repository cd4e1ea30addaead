"""What alpha means: a colour's composite over a background, and its distance over them all.

With samples from 0 to 1, a pixel of colour c and alpha a shows p = a c + (1 - a) b over a
background b. Over all uniform backgrounds, each channel of b has the mean 1/2 and the
variance 1/12, and the mean squared difference of two pixels, summed over the channels, is
exactly the squared Euclidean distance of the points

    a (c - 1/2) for red, green and blue, and a / 2.

In 8 bits and whole numbers these are Q = A (2 C - 255) and T = 255 A, in units of 1/510 of
a sample's step. Between opaque colours the distance is that of red, green and blue.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

UNITS = 510
"""Units of `coordinates` in one step of an 8-bit sample: 510^2 times the squared distance."""


def composite(
    rgb: NDArray[np.uint8], alpha: NDArray[np.uint8], background: tuple[int, int, int]
) -> NDArray[np.uint8]:
    """Return (..., 3) colours of (...) alpha over a background, rounded to nearest."""
    weight = alpha[..., np.newaxis].astype(np.uint32)
    blended = rgb * weight + np.array(background, np.uint32) * (255 - weight)
    return ((blended + 127) // 255).astype(np.uint8)


def coordinates(rgba: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return (..., 4) colours as points (..., 4): three Q, each within 65,025 of 0, and T."""
    points: NDArray[Any] = np.empty(rgba.shape, np.int64)
    alpha = rgba[..., 3:].astype(np.int64)
    points[..., :3] = alpha * (2 * rgba[..., :3].astype(np.int64) - 255)
    points[..., 3:] = 255 * alpha
    return points


def opaque(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (..., 3) colours as (..., 4) with alpha 255."""
    rgba = np.full((*rgb.shape[:-1], 4), 255, np.uint8)
    rgba[..., :3] = rgb
    return rgba
