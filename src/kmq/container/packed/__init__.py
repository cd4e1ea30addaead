"""Coding 0: log2 K bits per index, for every K.

If K is a power of two, indices are stored in fields of log2 K bits; otherwise in the
mixed-radix code of `mixed_radix`. Only the latter uses compiled code, and only when loading
it is worth the time.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmq.container.packed import mixed_radix
from kmq.errors import FormatError
from kmq.image import index_dtype

_FIELDS_AT_ONCE = 1 << 16
"""A multiple of 8, so that each batch begins on a byte. An unpacked field takes 16 bytes."""


def encode(indices: NDArray[Any], palette_size: int) -> bytes:
    """Return the packed body of a stripe.

    Parameters
    ----------
    indices
        Any shape, C-contiguous, uint8 or uint16, each below `palette_size`.
    palette_size
        K, 1 to 65,536.
    """
    if is_power_of_two(palette_size):
        return _pack_fields(indices.ravel(), palette_size.bit_length() - 1)
    return mixed_radix.encode(indices.ravel(), palette_size)


def decode(body: bytes | memoryview, count: int, palette_size: int) -> NDArray[Any]:
    """Return `count` indices, uint8 where K is at most 256, otherwise uint16.

    Raises
    ------
    FormatError
        If the body does not contain exactly `count` indices.
    """
    if is_power_of_two(palette_size):
        return _unpack_fields(body, count, palette_size)
    return mixed_radix.decode(body, count, palette_size)


def least_bytes(count: int, palette_size: int) -> int:
    """Return a lower bound on the size of a packed body of `count` indices."""
    return int(count * math.log2(palette_size) / 8 * (1 - 1e-9))


def is_power_of_two(number: int) -> bool:
    """Whether a positive number is 1, 2, 4, 8, ..."""
    return number & (number - 1) == 0


def _pack_fields(indices: NDArray[Any], width: int) -> bytes:
    parts = []
    for start in range(0, len(indices), _FIELDS_AT_ONCE):
        fields = indices[start : start + _FIELDS_AT_ONCE].astype(">u2")
        bits = np.unpackbits(fields.view(np.uint8)).reshape(-1, 16)
        parts.append(np.packbits(bits[:, 16 - width :]).tobytes())
    return b"".join(parts)


def _unpack_fields(body: bytes | memoryview, count: int, palette_size: int) -> NDArray[Any]:
    width = palette_size.bit_length() - 1
    expected = -(-count * width // 8)
    if len(body) != expected:
        raise FormatError(f"the packed body has {len(body)} bytes, not {expected}")
    stored = np.frombuffer(body, np.uint8)
    padding = 8 * expected - count * width
    if padding and stored[-1] & (1 << padding) - 1:
        raise FormatError("the packed body's padding is not zero")
    indices = np.zeros(count, index_dtype(palette_size))
    if width == 0:
        return indices
    for start in range(0, count, _FIELDS_AT_ONCE):
        part = indices[start : start + _FIELDS_AT_ONCE]
        first_byte = start * width // 8
        bits = np.unpackbits(stored[first_byte:], count=len(part) * width)
        fields = np.zeros((len(part), 16), np.uint8)
        fields[:, 16 - width :] = bits.reshape(len(part), width)
        part[:] = np.packbits(fields).view(">u2")
    return indices
