"""Colours as keys along a Morton curve: nearby keys are similar colours.

An RGB colour's key is its Morton key, the interleaved bits of red, green and blue: a whole
number from 0 to 2^24 - 1. Dropping its last 3 b bits leaves the number of the cell of
(2^b)^3 neighbouring colours that contains it, so every octree cell is one run of
consecutive keys (G. M. Morton, 1966).

An RGBA colour's key has 64 bits. The upper 32 are the Morton key of its four coordinates
(`kmq.alpha`), each divided by 510 and rounded down to 8 bits, the size of a sample. Colours
of low alpha share cells, so the lower 32 bits are the colour itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmq import alpha

UNITS = {3: 1, 4: alpha.UNITS}
"""The width of a cell of 0 bits, in RGB and in RGBA coordinates."""

KEYS = 1 << 24
"""The number of keys of RGB colours."""

_ORIGIN = np.array([-255 * 255] * 3 + [0], np.float32)
"""The lowest coordinates of the first cell of RGBA colours."""

COLOR_BITS = 32
"""Lower bits of an RGBA colour's key: alpha, blue, green and red, from high to low."""


def _spread_bits(axes: int) -> NDArray[np.uint32]:
    """Return, for each byte, its bits moved to positions 0, `axes`, 2 `axes`, ..."""
    spread = [sum((byte >> bit & 1) << axes * bit for bit in range(8)) for byte in range(256)]
    return np.array(spread, np.uint32)


SPREAD = _spread_bits(3)
_SPREAD_IN_FOUR = _spread_bits(4)


def encode(colors: NDArray[np.uint8]) -> NDArray[Any]:
    """Return the keys of colours: (..., 3) uint8 to (...) uint32, (..., 4) to uint64."""
    if colors.shape[-1] == 3:
        return _interleaved(colors, SPREAD)
    places = (alpha.coordinates(colors) - _ORIGIN.astype(np.int64)) // alpha.UNITS
    cells = _interleaved(places, _SPREAD_IN_FOUR).astype(np.uint64)
    keys: NDArray[Any] = (cells << np.uint64(COLOR_BITS)) | words(colors)
    return keys


def encode_words(given: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """Return the keys of RGBA colours given as `words`, (n,) uint64."""
    return encode(_colors_of_words(given))


def decode(keys: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the colours of keys: (n,) uint32 to (n, 3) uint8, (n,) uint64 to (n, 4)."""
    if keys.dtype == np.uint32:
        return places_of(keys, 3)
    return _colors_of_words((keys & np.uint64(0xFFFFFFFF)).astype(np.uint32))


def words(rgba: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Return (..., 4) colours as numbers, alpha in the highest byte, red in the lowest."""
    parts = [rgba[..., channel].astype(np.uint32) << np.uint32(8 * channel) for channel in range(4)]
    joined: NDArray[Any] = parts[0] | parts[1] | parts[2] | parts[3]
    return joined


def _colors_of_words(given: NDArray[np.uint32]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(given, "<u4").view(np.uint8).reshape(-1, 4)


def cells_of(keys: NDArray[Any]) -> NDArray[np.uint32]:
    """Return the Morton keys contained in colours' keys, (n,), in the same order."""
    if keys.dtype == np.uint32:
        return keys
    cells: NDArray[Any] = (keys >> np.uint64(COLOR_BITS)).astype(np.uint32)
    return cells


def places_of(cells: NDArray[np.uint32], axes: int) -> NDArray[np.uint8]:
    """Return the 8-bit numbers, (n, axes), that (n,) Morton keys interleave."""
    places = np.empty((len(cells), axes), np.uint8)
    for axis in range(axes):
        places[:, axis] = _gather_bits(cells >> np.uint32(axes - 1 - axis), axes)
    return places


def corners_of(places: NDArray[np.uint8]) -> NDArray[Any]:
    """Return the lowest coordinates of the cells at these places, exact in float32."""
    return places if places.shape[1] == 3 else places * np.float32(alpha.UNITS) + _ORIGIN


def _interleaved(places: NDArray[Any], spread: NDArray[np.uint32]) -> NDArray[Any]:
    axes = places.shape[-1]
    keys: NDArray[Any] = spread[places[..., axes - 1]]
    for axis in range(axes - 1):
        keys = keys | (spread[places[..., axis]] << np.uint32(axes - 1 - axis))
    return keys


def _gather_bits(keys: NDArray[Any], axes: int) -> NDArray[Any]:
    """Return bits 0, `axes`, ..., 7 `axes` of each key moved together."""
    # Bits close up in pairs, then in fours, then in eights.
    single, pairs, fours, eights = _MASKS[axes]
    gathered = keys & single
    gathered = (gathered | (gathered >> (axes - 1))) & pairs
    gathered = (gathered | (gathered >> 2 * (axes - 1))) & fours
    return (gathered | (gathered >> 4 * (axes - 1))) & eights


_MASKS = {
    3: (0x249249, 0x0C30C3, 0x00F00F, 0x0000FF),
    4: (0x11111111, 0x03030303, 0x000F000F, 0x000000FF),
}
"""Masks of 8 bits that are `axes` places apart: single bits, pairs, fours, all together."""

CLEAR = encode(np.zeros(4, np.uint8))
"""The key of clear black, the lowest of all clear colours."""
