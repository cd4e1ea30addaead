"""From clusters to whole-number colours: distinct, every one used, neighbours side by side."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kmq.clustering import morton
from kmq.clustering.lloyd import Clusters, iterate
from kmq.clustering.points import Points
from kmq.jit import helper, kernel


def whole_number_palette(
    points: Points, clusters: Clusters, count: int, threads: int
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Return `count` distinct colours, arranged, and the nearest to each point.

    `points` are the distinct colours of an image, more than `count`. Centroids that
    round to the same colour leave entries over, and so do entries that are nearest to
    no colour; each goes to the colour whose pixels have the greatest error. Such an
    entry is that colour itself and stays in use, so the rounds come to an end.
    """
    palette, assigned = _rounded(clusters)
    while True:
        assigned.centroids = palette.astype(np.float64)
        iterate(points, assigned, 1, threads)
        used = assigned.sums[:, 3] > 0
        if len(palette) == count and used.all():
            return palette, assigned.labels
        apart = points.coordinates[:, : len(points)].T - palette[assigned.labels]
        errors = (apart * apart).sum(axis=1) * points.sums[:, 3]
        worst = np.argsort(-errors, kind="stable")[: count - np.count_nonzero(used)]
        keys = np.union1d(morton.encode(palette[used]), points.keys[worst])
        palette = arranged(morton.decode(keys))
        assigned = Clusters.around(points, np.zeros((len(palette), 3)))


def _rounded(clusters: Clusters) -> tuple[NDArray[np.uint8], Clusters]:
    """Return the rounded centroids' distinct colours, arranged, and the clusters likewise."""
    rounded = np.floor(clusters.centroids + 0.5).astype(np.uint8)
    keys, entry = np.unique(morton.encode(rounded), return_inverse=True)
    colors = morton.decode(keys)
    order = split_in_halves(colors.astype(np.int64))
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    sums = np.zeros((len(keys), 4), np.int64)
    np.add.at(sums, rank[entry], clusters.sums)
    labels = rank[entry][clusters.labels]
    return colors[order], Clusters(np.empty((len(keys), 3)), sums, labels, clusters.error)


def arranged(colors: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (K, 3) colours in an order in which near ones have near indices.

    It makes the indices of smooth pictures smooth, which whatever predicts them can use.
    """
    return np.take(colors, order_of(colors), axis=0)


def order_of(colors: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the order, (K,), in which `arranged` has them."""
    order: NDArray[np.int64] = split_in_halves(colors[:, :3].astype(np.int64))
    return order


@kernel
def split_in_halves(colors: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return an order of (K, 3) colours, (K,): the halves of the range are near in colour.

    So are the halves of each half, and so on: each range of a power of two of places is
    sorted along its principal axis before it is halved. In whole numbers throughout.
    """
    order = np.arange(len(colors))
    size = 1
    while size < len(colors):
        size *= 2
    axis = np.empty(3, np.int64)
    while size > 1:
        for start in range(0, len(colors), size):
            part = order[start : start + size].copy()
            find_axis(colors, part, axis)
            along = np.empty(len(part), np.int64)
            for i in range(len(part)):
                along[i] = 0
                for channel in range(3):
                    along[i] += colors[part[i], channel] * axis[channel]
            for i, position in enumerate(np.argsort(along, kind="mergesort")):
                order[start + i] = part[position]
        size //= 2
    return order


@helper
def find_axis(colors: NDArray[np.int64], part: NDArray[np.int64], axis: NDArray[np.int64]) -> None:
    """Write to `axis` the direction of greatest spread of a part, 1,024 at its longest.

    The power method, from the row of the spread matrix with the largest diagonal.
    """
    means = np.zeros(3, np.int64)
    for i in range(len(part)):
        for channel in range(3):
            means[channel] += colors[part[i], channel]
    spread = np.zeros((3, 3), np.int64)
    for i in range(len(part)):
        for a in range(3):
            from_a = colors[part[i], a] - means[a] // len(part)
            for b in range(3):
                spread[a, b] += from_a * (colors[part[i], b] - means[b] // len(part))
    widest = 0
    for a in range(3):
        if spread[a, a] > spread[widest, widest]:
            widest = a
    for a in range(3):
        axis[a] = spread[widest, a]
    for _ in range(16):
        longest = max(abs(axis[0]), abs(axis[1]), abs(axis[2]), 1)
        red, green, blue = (
            axis[0] * 1024 // longest,
            axis[1] * 1024 // longest,
            axis[2] * 1024 // longest,
        )
        for a in range(3):
            axis[a] = spread[a, 0] * red + spread[a, 1] * green + spread[a, 2] * blue
    longest = max(abs(axis[0]), abs(axis[1]), abs(axis[2]), 1)
    direction = 1 if axis[0] + axis[1] + axis[2] >= 0 else -1
    for a in range(3):
        axis[a] = direction * axis[a] * 1024 // longest
