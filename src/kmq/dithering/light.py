"""Linear light in 16 bits, from and to 8-bit sRGB samples.

The eye mixes the light of neighbouring pixels, so errors are spread in linear light. The
tables are computed in integers, so that they do not depend on a mathematics library: if n / d
is a sample on the steep part of the curve (IEC 61966-2-1), (n / d)^2.4 is the fifth root of
(n / d)^12.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

WHITE = (1 << 16) - 1
"""Full light."""

LEVEL_SHIFT = 2
"""`levels` has one entry per 2^2 values of light."""

_LAST_STRAIGHT = 20
"""The straight part of the curve ends here, in half levels: 0.04045 * 510 = 20.6."""


@cache
def linear() -> NDArray[np.int32]:
    """Return the light of each 8-bit sample, 0 to `WHITE`, (256,) read-only."""
    return _read_only([_light(2 * sample) for sample in range(256)], np.int32)


@cache
def levels() -> NDArray[np.uint8]:
    """Return the 8-bit sample nearest to each light >> `LEVEL_SHIFT`, (16384,) read-only."""
    between = [_light(2 * sample + 1) for sample in range(255)]
    step = 1 << LEVEL_SHIFT
    middles = np.arange(step // 2, WHITE + 1, step)
    return _read_only(np.searchsorted(between, middles, side="right"), np.uint8)


def _light(halves: int) -> int:
    """Return the rounded light of a sample, which is given in half levels."""
    if halves <= _LAST_STRAIGHT:  # WHITE * (halves / 510) / 12.92
        return (2 * WHITE * halves * 100 + 510 * 1292) // (2 * 510 * 1292)
    numerator, denominator = 1000 * halves + 55 * 510, 1055 * 510

    def is_not_less(light: int) -> int:
        """Compare the curve with light - 1/2, both to the fifth power."""
        curve = (2 * WHITE) ** 5 * numerator**12
        return (2 * light - 1) ** 5 * denominator**12 - curve

    return bisect_right(range(1, WHITE + 1), 0, key=is_not_less)


def _read_only(values: Any, dtype: type[np.int32] | type[np.uint8]) -> NDArray[Any]:
    table = np.array(values, dtype)
    table.flags.writeable = False
    return table
