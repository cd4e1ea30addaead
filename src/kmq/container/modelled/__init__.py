"""Coding 1, modelled: a stripe of indices in as few bytes as its neighbours predict."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmq.container.modelled.model import BEFORE_TREE, code_plane
from kmq.container.modelled.palette_tree import split_axes
from kmq.container.modelled.surroundings import PAD, ROWS_ABOVE
from kmq.errors import FormatError
from kmq.image import index_dtype


def encode(indices: NDArray[Any], palette: NDArray[np.uint8]) -> bytes:
    """Return the body of one stripe: indices of shape (rows, width) into (K, 3) colours."""
    if len(palette) == 1:
        return b""
    rows, width = indices.shape
    plane = _padded(rows, width)
    plane[ROWS_ABOVE:, PAD:-PAD] = indices
    bits = _index_bits(len(palette))
    axes = split_axes(palette.astype(np.int64), 1 << bits)
    capacity = (indices.size * bits) // 16 + width * (bits + BEFORE_TREE) + 16
    while True:
        words = np.zeros(capacity, dtype=np.int32)
        used = code_plane(0, words, plane.reshape(-1), rows, width, palette.astype(np.int64), axes)
        if used >= 0:
            return words[:used].astype(">u2").tobytes().rstrip(b"\0")
        capacity *= 2


def decode(body: bytes, rows: int, width: int, palette: NDArray[np.uint8]) -> NDArray[Any]:
    """Return the indices, (rows, width), of a stripe's body.

    Raises
    ------
    FormatError
        If the body is longer than its pixels need. Any other body of an unknown origin
        decodes to some plane whose every index is below K.
    """
    if body.endswith(b"\0"):
        raise FormatError("modelled stripe: ends in a zero byte, which a writer leaves out")
    dtype = index_dtype(len(palette))
    if len(palette) == 1:
        if body:
            raise FormatError(f"modelled stripe of one colour: {len(body)} bytes where none belong")
        return np.zeros((rows, width), dtype=dtype)
    coded = len(body) + 1 >> 1
    words = np.zeros(coded + 4, dtype=np.int32)
    words[:coded] = np.frombuffer(body + b"\0" * (len(body) & 1), dtype=">u2")
    plane = _padded(rows, width)
    axes = split_axes(palette.astype(np.int64), 1 << _index_bits(len(palette)))
    used = code_plane(1, words, plane.reshape(-1), rows, width, palette.astype(np.int64), axes)
    if used < coded:
        raise FormatError(
            f"modelled stripe: {len(body)} bytes, but its {rows} rows of {width} pixels "
            f"end after {2 * used}"
        )
    return plane[ROWS_ABOVE:, PAD:-PAD].astype(dtype)


def _padded(rows: int, width: int) -> NDArray[np.uint16]:
    return np.zeros((rows + ROWS_ABOVE, width + 2 * PAD), dtype=np.uint16)


def _index_bits(colors: int) -> int:
    return (colors - 1).bit_length()
