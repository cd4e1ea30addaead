"""One pass over a plane: each pixel takes the index of lowest cost in error and bits.

A pixel's cost includes its own bits and those of the eight later pixels that depend on it.
"""

from __future__ import annotations

import numpy as np

from kmq.jit import Array, Number, helper, kernel
from kmq.rate.costs import cost, cost_at
from kmq.rate.surroundings import PAD, ROWS_ABOVE, at, look_around, put

W, N, NW, NE, E, S, OWN, WW, NN, SW, SE, EE = range(12)
"""Places in `near`: the indices around a pixel by compass, and the pixel's own."""

NEIGHBOURS = 12

NEAREST_NEIGHBOURS = 7
"""If this many of the first indices in `near` are the nearest entry, the pixel is skipped."""

MORE_THAN_ANY = 1 << 62
"""More than any pixel's total cost."""


@helper
def point_of(
    pixels: Array, pixel: Number, channels: Number
) -> tuple[Number, Number, Number, Number]:
    """Return a pixel's `kmq.alpha.coordinates`; the fourth is 0 without alpha."""
    place = channels * pixel
    red = np.int64(pixels[np.uint64(place)])
    green = np.int64(pixels[np.uint64(place + 1)])
    blue = np.int64(pixels[np.uint64(place + 2)])
    if channels == 3:
        return red, green, blue, np.int64(0)
    alpha = np.int64(pixels[np.uint64(place + 3)])
    return alpha * (2 * red - 255), alpha * (2 * green - 255), alpha * (2 * blue - 255), 255 * alpha


@helper
def squared_distance(
    point: tuple[Number, Number, Number, Number], entries: Array, index: Number
) -> Number:
    """Return the squared distance between a point and an entry."""
    place = 4 * index
    a = point[0] - entries[np.uint64(place)]
    b = point[1] - entries[np.uint64(place + 1)]
    c = point[2] - entries[np.uint64(place + 2)]
    d = point[3] - entries[np.uint64(place + 3)]
    return a * a + b * b + c * c + d * d


@kernel
def squared_error(pixels: Array, channels: Number, indices: Array, entries: Array) -> Number:
    """Return the sum over pixels of the squared distance to their entries."""
    total = np.int64(0)
    for pixel in range(len(indices)):
        point = point_of(pixels, pixel, channels)
        total += squared_distance(point, entries, np.int64(indices[np.uint64(pixel)]))
    return total


@helper
def look_at_all(plane: Array, i: Number, stride: Number, near: Array) -> None:
    """Write the indices at and around a place of the padded plane to `near`."""
    n, s = i - stride, i + stride
    near[W] = at(plane, i - 1)
    near[N] = at(plane, n)
    near[NW] = at(plane, n - 1)
    near[NE] = at(plane, n + 1)
    near[E] = at(plane, i + 1)
    near[S] = at(plane, s)
    near[OWN] = at(plane, i)
    near[WW] = at(plane, i - 2)
    near[NN] = at(plane, n - stride)
    near[SW] = at(plane, s - 1)
    near[SE] = at(plane, s + 1)
    near[EE] = at(plane, i + 2)


@helper
def keep_close(
    point: tuple[Number, Number, Number, Number], entries: Array, closest: Number, cap: Number,
    near: Array, candidates: Array, costs: Array,
) -> Number:  # fmt: skip
    """Write the candidates and their squared distances; return their number.

    They are the nearest entry and the distinct ones in `near` that are at most `cap` farther.
    """
    candidates[0] = closest
    costs[0] = squared_distance(point, entries, closest)
    farthest = costs[0] + cap
    count = 1
    for place in range(NEIGHBOURS):
        index = near[place]
        is_repeated = False
        for before in range(count):
            is_repeated |= candidates[before] == index
        if is_repeated:
            continue
        apart = squared_distance(point, entries, index)
        if apart <= farthest:
            candidates[count] = index
            costs[count] = apart
            count += 1
    return count


@helper
def later_costs(
    plane: Array, i: Number, x: Number, y: Number, width: Number, rows: Number,
    guesses: Array, others: Array, colors: Number, most: Number,
) -> Number:  # fmt: skip
    """Return the cost of the later pixels that depend on this one; stop when it reaches `most`."""
    stride = width + 2 * PAD
    total = np.int64(0)
    for column in range(x + 1, min(x + 3, width)):
        total += cost_at(plane, i + column - x, stride, guesses, others, colors)
    if y + 1 < rows and total < most:
        for column in range(max(x - 2, 0), min(x + 2, width)):
            total += cost_at(plane, i + stride + column - x, stride, guesses, others, colors)
    if y + 2 < rows and total < most:
        for column in range(max(x - 1, 0), x + 1):
            total += cost_at(plane, i + 2 * stride + column - x, stride, guesses, others, colors)
    return total


@kernel
def sweep_plane(
    plane: Array, rows: Number, width: Number, pixels: Array, channels: Number, nearest: Array,
    entries: Array, guesses: Array, others: Array, multiplier: Number, cap: Number,
    is_backward: Number,
) -> None:  # fmt: skip
    """Choose the index of each pixel of a padded plane again, in raster order or backward.

    `multiplier`, at least 1, converts 256ths of a bit to 65,536ths of a squared distance. The
    squared distance of an index exceeds that of `nearest` by at most `cap`. Clear pixels do
    not change.
    """
    stride = width + 2 * PAD
    colors = len(entries) // 4
    near = np.empty(NEIGHBOURS, np.int64)
    candidates = np.empty(NEIGHBOURS + 1, np.int64)
    costs = np.empty(NEIGHBOURS + 1, np.int64)
    for step in range(rows * width):
        pixel = rows * width - 1 - step if is_backward else step
        y, x = pixel // width, pixel % width
        i = (y + ROWS_ABOVE) * stride + PAD + x
        closest = np.int64(nearest[np.uint64(pixel)])
        look_at_all(plane, i, stride, near)
        is_flat = True
        for place in range(NEAREST_NEIGHBOURS):
            is_flat &= near[place] == closest
        if is_flat:
            continue
        point = point_of(pixels, pixel, channels)
        if channels == 4 and point[3] == 0:
            continue
        count = keep_close(point, entries, closest, cap, near, candidates, costs)
        if count == 1:
            put(plane, i, x, width, stride, closest)
            continue
        c1, c2, pattern = look_around(plane, i, stride, colors)
        first = 0
        for k in range(count):
            bits = cost(candidates[k], c1, c2, pattern, guesses, others, colors)
            costs[k] = (costs[k] << 16) + multiplier * bits
            first = k if costs[k] < costs[first] else first
        best = closest
        least = MORE_THAN_ANY
        for turn in range(-1, count):
            k = first if turn < 0 else turn  # its cost bounds that of the others
            if turn == first or costs[k] >= least:
                continue
            # With this many bits for later pixels, the candidate cannot beat the best.
            most = (least - costs[k] + multiplier - 1) // multiplier
            put(plane, i, x, width, stride, candidates[k])
            later = later_costs(plane, i, x, y, width, rows, guesses, others, colors, most)
            if later < most:
                least = costs[k] + multiplier * later
                best = candidates[k]
        put(plane, i, x, width, stride, best)
