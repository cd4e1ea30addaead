"""One pass over a plane: each pixel takes the index that costs least, error and bits together.

A pixel is charged its own bits and those of the eight later pixels that see it.
"""

from __future__ import annotations

import numpy as np

from kmq.jit import Array, Number, helper, kernel
from kmq.rate.costs import cost, cost_at
from kmq.rate.surroundings import PAD, ROWS_ABOVE, at, look_around, put

MOST_CANDIDATES = 13


@helper
def point_of(
    pixels: Array, pixel: Number, channels: Number
) -> tuple[Number, Number, Number, Number]:
    """Return a pixel as a point, as `kmq.alpha.coordinates` has it; without alpha the last is 0."""
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
    """Return the squared distance of a point to an entry."""
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
def later_costs(
    plane: Array, i: Number, x: Number, y: Number, width: Number, rows: Number,
    guesses: Array, others: Array, colors: Number, most: Number,
) -> Number:  # fmt: skip
    """Return what the later pixels cost that see this one, or stop where that reaches `most`."""
    stride = width + 2 * PAD
    total = np.int64(0)
    if x + 1 < width:
        total += cost_at(plane, i + 1, stride, guesses, others, colors)
        if x + 2 < width and total < most:
            total += cost_at(plane, i + 2, stride, guesses, others, colors)
    if y + 1 < rows:
        for column in range(max(x - 2, 0), min(x + 2, width)):
            if total >= most:
                return total
            total += cost_at(plane, i + stride + column - x, stride, guesses, others, colors)
    if y + 2 < rows:
        for column in range(max(x - 1, 0), x + 1):
            if total >= most:
                return total
            total += cost_at(plane, i + 2 * stride + column - x, stride, guesses, others, colors)
    return total


@kernel
def sweep_plane(
    plane: Array, rows: Number, width: Number, pixels: Array, channels: Number, nearest: Array,
    entries: Array, guesses: Array, others: Array, multiplier: Number, cap: Number,
) -> None:  # fmt: skip
    """Choose the index of each pixel of a padded plane anew, in raster order.

    `multiplier` weighs 256ths of a bit against 65,536ths of a squared distance. No index is
    taken whose squared distance is more than that of the nearest plus `cap`. Clear pixels stay.
    """
    stride = width + 2 * PAD
    colors = len(entries) // 4
    candidates = np.empty(MOST_CANDIDATES, np.int64)
    for y in range(rows):
        row = (y + ROWS_ABOVE) * stride + PAD
        for x in range(width):
            i = row + x
            present = at(plane, i)
            closest = np.int64(nearest[np.uint64(y * width + x)])
            W, N, NW, NE = (
                at(plane, i - 1), at(plane, i - stride), at(plane, i - stride - 1),
                at(plane, i - stride + 1),
            )  # fmt: skip
            E = at(plane, i + 1) if x + 1 < width else present
            S = at(plane, i + stride) if y + 1 < rows else present
            if (
                (closest == present) & (present == W) & (present == N) & (present == NW)
                & (present == NE) & (present == E) & (present == S)
            ):  # fmt: skip
                continue
            point = point_of(pixels, y * width + x, channels)
            if channels == 4 and point[3] == 0:
                continue
            has_south, has_east = y + 1 < rows, x + 1 < width
            candidates[0] = closest
            candidates[1] = W
            candidates[2] = N
            candidates[3] = NW
            candidates[4] = NE
            candidates[5] = at(plane, i - 2)
            candidates[6] = at(plane, i - 2 * stride)
            candidates[7] = E
            candidates[8] = S
            candidates[9] = at(plane, i + stride - 1) if has_south and x > 0 else present
            candidates[10] = at(plane, i + stride + 1) if has_south and has_east else present
            candidates[11] = at(plane, i + 2) if x + 2 < width else present
            candidates[12] = present
            c1, c2, pattern = look_around(plane, i, stride, colors)
            farthest = squared_distance(point, entries, closest) + cap
            best = present
            least = np.int64(-1)
            for k in range(MOST_CANDIDATES):
                index = candidates[k]
                is_repeated = False
                for before in range(k):
                    is_repeated |= candidates[before] == index
                if is_repeated:
                    continue
                apart = squared_distance(point, entries, index)
                if apart > farthest:
                    continue
                own = (apart << 16) + multiplier * cost(
                    index, c1, c2, pattern, guesses, others, colors
                )
                if least >= 0 and own >= least:
                    continue
                # So many bits later, and this one is no better than the best.
                most = (least - own + multiplier - 1) // multiplier if least >= 0 else (1 << 40)
                put(plane, i, x, width, stride, index)
                later = later_costs(
                    plane, i, x, y, width, rows, guesses, others, colors, most
                )  # fmt: skip
                if later < most:
                    least = own + multiplier * later
                    best = index
            put(plane, i, x, width, stride, best)
