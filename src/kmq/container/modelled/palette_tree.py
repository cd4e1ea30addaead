"""The palette as a binary tree of index ranges; each split separates colours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kmq.container.modelled.tables import CLOSENESS
from kmq.jit import Array, Number, helper, kernel

Color = tuple[Number, Number, Number]
"""Red, green and blue, or a sum of several colours."""

MIDDLE = 1 << 16
"""Added in each offset: `side` returns the specification's side plus this for each colour.

A lower side is nearer to the left mean, which is at 3/4 of it; the right mean is at 5/4.
"""

NEAR_STEPS = 32
FAR_STEPS = 16
"""Number of equal steps into which the sides from 0 to twice `MIDDLE` are divided."""


def packed_colors(palette: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Return a palette, (K, 3), as one number per colour, so that one load fetches it."""
    red, green, blue = palette.astype(np.uint32).T
    colors: NDArray[np.uint32] = red | green << 8 | blue << 16
    return colors


@kernel
def split_axes(palette: Array, leaves: Number) -> Array:
    """Return, for each node of the palette's tree, the axis from its left mean to its right.

    An axis consists of three factors and an offset, for `side`. Means are in 16ths.
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
    """Return the three samples of an index; `colors` comes from `packed_colors`."""
    packed = np.int64(colors[np.uint64(index)])
    return packed & 255, packed >> 8 & 255, packed >> 16


@helper
def plus(one: Color, other: Color, sign: Number) -> Color:
    """Return the sum of two colours, or their difference if the sign is -1."""
    return one[0] + sign * other[0], one[1] + sign * other[1], one[2] + sign * other[2]


@helper
def distance(one: Color, other: Color) -> Number:
    """Return the distance of two colours as one of eight classes."""
    red, green, blue = plus(one, other, -1)
    return np.int64(CLOSENESS[np.uint64(abs(red) + 2 * abs(green) + abs(blue))])


@helper
def side(axes: Array, node: Number, total: Color, count: Number) -> Number:
    """Return the sum of the sides of `count` colours at a node's split, given their sum.

    `axes` is the flattened result of `split_axes`.
    """
    place = 4 * node
    return (
        axes[np.uint64(place)] * total[0]
        + axes[np.uint64(place + 1)] * total[1]
        + axes[np.uint64(place + 2)] * total[2]
        + axes[np.uint64(place + 3)] * count
    )


@helper
def sides(
    axes: Array, node: Number, both: Color, slope: Color, far: Color
) -> tuple[Number, Number]:
    """Return two classes, of 1,024 and of 256, for a pixel's predicted side of a node's split.

    The first combines the sides of `slope` (W + N - NW) and `both` (W + N); the second
    combines those of `both` and `far` (WW + NN) in fewer steps.
    """
    # The specification uses step(s, d, h) = clamp((s >> d) + h, 0, 2h - 1) with sides s
    # centred on 0. Here the sides include h, because (s >> d) + h = (s + (h << d)) >> d.
    #   step(sW + sN - sNW, 12, 16): one colour in total, 16 << 12 = MIDDLE.
    #   step((sW + sN) >> 1, 12, 16): the halving is one more shift, and two colours add
    #   2 * MIDDLE = 16 << 13.
    #   step((sWW + sNN) >> 1, 13, 8): likewise, 2 * MIDDLE = 8 << 14.
    #   step((sW + sN) >> 1, 13, 8): the one of 32 steps halved; both clamp at the same sides.
    steep = step(side(axes, node, slope, 1), 12, NEAR_STEPS)
    mean = step(side(axes, node, both, 2), 13, NEAR_STEPS)
    away = step(side(axes, node, far, 2), 14, FAR_STEPS)
    return NEAR_STEPS * steep + mean, FAR_STEPS * (mean >> 1) + away


@helper
def step(value: Number, shift: Number, steps: Number) -> Number:
    """Return a side's step, of `steps` steps of width 2^shift, clamped at both ends."""
    return min(max(value >> shift, 0), steps - 1)
