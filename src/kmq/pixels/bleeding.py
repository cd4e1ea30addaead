"""Colours for clear pixels, taken from the nearest visible ones.

The hidden colour of a clear pixel shows when a program filters or shrinks a picture and
mixes the colours of neighbours regardless of their alpha.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kmq.jit import Array, Number, helper, kernel

NOWHERE = -1


def bleed(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (H, W, 4) pixels; each clear one has the colour of a nearest visible pixel.

    Alpha does not change. A picture without a visible pixel is returned unchanged.
    """
    seen = rgba[..., 3] > 0
    if seen.all() or not seen.any():
        return rgba
    nearest = nearest_places(seen)
    bled = rgba.copy()
    bled[..., :3] = rgba[..., :3].reshape(-1, 3)[nearest]
    return bled


@kernel
def nearest_places(seen: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return for each place of (H, W) the flat place of a nearest visible pixel.

    Places propagate from row to row and along each row, once downwards and once upwards:
    P.-E. Danielsson, "Euclidean distance mapping", Computer Graphics and Image Processing 14
    (1980). It is exact except for a fraction of a pixel in a few places.
    """
    height, width = seen.shape
    nearest = np.empty((height, width), np.int64)
    for y in range(height):
        for x in range(width):
            nearest[y, x] = y * width + x if seen[y, x] else NOWHERE
    for y in range(height):
        _hear_from_row(nearest, y, y - 1)
        _hear_sideways(nearest, y)
    for y in range(height - 1, -1, -1):
        _hear_from_row(nearest, y, y + 1)
        _hear_sideways(nearest, y)
    return nearest


@helper
def _hear_from_row(nearest: Array, y: Number, other: Number) -> None:
    """Adopt the nearest places of three neighbours in another row if they are nearer."""
    height, width = nearest.shape
    if other < 0 or other >= height:
        return
    for x in range(width):
        for beside in range(max(x - 1, 0), min(x + 2, width)):
            _take_nearer(nearest, y, x, nearest[other, beside])


@helper
def _hear_sideways(nearest: Array, y: Number) -> None:
    """Adopt the nearest places of the left neighbours, then of the right ones, if nearer."""
    width = nearest.shape[1]
    for x in range(1, width):
        _take_nearer(nearest, y, x, nearest[y, x - 1])
    for x in range(width - 2, -1, -1):
        _take_nearer(nearest, y, x, nearest[y, x + 1])


@helper
def _take_nearer(nearest: Array, y: Number, x: Number, place: Number) -> None:
    if place == NOWHERE:
        return
    width = nearest.shape[1]
    known = nearest[y, x]
    if known == NOWHERE or _squared(y, x, place, width) < _squared(y, x, known, width):
        nearest[y, x] = place


@helper
def _squared(y: Number, x: Number, place: Number, width: Number) -> Number:
    """Return the squared distance of (y, x) from a place."""
    down, across = place // width - y, place % width - x
    return down * down + across * across
