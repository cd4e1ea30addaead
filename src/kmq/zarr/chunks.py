"""An array of labels or indices <-> bytes: a small head, then one `.kmq` file per slice.

The head has one byte for the item size (1 or 2), one for the number of dimensions (2 or 3),
then the shape and the length of each file as little-endian 32-bit integers.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmq.errors import FormatError, OptionError
from kmq.image import IndexedImage
from kmq.limits import DEFAULT_MAX_PIXELS

_DTYPES: dict[int, np.dtype[Any]] = {1: np.dtype(np.uint8), 2: np.dtype(np.uint16)}


def to_bytes(array: NDArray[Any], coding: str = "auto") -> bytes:
    """Return the bytes of an array of shape (H, W) or (n, H, W), uint8 or uint16.

    Raises
    ------
    OptionError
        If the shape or dtype is different.
    """
    native = array.dtype.newbyteorder("=")
    if array.ndim not in (2, 3) or array.size == 0 or native not in _DTYPES.values():
        raise OptionError(
            "chunk: expected uint8 or uint16 of shape (H, W) or (n, H, W), each at least 1, got "
            f"{array.dtype} of shape {array.shape}; the chunks of other axes must have length 1"
        )
    from kmq.container import writing

    numbers = np.ascontiguousarray(array, native)
    slices = numbers.reshape(-1, *numbers.shape[-2:])
    files = [writing.dumps(IndexedImage.from_labels(each), coding=coding) for each in slices]
    fields = [*numbers.shape, *map(len, files)]
    head = bytes((native.itemsize, numbers.ndim)) + struct.pack(f"<{len(fields)}I", *fields)
    return b"".join([head, *files])


def from_bytes(data: bytes, max_pixels: int = DEFAULT_MAX_PIXELS) -> NDArray[Any]:
    """Return the array in these bytes, as a new one.

    Raises
    ------
    FormatError
        If the bytes are damaged.
    LimitError
        If a slice has more than `max_pixels` pixels.
    """
    from kmq.container import reading

    if len(data) < 2 or data[0] not in _DTYPES or data[1] not in (2, 3):
        raise FormatError("not a chunk of kmq's: its first two bytes are no dtype and dimensions")
    dtype, dimensions = _DTYPES[data[0]], data[1]
    shape = _numbers(data, 2, dimensions)
    count = shape[0] if dimensions == 3 else 1
    place = 2 + 4 * dimensions
    lengths = _numbers(data, place, count)
    place += 4 * count
    if place + sum(lengths) != len(data) or count == 0:
        raise FormatError(f"a chunk of {len(data)} bytes where {place + sum(lengths)} are expected")
    slices = []
    for length in lengths:
        labels = reading.loads(data[place : place + length], max_pixels=max_pixels).to_labels()
        if labels.shape != tuple(shape[-2:]) or int(labels.max()) > np.iinfo(dtype).max:
            raise FormatError(f"a slice of {labels.shape} in a chunk of {tuple(shape)}")
        slices.append(labels.astype(dtype))
        place += length
    return np.stack(slices).reshape(shape)


def _numbers(data: bytes, place: int, count: int) -> list[int]:
    """Return 32-bit integers."""
    if len(data) < place + 4 * count:
        raise FormatError("a chunk that is cut short")
    return list(struct.unpack_from(f"<{count}I", data, place))
