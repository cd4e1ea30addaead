"""The cost of an index: a static model, counted from the current plane.

Costs are integers in 256ths of a bit, so they are the same on every machine.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kmq.jit import Array, Number, helper, kernel
from kmq.rate.surroundings import PAD, PATTERNS, ROWS_ABOVE, at, look_around

ONE = 4096
"""The probability 1."""

LEAST, MOST = 8, ONE - 8
"""Bounds of the probability that a guess is right."""

MOST_PAIR_ROWS = 1024
"""With more colours than this, the model does not count separately per first guess."""

_PRIOR = 8
"""The weight, in pixels, of the whole plane's frequencies next to those after one guess."""


class Costs(NamedTuple):
    """Costs in 256ths of a bit, flat for kernels.

    Attributes
    ----------
    guesses : (4,096 * 4,) uint16
        For each pattern of equality bits, the cost of the first guess, of the second, and of
        neither; then one unused place.
    others : (K,) or (K * K,) uint16
        The additional cost of an index that is neither guess, per first guess if K is at
        most `MOST_PAIR_ROWS`.
    """

    guesses: NDArray[np.uint16]
    others: NDArray[np.uint16]


def count(plane: NDArray[np.uint16], rows: int, width: int, colors: int) -> Costs:
    """Return the average costs in a padded plane of `colors` indices."""
    seen = np.zeros(PATTERNS * 4, np.int64)
    pair_rows = colors if colors <= MOST_PAIR_ROWS else 1
    pairs = np.zeros(pair_rows * colors, np.int64)
    count_plane(plane, rows, width, colors, seen, pairs)
    return Costs(_guess_costs(seen.reshape(-1, 4)), _other_costs(pairs.reshape(pair_rows, -1)))


@cache
def bits_of() -> NDArray[np.uint16]:
    """Return the cost of each probability n / 4,096, rounded up; the one for 0 is unused.

    256 log2 p rounded down is the bit length of p^256, minus one.
    """
    costs = [12 * 256 + 1 - (p**256).bit_length() for p in range(1, ONE + 1)]
    return np.array([costs[0], *costs], np.uint16)


def _guess_costs(seen: NDArray[np.int64]) -> NDArray[np.uint16]:
    bits = bits_of()
    asked, right = seen[:, 0::2], seen[:, 1::2]
    p = np.clip((right * ONE + 1638) // (asked + 1), LEAST, MOST)
    yes, no = bits[p], bits[ONE - p]
    costs = np.zeros((PATTERNS, 4), np.uint16)
    costs[:, 0] = yes[:, 0]
    costs[:, 1] = no[:, 0] + yes[:, 1]
    costs[:, 2] = no[:, 0] + no[:, 1]
    return costs.reshape(-1)


def _other_costs(pairs: NDArray[np.int64]) -> NDArray[np.uint16]:
    total = pairs.sum(axis=0) + 1
    prior = _PRIOR * ONE * total // total.sum()
    p = (pairs * ONE + prior) // (pairs.sum(axis=1, keepdims=True) + _PRIOR)
    costs: NDArray[Any] = bits_of()[np.maximum(p, 1)].reshape(-1)
    return costs


@kernel
def count_plane(
    plane: Array, rows: Number, width: Number, colors: Number, seen: Array, pairs: Array
) -> None:
    """Count how often each guess is right, and the indices if neither is.

    `seen` gets four counts per pattern: pixels; those equal to the first guess; those not
    equal to it; and of these, those equal to the second guess.
    """
    stride = width + 2 * PAD
    has_rows = len(pairs) > colors
    for y in range(rows):
        row = (y + ROWS_ABOVE) * stride + PAD
        for i in range(row, row + width):
            index = at(plane, i)
            c1, c2, pattern = look_around(plane, i, stride, colors)
            place = np.uint64(4 * pattern)
            seen[place] += 1
            if index == c1:
                seen[place + np.uint64(1)] += 1
                continue
            seen[place + np.uint64(2)] += 1
            if index == c2:
                seen[place + np.uint64(3)] += 1
                continue
            pairs[np.uint64((c1 * colors if has_rows else 0) + index)] += 1


@helper
def cost(
    index: Number, c1: Number, c2: Number, pattern: Number, guesses: Array, others: Array,
    colors: Number,
) -> Number:  # fmt: skip
    """Return the cost of an index, given these guesses and equality bits."""
    # There are no branches, because they would be mispredicted where neighbours are noise.
    is_other = np.int64(index != c1) & np.int64(index != c2)
    kind = np.int64(index != c1) + is_other
    row = c1 * colors if len(others) > colors else np.int64(0)
    other = np.int64(others[np.uint64(row + index)])
    return np.int64(guesses[np.uint64(4 * pattern + kind)]) + (other & -is_other)


@helper
def cost_at(
    plane: Array, i: Number, stride: Number, guesses: Array, others: Array, colors: Number
) -> Number:
    """Return the cost of the index at a place of the padded plane."""
    c1, c2, pattern = look_around(plane, i, stride, colors)
    return cost(at(plane, i), c1, c2, pattern, guesses, others, colors)
