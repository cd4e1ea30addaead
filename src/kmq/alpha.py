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
    rgb: NDArray[np.uint8],
    alpha: NDArray[np.uint8],
    background: tuple[int, int, int] | NDArray[np.uint8],
) -> NDArray[np.uint8]:
    """Return (..., 3) colours of (...) alpha over a background, or (..., 3) of them, rounded."""
    weight = alpha[..., np.newaxis].astype(np.uint32)
    blended = rgb * weight + np.array(background, np.uint32) * (255 - weight)
    return ((blended + 127) // 255).astype(np.uint8)


def coordinates(colors: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return colours as points in whole numbers, an array of the same shape.

    Of (..., 3) colours the samples themselves; of (..., 4) three Q, each within 65,025 of
    0, and T.
    """
    points = colors.astype(np.int64)
    if colors.shape[-1] == 4:
        points[..., :3] = points[..., 3:] * (2 * points[..., :3] - 255)
        points[..., 3] *= 255
    return points


def points_of(samples: NDArray[np.float64], axes: int) -> NDArray[np.float64]:
    """Return colours whose samples need not be whole, (K, 3) or (K, 4), as points, (K, axes).

    As `coordinates` has them. Without alpha they are opaque; of three axes none is alpha's.
    """
    if axes == 3:
        return samples[:, :3].copy()
    alphas = samples[:, 3:] if samples.shape[1] == 4 else np.full((len(samples), 1), 255.0)
    return np.append(alphas * (2 * samples[:, :3] - 255), 255 * alphas, axis=1)


def colors_at(
    points: NDArray[Any], *, is_opaque: NDArray[np.bool_] | None = None
) -> NDArray[np.uint8]:
    """Return the colours nearest to points, (n, 3) or (n, 4), that need not be whole.

    First alpha is rounded, to 255 where the point `is_opaque`, then the colour that fits
    this alpha best. A clear one is black.
    """
    colors = _rounded(samples_at(points, is_opaque=is_opaque))
    if points.shape[1] == 4:
        colors[colors[:, 3] == 0] = 0
    return colors


def samples_at(
    points: NDArray[Any], *, is_opaque: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """Return the samples of points as `colors_at` does, before it rounds red, green and blue.

    Alpha is rounded here. Where it is 0, red, green and blue mean nothing.
    """
    if points.shape[1] == 3:
        return points.astype(np.float64)
    alphas = _rounded(points[:, 3:] / 255)
    if is_opaque is not None:
        alphas[is_opaque] = 255
    halves = points[:, :3] / np.maximum(alphas, 1, dtype=np.float64) / 2
    return np.append(127.5 + halves, alphas, axis=1)


def with_alpha(colors: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (..., 3) colours as (..., 4) with alpha 255, and (..., 4) as they are."""
    if colors.shape[-1] == 4:
        return colors
    rgba = np.full((*colors.shape[:-1], 4), 255, np.uint8)
    rgba[..., :3] = colors
    return rgba


def _rounded(samples: NDArray[Any]) -> NDArray[np.uint8]:
    rounded: NDArray[Any] = np.floor(samples + 0.5).clip(0, 255)
    return rounded.astype(np.uint8)
