"""Where centroids start: grown by splitting, or drawn by k-means++."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmq.clustering.lloyd import Clusters, iterate
from kmq.clustering.points import Axes, Points
from kmq.clustering.schedule import GROWTH_ITERATIONS
from kmq.clustering.search import split_and_iterate
from kmq.jit import kernel

START_ITERATIONS = 5
"""Iterations that settle drawn centroids before the search."""


def grow_start(points: Points, count: int, threads: int) -> Clusters:
    """Return `count` clusters, grown from one by repeated doubling and iterating.

    This is the splitting of Linde, Buzo & Gray ("An algorithm for vector quantizer design",
    IEEE Trans. Communications 28(1), 1980), but cuts the clusters of largest gain. There are
    fewer clusters if no more can be split.
    """
    clusters = Clusters.around(points, points.total[np.newaxis, :-1] / points.total[-1])
    while len(clusters) < count:
        splits = min(len(clusters), count - len(clusters))
        grown = split_and_iterate(points, clusters, splits, GROWTH_ITERATIONS, threads)
        if len(grown) == len(clusters):
            break
        clusters = grown
    return clusters


def draw_start(points: Points, count: int, seed: int, start: int, threads: int) -> Clusters:
    """Return `count` clusters around centroids drawn by k-means++, iterated.

    Equal `seed` and `start` draw equal centroids on any machine. There are fewer clusters if
    there are fewer points.
    """
    draws = random_numbers(seed, start)
    shares = np.array([next(draws) for _ in range(min(count, len(points)))])
    clusters = Clusters.around(
        points, draw_far_apart(points.coordinates, points.sums, points.axes, shares)
    )
    iterate(points, clusters, START_ITERATIONS, threads)
    return clusters


def random_numbers(seed: int, stream: int) -> Iterator[float]:
    """Yield numbers in [0, 1) from SplitMix64, which will never change.

    Steele, Lea & Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
    NumPy's generators may change the stream that a seed produces.
    """
    state = _scrambled(seed) + stream
    while True:
        state += 0x9E3779B97F4A7C15
        yield (_scrambled(state) >> 11) / 2**53


def _scrambled(state: int) -> int:
    mask = 2**64 - 1
    state &= mask
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & mask
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & mask
    return state ^ (state >> 31)


@kernel
def draw_far_apart(
    coordinates: NDArray[Any],
    sums: NDArray[np.int64],
    axes: Axes,
    shares: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Draw one point per share, (len(shares), axes), preferring points far from earlier ones.

    The first is drawn with probability proportional to its weight, the others in proportion
    to weight times squared distance to the nearest drawn point (Arthur & Vassilvitskii,
    "k-means++: the advantages of careful seeding", SODA 2007). A share, in [0, 1), selects
    the point at that fraction of the running total.
    """
    points = len(sums)
    centroids = np.empty((len(shares), len(axes)), np.float64)
    pulls = np.empty(points, np.float64)
    nearest = np.empty(points, coordinates.dtype)
    for point in range(points):
        nearest[point] = np.inf
        pulls[point] = sums[point, len(axes)]
    for drawn in range(len(shares)):
        total = 0.0
        for point in range(points):
            total += pulls[point]
        target = shares[drawn] * total
        choice = 0
        passed = pulls[0]
        while passed <= target and choice < points - 1:
            choice += 1
            passed += pulls[choice]
        for axis in range(len(axes)):
            centroids[drawn, axis] = coordinates[axis, choice]
        for point in range(points):
            red = coordinates[0, point] - coordinates[0, choice]
            green = coordinates[1, point] - coordinates[1, choice]
            blue = coordinates[2, point] - coordinates[2, choice]
            distance = red * red + green * green + blue * blue
            if len(axes) == 4:
                alpha = coordinates[3, point] - coordinates[3, choice]
                distance += alpha * alpha
            if distance < nearest[point]:
                nearest[point] = distance
                pulls[point] = np.float64(distance) * sums[point, len(axes)]
    return centroids
