"""Colours as Morton keys: the bits of red, green and blue interleaved.

A key is a whole number from 0 to 2^24 - 1. Dropping its last 3 b bits names the
cell of (2^b)^3 neighbouring colours that holds it, so every octree cell is one run
of consecutive keys (G. M. Morton, 1966).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

KEYS = 1 << 24
"""How many keys there are: one for each 24-bit colour."""


def _spread_bits() -> NDArray[np.uint32]:
    """Return, for each byte, its bits moved to positions 0, 3, 6, ..., 21."""
    spread = [sum((byte >> bit & 1) << 3 * bit for bit in range(8)) for byte in range(256)]
    return np.array(spread, np.uint32)


SPREAD = _spread_bits()


def encode(colors: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Return the keys of colours: (..., 3) uint8 to (...) uint32."""
    red, green, blue = (SPREAD[colors[..., channel]] for channel in range(3))
    keys: NDArray[Any] = (red << np.uint32(2)) | (green << np.uint32(1)) | blue
    return keys


def decode(keys: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the colours of keys: (n,) uint32 to (n, 3) uint8."""
    colors = np.empty((len(keys), 3), np.uint8)
    for channel in range(3):
        colors[:, channel] = _gather_bits(keys >> np.uint32(2 - channel))
    return colors


def _gather_bits(keys: NDArray[Any]) -> NDArray[Any]:
    """Return bits 0, 3, 6, ..., 21 of each key moved together."""
    # Bits close up in pairs, then in fours, then in eights.
    gathered = keys & 0x249249
    gathered = (gathered | (gathered >> 2)) & 0x0C30C3
    gathered = (gathered | (gathered >> 4)) & 0x00F00F
    return (gathered | (gathered >> 8)) & 0x0000FF
