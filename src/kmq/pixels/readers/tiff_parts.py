"""Parts of a TIFF as separate TIFFs: strips and tiles are copied as stored."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, TypeAlias

STRIP_OFFSETS, STRIP_BYTES, TILE_WIDTH, TILE_OFFSETS, TILE_BYTES = 273, 279, 322, 324, 325

Value: TypeAlias = "bytes | Sequence[Any]"
"""Bytes, integers, or fractions with a numerator and a denominator."""

_LONG, _RATIONAL, _UNDEFINED = 4, 5, 7


def tiff_of(tags: Mapping[int, Value], parts: Sequence[bytes], order: str) -> bytes:
    """Return a TIFF of these tags and strips or tiles, in byte order "<" or ">"."""
    lengths = [len(part) for part in parts]
    starts = [8 + end - length for end, length in zip(accumulate(lengths), lengths, strict=True)]
    is_tiled = TILE_WIDTH in tags
    tags = {
        **tags,
        TILE_OFFSETS if is_tiled else STRIP_OFFSETS: starts,
        TILE_BYTES if is_tiled else STRIP_BYTES: lengths,
    }
    data = b"".join(parts)
    data += bytes(len(data) % 2)
    table_at = 8 + len(data)
    values_at = table_at + 2 + 12 * len(tags) + 4
    table, values = struct.pack(f"{order}H", len(tags)), b""
    for tag, value in sorted(tags.items()):
        kind, count, packed = _packed(value, order)
        inline = packed.ljust(4, b"\0")
        if len(packed) > 4:
            inline = struct.pack(f"{order}I", values_at + len(values))
            values += packed + bytes(len(packed) % 2)
        table += struct.pack(f"{order}HHI", tag, kind, count) + inline
    mark = {"<": b"II*\0", ">": b"MM\0*"}[order]
    return mark + struct.pack(f"{order}I", table_at) + data + table + bytes(4) + values


def _packed(value: Value, order: str) -> tuple[int, int, bytes]:
    """Return the type, the count and the bytes of a tag's value."""
    if isinstance(value, bytes):
        return _UNDEFINED, len(value), value
    if all(isinstance(each, int) for each in value):
        return _LONG, len(value), struct.pack(f"{order}{len(value)}I", *value)
    numbers = [part for each in value for part in (each.numerator, each.denominator)]
    return _RATIONAL, len(value), struct.pack(f"{order}{len(numbers)}I", *numbers)
