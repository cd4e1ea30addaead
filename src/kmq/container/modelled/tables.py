"""The coder's tables, each computed in integers as the specification prescribes.

They use the smallest possible types, so that all of them fit into the processor's L1 cache.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# 65,536 / (1 + exp(x / 4)) for x from 0 to 48, at least 4: half of the logistic curve.
_SQUASH_KNOTS = (
    *(32768, 28693, 24743, 21025, 17625, 14595, 11955, 9702, 7812, 6249, 4971, 3938, 3108),
    *(2446, 1921, 1506, 1179, 922, 720, 562, 439, 342, 267, 208, 162, 126, 98, 77, 60, 47),
    *(36, 28, 22, 17, 13, 10, 8, 6, 5, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4),
)
_KNOT_STEP = 64

SQUASH_REACH = 3072
"""Log-odds, in 256ths of a natural logarithm, range from minus this to this minus one."""

COUNT_LIMIT = 60
"""A slot that has learned this often forgets as fast as it learns."""


def _squash() -> NDArray[Any]:
    """Return the probability, in units of 2^-16, at each log-odds from -3072 to 3071."""
    knots = np.array(_SQUASH_KNOTS)
    left, part = np.divmod(np.arange(SQUASH_REACH), _KNOT_STEP)
    falling = (knots[left] * (_KNOT_STEP - part) + knots[left + 1] * part) // _KNOT_STEP
    return np.concatenate([[4], falling[:0:-1], 65536 - falling]).astype(np.uint16)


def _stretch(squash: NDArray[Any]) -> NDArray[Any]:
    """Return the log-odds, clipped to 2047, at the middle of each of 4,096 probability steps."""
    odds = np.searchsorted(squash, np.arange(4096) * 16 + 8) - SQUASH_REACH
    return np.clip(odds, -2047, 2047).astype(np.int16)


SQUASH = _squash()
STRETCH = _stretch(SQUASH)

RATES = np.array([163_840 // (10 * count + 13) for count in range(64)], dtype=np.int64)
"""How far a slot moves towards the outcome, in units of 2^-14: 1 / (count + 1.3)."""

CONFIDENCE = np.array([0, 1, *[2] * 3, *[3] * 19, *[4] * 40], dtype=np.uint8)
"""A slot's count as one of five classes."""

LONGEST_RUN = 1023
RUN_CLASS = np.array([run.bit_length() for run in range(LONGEST_RUN + 1)], dtype=np.uint8)
"""The number of pixels that a match has predicted, as one of eleven classes."""

CLOSENESS = np.searchsorted((1, 16, 32, 56, 96, 160, 280), np.arange(1021), "right").astype(
    np.uint8
)
"""The distance |red| + 2 |green| + |blue| of two colours as one of eight classes."""

HASH = np.array([pow(0x9E3779B1, power, 1 << 32) for power in range(1, 42)], dtype=np.int64)
"""Multipliers that hash a context's indices into one sum: one for each of `NEIGHBORS`, and one."""

NEIGHBORS = (
    *((-1, 0), (0, -1), (-1, -1), (1, -1)),
    *((-2, 0), (0, -2), (1, -2), (2, -1), (-1, -2), (-2, -1)),
    *((-3, 0), (0, -3), (3, -1), (-3, -1), (2, -2), (-2, -2), (1, -3), (-1, -3), (-4, 0), (3, -2)),
    *((-3, -2), (2, -3), (-2, -3), (4, -1), (-4, -1), (-5, 0), (4, -2), (-4, -2)),
    *((0, -4), (1, -4), (-1, -4), (2, -4), (-2, -4), (0, -5)),
    *((-6, 0), (3, -3), (-3, -3), (5, -1), (-5, -1), (6, -1)),
)
"""Offsets as (columns to the right, rows down), nearest first, in the order of `CONTEXTS`."""

CONTEXTS = (4, 10, 40)
"""How many neighbours each hashed context has."""


def _left() -> tuple[int, ...]:
    """Return the six multipliers of the neighbours in the pixel's own row, nearest first."""
    left = sorted((-column, number) for number, (column, row) in enumerate(NEIGHBORS) if row == 0)
    return tuple(int(HASH[number]) for _, number in left)


def _above() -> NDArray[Any]:
    """Return (33, 4): context, multiplier, column and row of each neighbour in the rows above."""
    return np.array(
        [
            (sum(number >= size for size in CONTEXTS), HASH[number], *neighbor)
            for number, neighbor in enumerate(NEIGHBORS)
            if neighbor[1] < 0
        ],
        dtype=np.int64,
    )


LEFT = _left()
"""The multipliers of W, WW and so on; `sum_above` covers all other neighbours."""

ABOVE = _above()
