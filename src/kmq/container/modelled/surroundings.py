"""The surroundings of a pixel: its known neighbours, and the sums that select its contexts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kmq.container.modelled.tables import ABOVE
from kmq.jit import Array, Number, helper

PAD = 8
ROWS_ABOVE = 5
"""Rows of zeros above the first row, as many as a context reaches up."""

MASK = 0xFFFFFFFF
NO_INDEX = 1 << 16


class Surroundings(NamedTuple):
    """Everything that predicts a pixel: neighbours by compass, sums of contexts, the match."""

    W: Number
    N: Number
    NW: Number
    NE: Number
    WW: Number
    NN: Number
    NNE: Number
    NEE: Number
    h4: Number
    h10: Number
    h40: Number
    foretold: Number
    """The index that the match predicts; `NO_INDEX` if there is no match."""
    run_class: Number
    """The class of the match's length; 0 if there is none."""


@helper
def at(plane: Array, i: Number) -> Number:
    """Return the index at a place of the padded plane, which is flat in the kernels."""
    return np.int64(plane[np.uint64(i)])


@helper
def scatter(number: Number) -> Number:
    """Return a 32-bit hash; each of its bits depends on all low 32 bits of the number."""
    number = (number & MASK) * 0x2C1B3C6D & MASK
    number ^= number >> 15
    number = number * 0x297A2D39 & MASK
    return number ^ number >> 13


@helper
def find_same(plane: Array, row: Number, stride: Number, same: Array) -> None:
    """Find the pixels of a row whose eight neighbours above are equal."""
    for x in range(len(same)):
        n, nn = row - stride + x, row - 2 * stride + x
        N = at(plane, n)
        same[np.uint64(x)] = (
            (at(plane, n - 1) == N) & (at(plane, n + 1) == N)
            & (at(plane, n - 2) == N) & (at(plane, n + 2) == N)
            & (at(plane, nn - 1) == N) & (at(plane, nn) == N) & (at(plane, nn + 1) == N)
        )  # fmt: skip


@helper
def sum_above(plane: Array, row: Number, stride: Number, sums: Array) -> None:
    """Sum the contributions of the rows above to a row's three contexts, one row of `sums` each."""
    sums[:] = 0
    width = sums.shape[1]
    for k in range(len(ABOVE)):
        total = sums[ABOVE[k, 0]]
        start = row + ABOVE[k, 2] + ABOVE[k, 3] * stride
        for x in range(width):
            total[np.uint64(x)] = at(total, x) + ABOVE[k, 1] * at(plane, start + x) & MASK
