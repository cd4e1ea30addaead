"""Leaving a local optimum: split the clusters that gain most, merge those that cost least.

Lloyd's algorithm moves no centroid across a gap. Splitting some clusters, iterating,
then merging as many pairs lets centroids jump to where they lower the error most
(after the split-and-merge of ISODATA, Ball & Hall 1965, with the gains and costs of
Ward, "Hierarchical grouping to optimize an objective function", JASA 58, 1963).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kmq.clustering.lloyd import Clusters, iterate
from kmq.clustering.points import Points
from kmq.clustering.schedule import LEAST_FALL, Search
from kmq.jit import helper, kernel


def search(points: Points, clusters: Clusters, schedule: Search, threads: int) -> Clusters:
    """Return clusters at least as good as these, as many.

    A cycle splits, iterates, merges, iterates. One that lowers the error enough is
    kept; after one that does not, half as many clusters are split in the next.
    """
    splits = schedule.splits
    for _ in range(schedule.cycles):
        if splits == 0:
            break
        tried = split(points, clusters.copy(), splits)
        iterate(points, tried, schedule.after_split, threads)
        tried = merge(tried, len(clusters))
        iterate(points, tried, schedule.after_merge, threads)
        if tried.error < clusters.error * (1 - LEAST_FALL):
            clusters = tried
        else:
            splits //= 2
    return clusters


def split(points: Points, clusters: Clusters, count: int) -> Clusters:
    """Return `clusters` with the `count` of them that gain most each cut in two.

    Labels stay as they were until the next assignment. Clusters that hold one point
    only, and so cannot gain, are not split: fewer may be.
    """
    gains, parts = bisect(
        points.coordinates, points.sums, clusters.labels, clusters.centroids, clusters.sums
    )
    chosen = np.argsort(-gains, kind="stable")[:count]
    chosen = chosen[gains[chosen] > 0]
    rest = clusters.sums[chosen] - parts[chosen]
    halves = parts[chosen]
    centroids = np.concatenate([clusters.centroids, halves[:, :3] / halves[:, 3:]])
    centroids[chosen] = rest[:, :3] / rest[:, 3:]
    sums = np.concatenate([clusters.sums, np.zeros_like(halves)])
    return Clusters(centroids, sums, clusters.labels, clusters.error)


def merge(clusters: Clusters, count: int) -> Clusters:
    """Return `clusters` with pairs of them joined until `count` are left."""
    sums = clusters.sums.copy()
    successor = merge_cheapest(clusters.centroids, sums, count)
    kept = np.flatnonzero(successor == np.arange(len(successor)))
    renumbered = np.empty(len(successor), np.int32)
    renumbered[kept] = np.arange(len(kept), dtype=np.int32)
    labels = renumbered[successor][clusters.labels]
    centroids, sums = clusters.centroids[kept], sums[kept]
    filled = sums[:, 3] > 0
    centroids[filled] = sums[filled, :3] / sums[filled, 3:]
    return Clusters(centroids, sums, labels, clusters.error)


@kernel
def bisect(
    coordinates: NDArray[np.float32],
    point_sums: NDArray[np.int64],
    labels: NDArray[np.int32],
    centroids: NDArray[np.float64],
    cluster_sums: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Cut each cluster across its principal axis at the mean.

    Returns the fall in error that each cut brings, (K,), and the sums of the part on
    the far side, (K, 4).
    """
    clusters = len(centroids)
    moments = np.zeros((clusters, 6), np.float64)
    add_moments(coordinates, point_sums, labels, centroids, moments)
    axes = np.empty((clusters, 3), np.float64)
    for cluster in range(clusters):
        find_principal_axis(moments[cluster], axes[cluster])
    parts = np.zeros((clusters, 4), np.int64)
    for point in range(len(labels)):
        label = labels[point]
        side = 0.0
        for channel in range(3):
            side += axes[label, channel] * (coordinates[channel, point] - centroids[label, channel])
        if side > 0:
            for column in range(4):
                parts[label, column] += point_sums[point, column]
    gains = np.empty(clusters, np.float64)
    for cluster in range(clusters):
        gains[cluster] = gain_of_cut(cluster_sums[cluster], parts[cluster])
    return gains, parts


@helper
def add_moments(
    coordinates: NDArray[np.float32],
    point_sums: NDArray[np.int64],
    labels: NDArray[np.int32],
    centroids: NDArray[np.float64],
    moments: NDArray[np.float64],
) -> None:
    """Add to `moments` (K, 6) each cluster's second moments: rr, gg, bb, rg, rb, gb."""
    for point in range(len(labels)):
        label = labels[point]
        weight = np.float64(point_sums[point, 3])
        red = coordinates[0, point] - centroids[label, 0]
        green = coordinates[1, point] - centroids[label, 1]
        blue = coordinates[2, point] - centroids[label, 2]
        moments[label, 0] += weight * red * red
        moments[label, 1] += weight * green * green
        moments[label, 2] += weight * blue * blue
        moments[label, 3] += weight * red * green
        moments[label, 4] += weight * red * blue
        moments[label, 5] += weight * green * blue


@helper
def find_principal_axis(moments: NDArray[np.float64], axis: NDArray[np.float64]) -> None:
    """Write to `axis` the direction of greatest spread, by the power method.

    Any direction is a valid cut, so a few rounds do. The start is the matrix's row of
    the largest diagonal entry, which is never across the direction sought.
    """
    rr, gg, bb, rg, rb, gb = moments
    if rr >= gg and rr >= bb:
        x, y, z = rr, rg, rb
    elif gg >= bb:
        x, y, z = rg, gg, gb
    else:
        x, y, z = rb, gb, bb
    for _ in range(8):
        largest = max(abs(x), abs(y), abs(z))
        if largest > 0:
            x, y, z = x / largest, y / largest, z / largest
        x, y, z = rr * x + rg * y + rb * z, rg * x + gg * y + gb * z, rb * x + gb * y + bb * z
    axis[0] = x
    axis[1] = y
    axis[2] = z


@helper
def gain_of_cut(whole: NDArray[np.int64], part: NDArray[np.int64]) -> float:
    """Return n m / (n + m) times the squared distance of the two parts' means."""
    far = part[3]
    near = whole[3] - far
    if far == 0 or near == 0:
        return 0.0
    distance = 0.0
    for channel in range(3):
        apart = part[channel] / far - (whole[channel] - part[channel]) / near
        distance += apart * apart
    gain: float = near * (far / (near + far)) * distance
    return gain


@kernel
def merge_cheapest(
    centroids: NDArray[np.float64], sums: NDArray[np.int64], target: int
) -> NDArray[np.int32]:
    """Merge clusters until `target` are left, `sums` in place; return each one's successor.

    Rounds of: find every cluster's cheapest partner, then take the pairs from the
    cheapest on, each cluster at most once. The partner of lower index stays.
    """
    successor = np.arange(len(centroids)).astype(np.int32)
    alive = np.arange(len(centroids))
    while len(alive) > target:
        left = len(alive)
        costs, partners = find_cheapest_partners(centroids, sums, alive)
        taken = np.zeros(left, np.bool_)
        for i in np.argsort(costs, kind="mergesort"):
            j = partners[i]
            if left > target and not taken[i] and not taken[j]:
                taken[i] = taken[j] = True
                survivor, absorbed = min(alive[i], alive[j]), max(alive[i], alive[j])
                for column in range(4):
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
    centroids: NDArray[np.float64], sums: NDArray[np.int64], alive: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return what it costs to merge each cluster with its cheapest partner, and which that is.

    The cost of n and m pixels is n m / (n + m) times the squared distance of their means
    (Ward 1963): the rise in error. Positions are those in `alive`.
    """
    count = len(alive)
    planar = np.empty((3, count), np.float32)
    pixels = np.empty(count, np.float32)
    for i in range(count):
        n = sums[alive[i], 3]
        pixels[i] = n
        for channel in range(3):
            mean = sums[alive[i], channel] / n if n > 0 else centroids[alive[i], channel]
            planar[channel, i] = mean
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
            row[j] = share * (red * red + green * green + blue * blue)
        row[i] = np.float32(np.inf)
        cheapest = 0
        for j in range(1, count):
            if row[j] < row[cheapest]:
                cheapest = j
        costs[i] = pixels[i] * row[cheapest]
        partners[i] = cheapest
    return costs, partners
