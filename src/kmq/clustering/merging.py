"""Merging clusters: join the pairs that raise the error the least."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kmq.clustering.points import Axes
from kmq.clustering.sorting import stable_order
from kmq.jit import helper, kernel


@kernel
def join_cheapest_pairs(
    centroids: NDArray[np.float64],
    cluster_sums: NDArray[np.int64],
    labels: NDArray[np.int32],
    axes: Axes,
    target: int,
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int32]]:
    """Join pairs until `target` clusters are left; return their centroids, sums and labels."""
    sums = cluster_sums.copy()
    successor = merge_cheapest(centroids, sums, axes, target)
    place = np.empty(len(successor), np.int32)
    left = np.empty((target, len(axes)), np.float64)
    left_sums = np.empty((target, len(axes) + 1), np.int64)
    kept = 0
    for cluster in range(len(successor)):
        if successor[cluster] == cluster:
            place[cluster] = kept
            for column in range(len(axes) + 1):
                left_sums[kept, column] = sums[cluster, column]
            pixels = sums[cluster, len(axes)]
            for axis in range(len(axes)):
                left[kept, axis] = (
                    sums[cluster, axis] / pixels if pixels > 0 else centroids[cluster, axis]
                )
            kept += 1
    found = np.empty(len(labels), np.int32)
    for point in range(len(labels)):
        found[point] = place[successor[labels[point]]]
    return left[:kept], left_sums[:kept], found


@kernel
def merge_cheapest(
    centroids: NDArray[np.float64], sums: NDArray[np.int64], axes: Axes, target: int
) -> NDArray[np.int32]:
    """Merge clusters until `target` are left, `sums` in place; return each one's successor.

    Each round finds every cluster's cheapest partner, then joins the pairs in order of cost,
    each cluster at most once. The partner of lower index stays.
    """
    successor = np.arange(len(centroids)).astype(np.int32)
    alive = np.arange(len(centroids))
    while len(alive) > target:
        left = len(alive)
        costs, partners = find_cheapest_partners(centroids, sums, axes, alive)
        taken = np.zeros(left, np.bool_)
        for i in stable_order(costs):
            j = partners[i]
            if left > target and not taken[i] and not taken[j]:
                taken[i] = taken[j] = True
                survivor, absorbed = min(alive[i], alive[j]), max(alive[i], alive[j])
                for column in range(len(axes) + 1):
                    sums[survivor, column] += sums[absorbed, column]
                    sums[absorbed, column] = 0
                successor[absorbed] = survivor
                left -= 1
        for cluster in range(len(successor)):
            successor[cluster] = successor[successor[cluster]]
        alive = alive[successor[alive] == alive]
    return successor


@helper
def find_cheapest_partners(
    centroids: NDArray[np.float64],
    sums: NDArray[np.int64],
    axes: Axes,
    alive: NDArray[np.int64],
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return each cluster's cheapest partner and the cost of merging them.

    The cost of n and m pixels is n m / (n + m) times the squared distance of their means
    (Ward 1963): the rise in error. Positions are those in `alive`.
    """
    count = len(alive)
    planar = np.empty((len(axes), count), np.float32)
    pixels = np.empty(count, np.float32)
    for i in range(count):
        n = sums[alive[i], len(axes)]
        pixels[i] = n
        for axis in range(len(axes)):
            mean = sums[alive[i], axis] / n if n > 0 else centroids[alive[i], axis]
            planar[axis, i] = mean
    costs = np.empty(count, np.float32)
    partners = np.empty(count, np.int64)
    row = np.empty(count, np.float32)
    for i in range(count):
        for j in range(count):
            red = planar[0, j] - planar[0, i]
            green = planar[1, j] - planar[1, i]
            blue = planar[2, j] - planar[2, i]
            # The addend keeps two empty clusters from 0 / 0.
            share = pixels[j] / (pixels[i] + pixels[j] + np.float32(1e-3))
            distance = red * red + green * green + blue * blue
            if len(axes) == 4:
                alpha = planar[3, j] - planar[3, i]
                distance += alpha * alpha
            row[j] = share * distance
        row[i] = np.float32(np.inf)
        cheapest = 0
        for j in range(1, count):
            if row[j] < row[cheapest]:
                cheapest = j
        costs[i] = pixels[i] * row[cheapest]
        partners[i] = cheapest
    return costs, partners
