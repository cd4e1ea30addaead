"""From clusters to whole-number colours: distinct, all used, similar ones adjacent."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kmq import alpha
from kmq.clustering import morton
from kmq.clustering.lloyd import Clusters, iterate
from kmq.clustering.points import AXES_OF_RGB, AXES_OF_RGBA, Axes, Points
from kmq.clustering.sorting import stable_order
from kmq.jit import helper, kernel

OPAQUE = 255 * 255
"""The fourth coordinate of opaque colours."""


class ColorsAt(Protocol):
    """A function that turns points into colours, such as `alpha.colors_at`."""

    def __call__(
        self, points: NDArray[Any], *, is_opaque: NDArray[np.bool_] | None = None
    ) -> NDArray[np.uint8]:
        """Return (n, 3) or (n, 4) colours."""
        ...


def whole_number_palette(
    points: Points, clusters: Clusters, count: int, threads: int
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Return `count` distinct colours, arranged, and the nearest to each point.

    `points` are the distinct colours of an image, more than `count`. An entry is left over
    if two centroids round to the same colour, or if no colour is nearest to it; it goes to
    the colour whose pixels have the greatest error. The entry then equals that colour and
    stays in use, so the rounds terminate.
    """
    palette, assigned = _rounded(points, clusters)
    while True:
        assigned.centroids = alpha.coordinates(palette).astype(np.float64)
        iterate(points, assigned, 1, threads)
        used = assigned.sums[:, -1] > 0
        if len(palette) == count and used.all():
            return palette, assigned.labels
        means = points.coordinates[:, : len(points)].T
        apart = means - alpha.coordinates(palette)[assigned.labels]
        errors = (apart * apart).sum(axis=1) * points.sums[:, -1]
        worst = np.argsort(-errors, kind="stable")[: count - np.count_nonzero(used)]
        colors = np.concatenate([palette[used], alpha.colors_at(means[worst])])
        palette = arranged(morton.decode(np.unique(morton.encode(colors))))
        assigned = Clusters.around(points, np.zeros((len(palette), len(points.axes))))


def _rounded(points: Points, clusters: Clusters) -> tuple[NDArray[np.uint8], Clusters]:
    """Return the distinct colours of the rounded centroids, arranged, and their clusters."""
    keys, entry = np.unique(
        morton.encode(rounded_one_by_one(points, clusters)), return_inverse=True
    )
    colors = morton.decode(keys)
    order = order_of(colors)
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    sums = np.zeros((len(keys), clusters.sums.shape[1]), np.int64)
    np.add.at(sums, rank[entry], clusters.sums)
    labels = rank[entry][clusters.labels]
    centroids = np.empty((len(keys), len(points.axes)))
    return colors[order], Clusters(centroids, sums, labels, clusters.error)


def rounded_one_by_one(
    points: Points, clusters: Clusters, colors_at: ColorsAt = alpha.colors_at
) -> NDArray[np.uint8]:
    """Return the colour of each cluster: `colors_at` of its centroid.

    With alpha, a cluster that contains a clear pixel becomes clear; otherwise, it becomes
    opaque if most of its pixels are opaque.
    """
    if points.axes == AXES_OF_RGB:
        return colors_at(clusters.centroids)
    alphas, pixels = points.coordinates[3, : len(points)], points.sums[:, -1]
    opaque = np.bincount(clusters.labels, pixels * (alphas == OPAQUE), len(clusters))
    colors = colors_at(clusters.centroids, is_opaque=2 * opaque > clusters.sums[:, -1])
    colors[clusters.labels[alphas == 0]] = 0
    return colors


def arranged(colors: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (K, 3) or (K, 4) colours, ordered so that similar ones have close indices.

    This makes the indices of smooth pictures smooth, and therefore easier to predict.
    """
    return np.take(colors, order_of(colors), axis=0)


def order_of(colors: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the order, (K,), that `arranged` uses."""
    coordinates = alpha.coordinates(colors)
    if colors.shape[1] == 3:
        return split_in_halves(coordinates, AXES_OF_RGB)
    # In steps of half a sample, so that the sums of products stay below 2^63.
    return split_in_halves(coordinates // 255, AXES_OF_RGBA)


@kernel
def split_in_halves(colors: NDArray[np.int64], axes: Axes) -> NDArray[np.int64]:
    """Return an order of (K, axes) colours, (K,), whose halves contain similar colours.

    So do the halves of each half, and so on: each range whose length is a power of two is
    sorted along its principal axis before it is halved. All arithmetic is in integers.
    """
    order = np.arange(len(colors))
    size = 1
    while size < len(colors):
        size *= 2
    direction = np.empty(len(axes), np.int64)
    while size > 1:
        for start in range(0, len(colors), size):
            part = order[start : start + size].copy()
            find_direction(colors, part, axes, direction)
            along = np.empty(len(part), np.int64)
            for i in range(len(part)):
                along[i] = 0
                for axis in range(len(axes)):
                    along[i] += colors[part[i], axis] * direction[axis]
            for i, position in enumerate(stable_order(along)):
                order[start + i] = part[position]
        size //= 2
    return order


@helper
def find_direction(
    colors: NDArray[np.int64], part: NDArray[np.int64], axes: Axes, direction: NDArray[np.int64]
) -> None:
    """Write to `direction` a part's direction of greatest spread, 1,024 at its longest.

    Uses the power method, from the row of the spread matrix with the largest diagonal.
    """
    means = np.zeros(len(axes), np.int64)
    for i in range(len(part)):
        for axis in range(len(axes)):
            means[axis] += colors[part[i], axis]
    spread = np.zeros((len(axes), len(axes)), np.int64)
    for i in range(len(part)):
        for a in range(len(axes)):
            from_a = colors[part[i], a] - means[a] // len(part)
            for b in range(len(axes)):
                spread[a, b] += from_a * (colors[part[i], b] - means[b] // len(part))
    widest = 0
    for a in range(len(axes)):
        if spread[a, a] > spread[widest, widest]:
            widest = a
    for a in range(len(axes)):
        direction[a] = spread[widest, a]
    shortened = np.empty(len(axes), np.int64)
    for _ in range(16):
        shorten(direction, axes, shortened)
        for a in range(len(axes)):
            direction[a] = 0
            for b in range(len(axes)):
                direction[a] += spread[a, b] * shortened[b]
    total = 0
    for a in range(len(axes)):
        total += direction[a]
    if total < 0:
        for a in range(len(axes)):
            direction[a] = -direction[a]
    shorten(direction, axes, direction)


@helper
def shorten(direction: NDArray[np.int64], axes: Axes, shortened: NDArray[np.int64]) -> None:
    """Write to `shortened` the direction with 1,024 at its longest, rounded down."""
    longest = 1
    for a in range(len(axes)):
        longest = max(longest, abs(direction[a]))
    for a in range(len(axes)):
        shortened[a] = direction[a] * 1024 // longest
