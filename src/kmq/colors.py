"""Colours that a caller names: words, hex codes, numbers."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Set
from typing import Any, TypeAlias

from kmq.errors import OptionError, shown

Rgb: TypeAlias = tuple[int, int, int]


def parse_color(color: object) -> Rgb:
    """Return (red, green, blue) of a colour's name, hex code or numbers, each 0 to 255.

    Raises
    ------
    OptionError
        If it is no such thing.
    """
    red, green, blue = _named(color) if isinstance(color, str) else _numbers(color)
    if not all(0 <= part <= 255 for part in (red, green, blue)):  # Pillow takes rgb(300, 0, 0)
        raise OptionError(f"background: expected three numbers from 0 to 255, got {shown(color)}")
    return red, green, blue


def _named(color: str) -> tuple[int, ...]:
    from PIL import ImageColor

    try:
        return ImageColor.getrgb(color)[:3]
    except ValueError as error:
        raise OptionError(
            f"background: {color!r} is no colour; try a name such as white or a code "
            "such as #ffffff"
        ) from error


def _numbers(color: Any) -> tuple[int, ...]:
    """Return three numbers; they may be NumPy's, and stand in an array."""
    has_order = not isinstance(color, bytes | bytearray | Set | Mapping)
    try:
        red, green, blue = (operator.index(part) for part in (color if has_order else ()))
    except (TypeError, ValueError) as error:
        raise OptionError(
            "background: expected a colour's name or three numbers from 0 to 255, "
            f"got {shown(color)}"
        ) from error
    return red, green, blue
