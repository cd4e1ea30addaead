"""The two kinds of .pal: JASC's, which is text, and Microsoft's, which is RIFF."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from itertools import islice

from kmq.errors import FormatError
from kmq.limits import MAX_COLORS
from kmq.palettes.entries import OPAQUE, Entry, from_levels, shown
from kmq.palettes.lines import numbered
from kmq.palettes.text import level_lines

JASC_HEADER = "JASC-PAL"
_JASC_VERSION = "0100"

_RIFF_HEADER = struct.Struct("<4sI4s")
_CHUNK = struct.Struct("<4sI")
_LOGPALETTE = struct.Struct("<HH")
"""Windows' LOGPALETTE: version and number of entries, of four bytes each."""
_LOGPALETTE_VERSION = 0x0300


def read_jasc(text: str) -> list[Entry]:
    """Return the colours: after header, version and number of colours, lines `r g b` or `r g b a`.

    Raises
    ------
    FormatError
        If a line is wrong, which the message names, or the number of colours does not match.
    """
    lines = numbered(text)
    next(lines)  # the header
    next(lines, None)  # the version; there is only one
    number_of_count, count = next(lines, (3, ""))
    if not (count.isascii() and count.isdecimal() and len(count) <= len(str(MAX_COLORS))):
        raise FormatError(
            f"line {number_of_count}: expected the number of colours, got {shown(count)}"
        )
    entries = [
        from_levels(line.split(None, 4), line, f"line {number}")
        for number, line in islice(lines, MAX_COLORS + 1)
    ]
    if len(entries) != int(count) and len(entries) <= MAX_COLORS:
        raise FormatError(
            f"line {number_of_count} says {int(count):,} colours, the file holds {len(entries):,}"
        )
    return entries


def write_jasc(entries: Sequence[Entry]) -> bytes:
    """Return a JASC palette."""
    lines = [JASC_HEADER, _JASC_VERSION, str(len(entries)), *level_lines(entries)]
    return ("\r\n".join(lines) + "\r\n").encode()


def is_riff(data: bytes) -> bool:
    """Whether it begins like a RIFF palette."""
    return data[:4] == b"RIFF" and data[8:12] == b"PAL "


def read_riff(data: bytes) -> Iterator[Entry]:
    """Yield the colours of the chunk "data"; the flags of an entry do not affect its colour.

    Raises
    ------
    FormatError
        If there is no such chunk, or it ends early.
    """
    place = _RIFF_HEADER.size
    while place + _CHUNK.size <= len(data):
        name, length = _CHUNK.unpack_from(data, place)
        place += _CHUNK.size
        if name == b"data":
            yield from _logical_palette(data[place : place + length])
            return
        place += length + length % 2
    raise FormatError('not a whole palette: a RIFF file without a "data" chunk')


def _logical_palette(chunk: bytes) -> Iterator[Entry]:
    if len(chunk) < _LOGPALETTE.size:
        raise FormatError("the file ends within the number of colours")
    _, count = _LOGPALETTE.unpack_from(chunk)
    stored = chunk[_LOGPALETTE.size :][: 4 * count]
    if len(stored) < 4 * count:
        raise FormatError(f"the file ends within colour {len(stored) // 4 + 1} of {count:,}")
    for red, green, blue, _flags in struct.iter_unpack("4B", stored):
        yield red, green, blue, OPAQUE


def write_riff(entries: Sequence[Entry]) -> bytes:
    """Return a RIFF palette."""
    chunk = _LOGPALETTE.pack(_LOGPALETTE_VERSION, len(entries))
    chunk += b"".join(bytes((red, green, blue, 0)) for red, green, blue, _ in entries)
    body = b"PAL " + _CHUNK.pack(b"data", len(chunk)) + chunk
    return _CHUNK.pack(b"RIFF", len(body)) + body
