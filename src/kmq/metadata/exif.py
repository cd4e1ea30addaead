"""Reading and changing an EXIF block's first directory (CIPA DC-008).

Pillow copies the values of all entries when it reads a block. Entries may share their values,
so a block of a few megabytes can exhaust memory. This module reads only the relevant entries,
in place.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from PIL import ExifTags

PREFIX = b"Exif\0\0"
"""The prefix of an EXIF block's TIFF structure in JPEG; other formats have none."""

UPRIGHT = 1
"""The orientation of a picture whose first row is at the top and first column at the left."""

_BYTE_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_SHORT, _LONG, _RATIONAL = 3, 4, 5
_WHOLE_NUMBERS = {_SHORT: "H", _LONG: "I"}
_BYTES_OF_KINDS = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
"""Bytes per value of each kind; values of other kinds have one byte."""
_UNITS = {2: Fraction(1), 3: Fraction(254, 100)}
"""The factors to pixels per inch from pixels per inch and per centimetre."""


class _Entry(NamedTuple):
    tag: int
    kind: int
    place: int
    """The place of the value, or of its offset if the value has more than four bytes."""
    order: str


def orientation(block: bytes) -> int | None:
    """Return the orientation that a TIFF structure states, or None.

    Raises
    ------
    ValueError, struct.error
        If it is not a TIFF structure, or its first directory does not fit into it.
    """
    stated = None
    for entry in _entries(block):
        if entry.tag == ExifTags.Base.Orientation and entry.kind in _WHOLE_NUMBERS:
            stated = _whole_number(block, entry)
    return stated


def upright(block: bytes) -> bytes:
    """Return a TIFF structure whose first directory states no orientation but 1.

    The number is replaced in place, because rewriting the block would move data that maker
    notes point to. Errors are those of `orientation`.
    """
    changed = bytearray(block)
    for entry in _entries(block):
        if entry.tag == ExifTags.Base.Orientation and entry.kind in _WHOLE_NUMBERS:
            struct.pack_into(entry.order + _WHOLE_NUMBERS[entry.kind], changed, entry.place, 1)
    return bytes(changed)


def resolution(block: bytes) -> tuple[Fraction, Fraction] | None:
    """Return the pixels per inch that a TIFF structure states, across and down.

    Returns None if it states none or is damaged.
    """
    found: dict[int, Fraction] = {}
    unit = Fraction(1)
    try:
        for entry in _entries(block):
            if entry.tag in (ExifTags.Base.XResolution, ExifTags.Base.YResolution):
                found[entry.tag] = _rational(block, entry)
            elif entry.tag == ExifTags.Base.ResolutionUnit and entry.kind in _WHOLE_NUMBERS:
                unit = _UNITS.get(_whole_number(block, entry), Fraction(0))
    except (ValueError, struct.error):
        return None
    across = found.get(ExifTags.Base.XResolution, Fraction(0)) * unit
    down = found.get(ExifTags.Base.YResolution, Fraction(0)) * unit
    return (across, down) if across > 0 and down > 0 else None


def of_resolution(pixels_per_inch: tuple[Fraction, Fraction]) -> bytes:
    """Return a TIFF structure that states only a resolution."""
    tags = (ExifTags.Base.XResolution, ExifTags.Base.YResolution, ExifTags.Base.ResolutionUnit)
    values_at = 8 + 2 + 12 * len(tags) + 4
    return b"".join(
        (
            struct.pack("<4sIH", b"II*\0", 8, len(tags)),
            struct.pack("<HHII", tags[0], _RATIONAL, 1, values_at),
            struct.pack("<HHII", tags[1], _RATIONAL, 1, values_at + 8),
            struct.pack("<HHIHH", tags[2], _SHORT, 1, 2, 0),
            bytes(4),
            *(struct.pack("<II", *part.as_integer_ratio()) for part in pixels_per_inch),
        )
    )


def is_sound(block: bytes) -> bool:
    """Whether the block is a TIFF structure that contains its whole first directory."""
    try:
        orientation(block)
    except (ValueError, struct.error):
        return False
    return True


def is_expanded_safely(block: bytes) -> bool:
    """Whether the values that Pillow copies are together no longer than the block.

    In a well-formed block, entries do not share values.
    """
    try:
        order = _order(block)
        starts = [*struct.unpack_from(order + "I", block, 4)]
        starts += (
            _whole_number(block, entry)
            for entry in _entries(block)
            if entry.tag in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo) and entry.kind == _LONG
        )
        total = sum(
            values * _BYTES_OF_KINDS.get(kind, 1)
            for start in starts
            for _, kind, values, _ in _fields(block, start, order)
        )
    except (ValueError, struct.error):
        return False
    return total <= len(block)


def _entries(block: bytes) -> Iterator[_Entry]:
    """Yield the entries of the first directory that have one value."""
    order = _order(block)
    (start,) = struct.unpack_from(order + "I", block, 4)
    for tag, kind, values, place in _fields(block, start, order):
        if values == 1:
            yield _Entry(tag, kind, place, order)


def _order(block: bytes) -> str:
    try:
        return _BYTE_ORDERS[block[:4]]
    except KeyError:
        raise ValueError("not a TIFF structure") from None


def _fields(block: bytes, start: int, order: str) -> Iterator[tuple[int, int, int, int]]:
    """Yield the tag, kind, number of values and place of each entry in a directory."""
    (count,) = struct.unpack_from(order + "H", block, start)
    for place in range(start + 2, start + 2 + 12 * count, 12):
        yield *struct.unpack_from(order + "HHI", block, place), place + 8


def _whole_number(block: bytes, entry: _Entry) -> int:
    (number,) = struct.unpack_from(entry.order + _WHOLE_NUMBERS[entry.kind], block, entry.place)
    return int(number)


def _rational(block: bytes, entry: _Entry) -> Fraction:
    if entry.kind != _RATIONAL:
        return Fraction(0)
    (offset,) = struct.unpack_from(entry.order + "I", block, entry.place)
    numerator, denominator = struct.unpack_from(entry.order + "II", block, offset)
    return Fraction(numerator, denominator) if denominator else Fraction(0)
