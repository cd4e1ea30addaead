"""Limits on sizes."""

from __future__ import annotations

import operator
from typing import SupportsIndex

from kmq.errors import LimitError, OptionError, shown

MAX_COLORS = 65_536
"""The format's largest palette: an index fits in 16 bits."""

MAX_COLORS_OF_A_BYTE = 256
"""The largest palette of ordinary image formats: an index fits in 8 bits."""

MAX_METADATA = 1 << 22
"""The most bytes of metadata in a `.kmq` file, without their checksum."""

DEFAULT_MAX_PIXELS = 1 << 28
"""The most pixels that kmq reads or decodes unless the caller allows more, both in the library
and on the command line."""


def check_pixel_count(width: int, height: int, max_pixels: int) -> None:
    """Raise LimitError if an image of this size has more than `max_pixels` pixels."""
    if width * height > max_pixels:
        raise LimitError(
            f"{width:,} x {height:,} is {width * height:,} pixels, over the limit of "
            f"{max_pixels:,}; raise it with max_pixels= or --max-pixels"
        )


def whole_number(name: str, given: SupportsIndex, low: int, high: int | None = None) -> int:
    """Return the argument `name` as an int from `low` to `high`, or raise OptionError."""
    try:
        number = None if isinstance(given, bool) else operator.index(given)
    except TypeError:
        number = None
    if number is None or number < low or (high is not None and number > high):
        span = f"of at least {low}" if high is None else f"from {low} to {high:,}"
        raise OptionError(f"{name}: expected a whole number {span}, got {shown(given)}")
    return number
