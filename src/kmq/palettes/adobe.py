"""Adobe's palettes: colour tables (.act), Photoshop's swatches (.aco), swatch exchange (.ase).

Colour tables and swatches are specified in Adobe's "Photoshop File Formats Specification";
swatch exchange is not, so it is read the way Illustrator and Photoshop write it.
"""

from __future__ import annotations

import colorsys
import struct
from collections.abc import Iterator, Sequence
from typing import Any

from kmq.errors import FormatError, OptionError
from kmq.palettes.entries import OPAQUE, Entry, to_hex

_TABLE_ENTRIES = 256
_TABLE_BYTES = 3 * _TABLE_ENTRIES
TABLE_SIZES = (_TABLE_BYTES, _TABLE_BYTES + 4)
"""Bytes of a colour table, alone or with the number of colours and the transparent one."""
_NONE_TRANSPARENT = 0xFFFF

_SWATCHES = struct.Struct(">HH")
"""Version and number of colours."""
_SWATCH = struct.Struct(">HHHHH")
"""Colour space and four numbers."""
_ACO_RGB, _ACO_HSB, _ACO_GREY = 0, 1, 8
_ACO_WHITE = 10_000
_OTHER_SPACES = {2: "CMYK", 7: "Lab"}

EXCHANGE_SIGNATURE = b"ASEF"
_EXCHANGE = struct.Struct(">4sHHI")
"""Signature, version 1.0, number of blocks."""
_BLOCK = struct.Struct(">HI")
"""Type and length."""
_COLOR_BLOCK = 1
_GLOBAL_COLOR = 0


def read_table(data: bytes) -> Iterator[Entry]:
    """Yield the colours of an .act file: all 256, or the number that its last bytes give.

    Raises
    ------
    FormatError
        If the number of colours is not from 1 to 256.
    """
    count, transparent = _TABLE_ENTRIES, _NONE_TRANSPARENT
    if len(data) > _TABLE_BYTES:
        count, transparent = struct.unpack_from(">HH", data, _TABLE_BYTES)
    if not 1 <= count <= _TABLE_ENTRIES:
        raise FormatError(f"byte {_TABLE_BYTES}: the number of colours is {count:,}, not 1 to 256")
    for index, (red, green, blue) in enumerate(struct.iter_unpack("3B", data[: 3 * count])):
        yield red, green, blue, 0 if index == transparent else OPAQUE


def write_table(entries: Sequence[Entry]) -> bytes:
    """Return an .act file: 768 bytes if all 256 entries are used and opaque, otherwise 772.

    Raises
    ------
    OptionError
        If more than one entry is not opaque, or one is partly transparent.
    """
    clear = [index for index, (*_, alpha) in enumerate(entries) if alpha < OPAQUE]
    if len(clear) > 1 or any(entries[index][3] for index in clear):
        raise OptionError("palette: an .act file holds one transparent colour, which is clear")
    table = b"".join(bytes(entry[:3]) for entry in entries).ljust(_TABLE_BYTES, b"\0")
    if len(entries) == _TABLE_ENTRIES and not clear:
        return table
    return table + struct.pack(">HH", len(entries), *(clear or [_NONE_TRANSPARENT]))


def is_swatches(data: bytes) -> bool:
    """Whether it begins like an .aco file and is long enough for the colours that it claims."""
    if len(data) < _SWATCHES.size:
        return False
    version, count = _SWATCHES.unpack_from(data)
    return version in (1, 2) and count > 0 and len(data) >= _SWATCHES.size + count * _SWATCH.size


def read_swatches(data: bytes) -> Iterator[Entry]:
    """Yield the colours of an .aco file; version 2, which often follows, repeats version 1.

    Raises
    ------
    FormatError
        If a colour, which the message names, is cut short or has no defined sRGB value.
    """
    version, count = _SWATCHES.unpack_from(data)
    place = _SWATCHES.size
    for number in range(1, count + 1):
        where = f"colour {number} of {count:,}"
        space, *levels = _unpack(_SWATCH, data, place, where)
        place += _SWATCH.size
        if version == 2:
            (name_length,) = _unpack(struct.Struct(">I"), data, place, where)
            place += 4 + 2 * name_length
        yield _from_space(space, levels, where)


def _from_space(space: int, levels: list[int], where: str) -> Entry:
    if space == _ACO_RGB:
        red, green, blue = (level >> 8 for level in levels[:3])  # 255 is 0xFFFF or 0xFF00
        return red, green, blue, OPAQUE
    if space == _ACO_HSB:
        hue, saturation, brightness = (level / 0xFFFF for level in levels[:3])
        return _from_unit(colorsys.hsv_to_rgb(hue, saturation, brightness), where)
    if space == _ACO_GREY:
        return _from_unit([levels[0] / _ACO_WHITE] * 3, where)
    raise _unsupported_space(_OTHER_SPACES.get(space, f"colour space {space}"), where)


def write_swatches(entries: Sequence[Entry]) -> bytes:
    """Return an .aco file of version 1."""
    swatches = (
        _SWATCH.pack(_ACO_RGB, 257 * red, 257 * green, 257 * blue, 0)
        for red, green, blue, _ in entries
    )
    return _SWATCHES.pack(1, len(entries)) + b"".join(swatches)


def read_exchange(data: bytes) -> Iterator[Entry]:
    """Yield the colours of an .ase file in its order, ignoring groups.

    Raises
    ------
    FormatError
        If a block, which the message names, is cut short or has no defined sRGB value.
    """
    *_, count = _unpack(_EXCHANGE, data, 0, "the header")
    place = _EXCHANGE.size
    for number in range(1, count + 1):
        where = f"block {number} of {count:,}"
        kind, length = _unpack(_BLOCK, data, place, where)
        place += _BLOCK.size
        if place + length > len(data):
            raise FormatError(f"the file ends within {where}")
        if kind == _COLOR_BLOCK:
            yield _exchange_color(data[place : place + length], where)
        place += length


def _exchange_color(block: bytes, where: str) -> Entry:
    (name_length,) = _unpack(struct.Struct(">H"), block, 0, where)
    place = 2 + 2 * name_length
    (model,) = _unpack(struct.Struct("4s"), block, place, where)
    if model == b"RGB ":
        return _from_unit(_unpack(struct.Struct(">3f"), block, place + 4, where), where)
    if model == b"Gray":
        return _from_unit(3 * _unpack(struct.Struct(">f"), block, place + 4, where), where)
    raise _unsupported_space(model.decode("ascii", "replace").strip(), where)


def write_exchange(entries: Sequence[Entry]) -> bytes:
    """Return an .ase file; the names of its colours are their hex codes."""
    blocks = []
    for entry in entries:
        name = to_hex(entry) + "\0"
        body = struct.pack(">H", len(name)) + name.encode("utf-16-be") + b"RGB "
        body += struct.pack(">3fH", *(level / 255 for level in entry[:3]), _GLOBAL_COLOR)
        blocks.append(_BLOCK.pack(_COLOR_BLOCK, len(body)) + body)
    return _EXCHANGE.pack(EXCHANGE_SIGNATURE, 1, 0, len(blocks)) + b"".join(blocks)


def _from_unit(levels: Sequence[float], where: str) -> Entry:
    """Return the opaque entry of three levels from 0 to 1."""
    if not all(0 <= level <= 1 for level in levels):  # also excludes NaN
        raise FormatError(f"{where}: expected levels from 0 to 1, got {levels[0]:g} and others")
    red, green, blue = (round(255 * level) for level in levels)
    return red, green, blue, OPAQUE


def _unpack(form: struct.Struct, data: bytes, place: int, where: str) -> tuple[Any, ...]:
    if place + form.size > len(data):
        raise FormatError(f"the file ends within {where}")
    return form.unpack_from(data, place)


def _unsupported_space(space: str, where: str) -> FormatError:
    return FormatError(
        f"{where} is {space[:20]!r}, which has no exact sRGB value; convert the swatches to RGB"
    )
