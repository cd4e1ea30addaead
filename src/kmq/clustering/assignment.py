"""The assignment step: each point to its nearest centroid, exactly.

Most distances are never computed. On the way down the tree of cells, a candidate centroid
is dropped if another one is nearer everywhere in the cell (the filtering algorithm of
Kanungo, Mount et al., "An efficient k-means clustering algorithm", IEEE PAMI 24(7), 2002).
The terms of each distance are written out, because a loop over the axes is not vectorised
and takes three times as long.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmq.clustering.points import LANES, Axes, Tree
from kmq.jit import helper

MARGIN = np.float32(0.01)
"""Added against rounding when candidates are dropped, because every tied one must stay."""


@helper
def assign_leaves(
    first: int | np.integer[Any],
    end: int | np.integer[Any],
    coordinates: NDArray[Any],
    point_sums: NDArray[np.int64],
    tree: Tree,
    axes: Axes,
    planar: NDArray[Any],
    labels: NDArray[np.int32],
    moved: NDArray[np.int64],
) -> None:
    """Label the points of leaves `first` to `end` - 1: the assignment step.

    `moved` (K, axes + 1) accumulates each cluster's gains minus its losses.
    """
    leaf_starts, parents, centers, widths = tree
    clusters = planar.shape[1]
    everything = np.arange(clusters).astype(np.int32)
    in_top = np.empty(clusters, np.int32)
    in_middle = np.empty(clusters, np.int32)
    in_leaf = np.empty(clusters, np.int32)
    distances = np.empty(max(clusters, LANES), planar.dtype)
    nearest = np.empty(LANES, np.int32)
    top = middle = -1
    top_count = middle_count = 0
    for leaf in range(first, end):
        if parents[leaf] != middle:
            middle = parents[leaf]
            if parents[middle] != top:
                top = parents[middle]
                top_count = narrow(
                    everything, clusters, centers[top], widths[2], axes, planar, distances, in_top
                )
            middle_count = narrow(
                in_top, top_count, centers[middle], widths[1], axes, planar, distances, in_middle
            )
        count = narrow(
            in_middle, middle_count, centers[leaf], widths[0], axes, planar, distances, in_leaf
        )
        for start in range(leaf_starts[leaf], leaf_starts[leaf + 1], LANES):
            if count == 1:
                nearest[:] = in_leaf[0]
            else:
                find_nearest(coordinates, start, in_leaf, count, axes, planar, distances, nearest)
            # Only a point that changes clusters touches the sums. (This is inline because a
            # call that passes arrays takes 15 ns, several times the work on a point.)
            for point in range(start, min(start + LANES, leaf_starts[leaf + 1])):
                before, label = labels[point], nearest[point - start]
                if label != before:
                    labels[point] = label
                    for column in range(len(axes) + 1):
                        moved[before, column] -= point_sums[point, column]
                        moved[label, column] += point_sums[point, column]


@helper
def narrow(
    candidates: NDArray[np.int32],
    count: int,
    center: NDArray[np.float32],
    width: np.float32,
    axes: Axes,
    planar: NDArray[Any],
    distances: NDArray[Any],
    kept: NDArray[np.int32],
) -> int:
    """Copy to `kept` the candidates that may be nearest in a cell; return their number.

    Let m be the cell's center and z the candidate nearest to m. Any point m + u of the
    cell has |u| <= width / 2 on each axis. So a candidate c is nowhere nearer than z if
    |m - c|^2 - width (|c - z| summed over the axes) > |m - z|^2.
    """
    for i in range(count):
        c = candidates[i]
        red = planar[0, c] - center[0]
        green = planar[1, c] - center[1]
        blue = planar[2, c] - center[2]
        distances[i] = red * red + green * green + blue * blue
        if len(axes) == 4:
            alpha = planar[3, c] - center[3]
            distances[i] += alpha * alpha
    closest = 0
    smallest = distances[0]
    for i in range(1, count):
        if distances[i] < smallest:
            smallest = distances[i]
            closest = i
    red = planar[0, candidates[closest]]
    green = planar[1, candidates[closest]]
    blue = planar[2, candidates[closest]]
    alpha = planar[len(axes) - 1, candidates[closest]]
    limit = smallest + MARGIN
    found = 0
    for i in range(count):
        c = candidates[i]
        apart = abs(planar[0, c] - red) + abs(planar[1, c] - green) + abs(planar[2, c] - blue)
        if len(axes) == 4:
            apart += abs(planar[3, c] - alpha)
        kept[found] = c
        found += distances[i] - width * apart <= limit
    return found


@helper
def find_nearest(
    coordinates: NDArray[Any],
    start: int,
    candidates: NDArray[np.int32],
    count: int,
    axes: Axes,
    planar: NDArray[Any],
    distances: NDArray[Any],
    nearest: NDArray[np.int32],
) -> None:
    """Find the nearest candidate of `LANES` points, on ties the one of lowest index.

    The outer loop runs over candidates and the inner one over lanes, because this order
    compiles to vector code. Taking two candidates at a time halves the memory traffic; an
    odd last one is compared with itself. Between whole-number colours every step is exact
    (see `points.COORDINATE_TYPES`).
    """
    reds = coordinates[0, start : start + LANES]
    greens = coordinates[1, start : start + LANES]
    blues = coordinates[2, start : start + LANES]
    alphas = coordinates[len(axes) - 1, start : start + LANES]
    for lane in range(LANES):
        distances[lane] = np.inf
    for i in range(0, count, 2):
        first, second = candidates[i], candidates[min(i + 1, count - 1)]
        red_1, green_1, blue_1 = planar[0, first], planar[1, first], planar[2, first]
        red_2, green_2, blue_2 = planar[0, second], planar[1, second], planar[2, second]
        alpha_1, alpha_2 = planar[len(axes) - 1, first], planar[len(axes) - 1, second]
        for lane in range(LANES):
            red = reds[lane] - red_1
            green = greens[lane] - green_1
            blue = blues[lane] - blue_1
            distance_1 = red * red + green * green + blue * blue
            red = reds[lane] - red_2
            green = greens[lane] - green_2
            blue = blues[lane] - blue_2
            distance_2 = red * red + green * green + blue * blue
            if len(axes) == 4:
                alpha = alphas[lane] - alpha_1
                distance_1 += alpha * alpha
                alpha = alphas[lane] - alpha_2
                distance_2 += alpha * alpha
            smaller = distance_2 if distance_2 < distance_1 else distance_1
            winner = second if distance_2 < distance_1 else first
            nearer = smaller < distances[lane]
            distances[lane] = smaller if nearer else distances[lane]
            nearest[lane] = winner if nearer else nearest[lane]
