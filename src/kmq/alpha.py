"""The meaning of alpha: compositing over a background, and distance over all backgrounds.

With samples from 0 to 1, a pixel of colour c and alpha a shows p = a c + (1 - a) b over a
background b. Over all uniform backgrounds, each channel of b has the mean 1/2 and the
variance 1/12. The mean squared difference of two pixels, summed over the channels, is then
exactly the squared Euclidean distance of the points

    a (c - 1/2) for red, green and blue, and a / 2.

In integers for 8-bit samples these are Q = A (2 C - 255) and T = 255 A, in units of 1/510 of
a level. Between opaque colours, the distance is that of red, green and blue.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

UNITS = 510
"""Units of `coordinates` per level of an 8-bit sample, so squared distances are 510^2 times
as large."""


def composite(
    rgb: NDArray[np.uint8],
    alpha: NDArray[np.uint8],
    background: tuple[int, int, int] | NDArray[np.uint8],
) -> NDArray[np.uint8]:
    """Return (..., 3) colours with (...) alpha over one or (..., 3) backgrounds, rounded."""
    weight = alpha[..., np.newaxis].astype(np.uint32)
    blended = rgb * weight + np.array(background, np.uint32) * (255 - weight)
    return ((blended + 127) // 255).astype(np.uint8)


def coordinates(colors: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return colours as integer points, an array of the same shape.

    For (..., 3) colours these are the samples themselves; for (..., 4) they are three Q, each
    from -65,025 to 65,025, and T.
    """
    points = colors.astype(np.int64)
    if colors.shape[-1] == 4:
        points[..., :3] = points[..., 3:] * (2 * points[..., :3] - 255)
        points[..., 3] *= 255
    return points


def points_of(samples: NDArray[np.float64], axes: int) -> NDArray[np.float64]:
    """Return colours with fractional samples, (K, 3) or (K, 4), as points, (K, axes).

    The points are those of `coordinates`. Colours without alpha are opaque; with three axes,
    alpha is dropped.
    """
    if axes == 3:
        return samples[:, :3].copy()
    alphas = samples[:, 3:] if samples.shape[1] == 4 else np.full((len(samples), 1), 255.0)
    return np.append(alphas * (2 * samples[:, :3] - 255), 255 * alphas, axis=1)


def colors_at(
    points: NDArray[Any], *, is_opaque: NDArray[np.bool_] | None = None
) -> NDArray[np.uint8]:
    """Return the colours nearest to points, (n, 3) or (n, 4), which may be fractional.

    Alpha is rounded first, to 255 if the point `is_opaque`, and then the colour that fits this
    alpha best. A clear colour is black.
    """
    colors = _rounded(samples_at(points, is_opaque=is_opaque))
    if points.shape[1] == 4:
        colors[colors[:, 3] == 0] = 0
    return colors


def samples_at(
    points: NDArray[Any], *, is_opaque: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """Return the samples of points, like `colors_at`, before red, green and blue are rounded.

    Alpha is rounded. If it is 0, red, green and blue have no meaning.
    """
    if points.shape[1] == 3:
        return points.astype(np.float64)
    alphas = _rounded(points[:, 3:] / 255)
    if is_opaque is not None:
        alphas[is_opaque] = 255
    halves = points[:, :3] / np.maximum(alphas, 1, dtype=np.float64) / 2
    return np.append(127.5 + halves, alphas, axis=1)


def with_alpha(colors: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (..., 3) colours as (..., 4) with alpha 255, and (..., 4) colours unchanged."""
    if colors.shape[-1] == 4:
        return colors
    rgba = np.full((*colors.shape[:-1], 4), 255, np.uint8)
    rgba[..., :3] = colors
    return rgba


def _rounded(samples: NDArray[Any]) -> NDArray[np.uint8]:
    rounded: NDArray[Any] = np.floor(samples + 0.5).clip(0, 255)
    return rounded.astype(np.uint8)
