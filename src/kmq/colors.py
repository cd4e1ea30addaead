"""Colours given by a caller: names, hex codes, numbers."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Set
from typing import Any, TypeAlias

from kmq.errors import OptionError, shown

Rgb: TypeAlias = tuple[int, int, int]


def parse_color(color: object, name: str = "background") -> Rgb:
    """Return (red, green, blue) of a colour's name, hex code or numbers, each 0 to 255.

    Raises
    ------
    OptionError
        If it is anything else; the message begins with the argument's `name`.
    """
    parse = _named if isinstance(color, str) else _numbers
    red, green, blue = parse(color, name)
    if not all(0 <= part <= 255 for part in (red, green, blue)):  # Pillow takes rgb(300, 0, 0)
        raise OptionError(f"{name}: expected three numbers from 0 to 255, got {shown(color)}")
    return red, green, blue


def _named(color: Any, name: str) -> tuple[int, ...]:
    from PIL import ImageColor

    try:
        red, green, blue, *alpha = ImageColor.getrgb(color)
    except ValueError as error:
        raise OptionError(
            f"{name}: {color!r} is no colour; try a name such as white or a code such as #ffffff"
        ) from error
    if alpha not in ([], [255]):
        raise OptionError(f"{name}: {color!r} is not opaque; leave its alpha out")
    return red, green, blue


def _numbers(color: Any, name: str) -> tuple[int, ...]:
    """Return three numbers; NumPy's numbers and arrays are allowed."""
    has_order = not isinstance(color, bytes | bytearray | Set | Mapping)
    try:
        red, green, blue = (operator.index(part) for part in (color if has_order else ()))
    except (TypeError, ValueError) as error:
        raise OptionError(
            f"{name}: expected a colour's name or three numbers from 0 to 255, got {shown(color)}"
        ) from error
    return red, green, blue
