"""Colours that a caller names: words, hex codes, numbers."""

from __future__ import annotations

import operator
from typing import TypeAlias

from kmq.errors import OptionError

Rgb: TypeAlias = tuple[int, int, int]


def parse_color(color: object) -> Rgb:
    """Return (red, green, blue) of a colour's name, hex code or numbers, each 0 to 255.

    Raises
    ------
    OptionError
        If it is no such thing.
    """
    if isinstance(color, str):
        from PIL import ImageColor

        try:
            return ImageColor.getrgb(color)[:3]
        except ValueError as error:
            raise OptionError(
                f"background: {color!r} is no colour; try a name such as white or a code "
                "such as #ffffff"
            ) from error
    try:
        red, green, blue = (operator.index(part) for part in color)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        red = green = blue = -1
    if not all(0 <= part <= 255 for part in (red, green, blue)):
        raise OptionError(f"background: expected three numbers from 0 to 255, got {color!r}")
    return red, green, blue
