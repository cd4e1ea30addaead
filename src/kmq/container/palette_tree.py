"""The palette as a binary tree of ranges of indices, whose splits tell colours apart."""

from __future__ import annotations

import numpy as np

from kmq.container.tables import CLOSENESS
from kmq.jit import Array, Number, helper, kernel

Color = tuple[Number, Number, Number]
"""Red, green and blue, or a sum of such."""

MIDDLE = 1 << 16
"""A side less than this is nearer to the left mean; 0 is the left mean's, twice it the right's."""


@kernel
def split_axes(palette: Array, leaves: Number) -> Array:
    """Return, for each node of the palette's tree, the line from its left mean to its right.

    Three factors and an offset, for `side`; means are in 16ths.
    """
    sums = np.zeros((2 * leaves, 4), np.int64)
    for index in range(len(palette)):
        for j in range(3):
            sums[leaves + index, j] = palette[index, j]
        sums[leaves + index, 3] = 1
    axes = np.zeros((leaves, 4), np.int64)
    for node in range(leaves - 1, 0, -1):
        left, right = sums[2 * node], sums[2 * node + 1]
        for j in range(4):
            sums[node, j] = left[j] + right[j]
        if right[3] == 0:
            continue
        norm = np.int64(0)
        for j in range(3):
            length = right[j] * 16 // right[3] - left[j] * 16 // left[3]
            axes[node, j] = length
            norm += length * length
        for j in range(3):
            middle = right[j] * 16 // right[3] + left[j] * 16 // left[3] >> 1
            axes[node, j] = axes[node, j] * (1 << 19) // max(norm, 16)
            axes[node, 3] -= middle * axes[node, j]
        axes[node, 3] = (axes[node, 3] >> 4) + MIDDLE
    return axes


@helper
def color(colors: Array, index: Number) -> Color:
    """Return the three samples of an index; `colors` is the palette as one row."""
    return (
        colors[np.uint64(3 * index)],
        colors[np.uint64(3 * index + 1)],
        colors[np.uint64(3 * index + 2)],
    )


@helper
def plus(one: Color, other: Color, sign: Number) -> Color:
    """Return the sum of two colours, or their difference where the sign is -1."""
    return one[0] + sign * other[0], one[1] + sign * other[1], one[2] + sign * other[2]


@helper
def distance(one: Color, other: Color) -> Number:
    """Return the class, of eight, of the distance of two colours."""
    red, green, blue = plus(one, other, -1)
    return CLOSENESS[np.uint64(abs(red) + 2 * abs(green) + abs(blue))]


@helper
def side(axes: Array, node: Number, total: Color, count: Number) -> Number:
    """Return on which side of a node's split a sum of `count` colours lies, times `count`.

    `axes` is what `split_axes` returns, as one row.
    """
    place = 4 * node
    return (
        axes[np.uint64(place)] * total[0]
        + axes[np.uint64(place + 1)] * total[1]
        + axes[np.uint64(place + 2)] * total[2]
        + axes[np.uint64(place + 3)] * count
    )


@helper
def step(value: Number, shift: Number, steps: Number) -> Number:
    """Return which of so many steps, each of 2^shift, a side is on; beyond them, the last."""
    return min(max(value >> shift, 0), steps - 1)
