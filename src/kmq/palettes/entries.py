"""An entry of a palette file: red, green, blue and alpha, and its spellings in text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeAlias

from kmq.errors import FormatError

Entry: TypeAlias = tuple[int, int, int, int]
"""Red, green and blue in sRGB and alpha, each 0 to 255; an alpha of 255 is opaque."""

OPAQUE = 255

_HEX = re.compile(r"[0-9a-fA-F]{3,4}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8}")
_PREFIX = re.compile(r"#|0[xX]")
_SHOWN = 40
"""The most characters of a bad line in a message."""


def shown(text: str) -> str:
    """Return a text for a message, shortened if it is long."""
    return repr(text.strip()[:_SHOWN])


def hex_digits(code: str, where: str) -> str:
    """Return the 3, 4, 6 or 8 digits of a code such as #e32, e03c28 or 0xe03c28.

    Raises
    ------
    FormatError
        If it is not such a code; the message begins with `where`.
    """
    prefix = _PREFIX.match(code)
    digits = code[prefix.end() :] if prefix else code
    if not _HEX.fullmatch(digits):
        raise FormatError(f"{where}: expected a colour such as #1e90ff, got {shown(code)}")
    return digits


def from_hex(digits: str, *, alpha_first: bool = False) -> Entry:
    """Return the entry of 3, 4, 6 or 8 hexadecimal digits, with alpha last or first."""
    if len(digits) <= 4:
        digits = "".join(2 * digit for digit in digits)
    levels = bytes.fromhex(digits)
    if len(levels) == 3:
        return (*levels, OPAQUE)
    if alpha_first:
        levels = levels[1:] + levels[:1]
    return (levels[0], levels[1], levels[2], levels[3])


def to_hex(entry: Entry) -> str:
    """Return #rrggbb, or #rrggbbaa if the entry is not opaque."""
    return f"#{bytes(entry[:3] if entry[3] == OPAQUE else entry).hex()}"


def from_levels(levels: Sequence[str], line: str, where: str) -> Entry:
    """Return the entry of three or four decimal numbers from `line`.

    Raises
    ------
    FormatError
        If there are fewer or more, or one is not from 0 to 255; the message begins with
        `where`.
    """
    numbers = [_level(text) for text in levels]
    if len(numbers) not in (3, 4) or None in numbers:
        raise FormatError(f"{where}: expected red, green and blue from 0 to 255, got {shown(line)}")
    red, green, blue, alpha = [number for number in (*numbers, OPAQUE) if number is not None][:4]
    return red, green, blue, alpha


def _level(text: str) -> int | None:
    digits = text.lstrip("0") or "0" if text else ""
    is_short = len(digits) <= 3 and digits.isascii() and digits.isdecimal()
    return int(digits) if is_short and int(digits) <= 255 else None
