"""Coding 1, modelled: each index is predicted from its neighbours and range-coded."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmq.container.modelled.mixing import fresh_slots
from kmq.container.modelled.model import MARGIN, OTHER_END, code_plane
from kmq.container.modelled.palette_tree import packed_colors, split_axes
from kmq.container.modelled.slots import map_slots
from kmq.container.modelled.surroundings import PAD, ROWS_ABOVE
from kmq.errors import FormatError
from kmq.image import index_dtype

MOST_MISSING = 8
"""The most zero bytes that a writer may omit at the end of a body. A reader that needs more
stops; otherwise an empty body would decode to a random picture of any size."""


def encode(indices: NDArray[Any], palette: NDArray[np.uint8]) -> bytes:
    """Return the body of one stripe: indices, (rows, width), into (K, 3) colours."""
    if len(palette) == 1:
        return b""
    plane = _padded(*indices.shape)
    plane[ROWS_ABOVE:, PAD:-PAD] = indices
    capacity = (indices.size * _index_bits(len(palette))) // 16 + MARGIN
    while True:
        words = np.zeros(capacity, dtype=np.int32)
        used = _code(0, words, plane, palette)
        if used >= 0:
            body = words[:used].astype(">u2").tobytes()
            least = max(2 * used - MOST_MISSING, 0)
            return body[:least] + body[least:].rstrip(b"\0")
        capacity *= 2


def decode(body: bytes, rows: int, width: int, palette: NDArray[np.uint8]) -> NDArray[Any]:
    """Return the indices, (rows, width), of a stripe's body.

    Raises
    ------
    FormatError
        If the body is longer or shorter than its pixels need, or ends differently from a
        writer's. Any other bytes decode to some plane in which every index is below K.
    """
    dtype = index_dtype(len(palette))
    if len(palette) == 1:
        if body:
            raise FormatError(f"modelled stripe of one colour: {len(body)} bytes where none belong")
        return np.zeros((rows, width), dtype=dtype)
    coded = len(body) + 1 >> 1
    words = np.zeros(coded + MOST_MISSING // 2 + MARGIN, dtype=np.int32)
    words[:coded] = np.frombuffer(body + b"\0" * (len(body) & 1), dtype=">u2")
    plane = _padded(rows, width)
    used = _code(1, words, plane, palette)
    if used == OTHER_END:
        raise FormatError(
            f"modelled stripe: its {len(body)} bytes do not end as a writer ends "
            f"{rows} rows of {width} pixels"
        )
    least = 2 * used - MOST_MISSING
    if used < 0 or len(body) < least:
        raise FormatError(
            f"modelled stripe: its {len(body)} bytes end before its {rows} rows of {width} pixels"
        )
    if used < coded:
        raise FormatError(
            f"modelled stripe: {len(body)} bytes, but its {rows} rows of {width} pixels "
            f"end after {2 * used}"
        )
    if len(body) > least and body.endswith(b"\0"):
        raise FormatError("modelled stripe: ends in a zero byte, which a writer leaves out")
    return plane[ROWS_ABOVE:, PAD:-PAD].astype(dtype)


def _code(
    decoding: int, words: NDArray[np.int32], plane: NDArray[np.uint16], palette: NDArray[np.uint8]
) -> int:
    rows, width = plane.shape[0] - ROWS_ABOVE, plane.shape[1] - 2 * PAD
    colors, axes = _colors_and_axes(palette.tobytes())
    slots = fresh_slots(map_slots(_index_bits(len(palette)), rows * width).end)
    used: int = code_plane(decoding, words, plane.reshape(-1), rows, width, colors, axes, slots)
    return used


@lru_cache(maxsize=2)
def _colors_and_axes(samples: bytes) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Return a palette's colours and axes, cached because the stripes of a file share them."""
    palette = np.frombuffer(samples, np.uint8).reshape(-1, 3)
    axes: NDArray[np.int64] = split_axes(palette.astype(np.int64), 1 << _index_bits(len(palette)))
    return packed_colors(palette), axes


def _padded(rows: int, width: int) -> NDArray[np.uint16]:
    return np.zeros((rows + ROWS_ABOVE, width + 2 * PAD), dtype=np.uint16)


def _index_bits(colors: int) -> int:
    return (colors - 1).bit_length()
