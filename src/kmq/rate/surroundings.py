"""The context model's view of a pixel: two guesses, and which neighbours equal them.

This repeats a few lines of `kmq.container.modelled.model`, because a compiled kernel can only
use code from its own folder. A test checks that the two agree in every possible case.

Short names are those of the model: W, N, NE, NNE and so on are the indices of neighbours by
compass; c1 and c2 are the first and the second guess.
"""

from __future__ import annotations

import numpy as np

from kmq.jit import Array, Number, helper

PAD = 2
"""Columns of margin on either side of a plane, as far as the neighbours reach."""

ROWS_ABOVE = 2
"""Rows of zeros above and below a plane, as far as the neighbours reach."""

PATTERNS = 1 << 12
"""Values of the twelve equality bits."""


@helper
def at(plane: Array, i: Number) -> Number:
    """Return the index at a place of the padded plane, which is flat in the kernels."""
    return np.int64(plane[np.uint64(i)])


@helper
def guesses(
    W: Number, N: Number, NW: Number, NE: Number, WW: Number, NN: Number
) -> tuple[Number, Number]:
    """Return the two guesses; they are equal if all these neighbours are."""
    is_edge = W == NW
    c1 = N if is_edge else W
    c2 = W if is_edge else N
    other = WW if c1 != WW else NN
    other = NW if c1 != NW else other
    other = NE if c1 != NE else other
    c2 = other if c1 == c2 else c2
    return c1, c2


@helper
def pattern_of(
    W: Number, N: Number, NW: Number, NE: Number, WW: Number, NN: Number, NNE: Number,
    NEE: Number, c1: Number, c2: Number,
) -> Number:  # fmt: skip
    """Return twelve bits that say which neighbours equal the first guess, and which the second."""
    return (
        np.int64(c1 == NW) | np.int64(c1 == NE) << 1 | np.int64(c1 == WW) << 2
        | np.int64(c1 == NN) << 3 | np.int64(c1 == N) << 4 | np.int64(c1 == W) << 5
        | np.int64(c1 == NEE) << 6 | np.int64(c1 == NNE) << 7
        | np.int64(c2 == NE) << 8 | np.int64(c2 == NW) << 9
        | np.int64(c2 == WW) << 10 | np.int64(c2 == NN) << 11
    )  # fmt: skip


@helper
def look_around(
    plane: Array, i: Number, stride: Number, colors: Number
) -> tuple[Number, Number, Number]:
    """Return the two guesses and the equality bits at a place of the padded plane."""
    n, nn = i - stride, i - 2 * stride
    W, N, NW, NE = at(plane, i - 1), at(plane, n), at(plane, n - 1), at(plane, n + 1)
    WW, NN, NNE, NEE = at(plane, i - 2), at(plane, nn), at(plane, nn + 1), at(plane, n + 2)
    c1, c2 = guesses(W, N, NW, NE, WW, NN)
    if colors == 2:
        c2 = c1
    return c1, c2, pattern_of(W, N, NW, NE, WW, NN, NNE, NEE, c1, c2)


@helper
def put(plane: Array, i: Number, x: Number, width: Number, stride: Number, index: Number) -> None:
    """Write an index, and its repetitions in the margins."""
    plane[np.uint64(i)] = index
    if x == 0:
        plane[np.uint64(i + stride - 1)] = index
        plane[np.uint64(i + stride - 2)] = index
    if x == width - 1:
        plane[np.uint64(i + 1)] = index
        plane[np.uint64(i + 2)] = index
