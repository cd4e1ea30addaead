"""Leaving a local optimum: split the clusters of largest gain, merge the cheapest pairs.

Lloyd's algorithm cannot move a centroid across a gap. Splitting some clusters, iterating,
and then merging the same number of pairs lets centroids jump to where they lower the error
the most (after the split-and-merge of ISODATA, Ball & Hall 1965, with the gains and costs of
Ward, "Hierarchical grouping to optimize an objective function", JASA 58, 1963).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmq.clustering.lloyd import Clusters, alternate, is_serial, iterate
from kmq.clustering.merging import join_cheapest_pairs
from kmq.clustering.points import Axes, Points, Tree
from kmq.clustering.schedule import LEAST_FALL, Search
from kmq.clustering.splitting import cut_largest_gains
from kmq.jit import kernel


def search(points: Points, clusters: Clusters, schedule: Search, threads: int) -> Clusters:
    """Return the same number of clusters, at least as good as these.

    A cycle splits, iterates, merges and iterates. It is kept if it lowers the error enough;
    otherwise the next cycle splits half as many clusters.
    """
    if is_serial(points, threads):
        return Clusters(
            *search_serially(
                points.coordinates,
                points.sums,
                points.tree,
                points.axes,
                clusters.centroids,
                clusters.sums,
                clusters.labels,
                clusters.error,
                points.energy,
                schedule.splits,
                schedule.cycles,
                schedule.after_split,
                schedule.after_merge,
            )
        )
    splits = schedule.splits
    for _ in range(schedule.cycles):
        if splits == 0:
            break
        tried = split_and_iterate(points, clusters, splits, schedule.after_split, threads)
        tried = merge(points, tried, len(clusters))
        iterate(points, tried, schedule.after_merge, threads)
        if tried.error < clusters.error * (1 - LEAST_FALL):
            clusters = tried
        else:
            splits //= 2
    return clusters


def split_and_iterate(
    points: Points, clusters: Clusters, count: int, iterations: int, threads: int
) -> Clusters:
    """Return new clusters: the `count` of largest gain are cut in two, then all are iterated.

    Clusters of a single point cannot gain and are not split, so fewer than `count` may be.
    """
    if is_serial(points, threads):
        return Clusters(
            *split_and_alternate(
                points.coordinates,
                points.sums,
                points.tree,
                points.axes,
                clusters.centroids,
                clusters.sums,
                clusters.labels,
                points.energy,
                count,
                iterations,
            )
        )
    made = split(points, clusters, count)
    iterate(points, made, iterations, threads)
    return made


def split(points: Points, clusters: Clusters, count: int) -> Clusters:
    """Return `clusters` with the `count` of largest gain each cut in two.

    Labels stay as they were until the next assignment.
    """
    cut = cut_largest_gains(
        points.coordinates,
        points.sums,
        clusters.labels,
        clusters.centroids,
        clusters.sums,
        points.axes,
        count,
    )
    return Clusters(*cut, clusters.labels.copy(), clusters.error)


def merge(points: Points, clusters: Clusters, count: int) -> Clusters:
    """Return `clusters` with pairs of them joined until `count` are left."""
    joined = join_cheapest_pairs(
        clusters.centroids, clusters.sums, clusters.labels, points.axes, count
    )
    return Clusters(*joined, clusters.error)


# With few points, calls and the interpreter lock would take longer than the work. So one
# kernel does everything that the functions above do.


@kernel
def search_serially(
    coordinates: NDArray[Any],
    point_sums: NDArray[np.int64],
    tree: Tree,
    axes: Axes,
    centroids: NDArray[np.float64],
    cluster_sums: NDArray[np.int64],
    labels: NDArray[np.int32],
    error: float,
    energy: float,
    splits: int,
    cycles: int,
    after_split: int,
    after_merge: int,
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int32], float]:
    """Return the centroids, sums, labels and error that `search` ends with."""
    for _ in range(cycles):
        if splits == 0:
            break
        more, more_sums, found, _ = split_and_alternate(
            coordinates,
            point_sums,
            tree,
            axes,
            centroids,
            cluster_sums,
            labels,
            energy,
            splits,
            after_split,
        )
        left, left_sums, found = join_cheapest_pairs(more, more_sums, found, axes, len(centroids))
        tried = energy + alternate(
            coordinates, point_sums, tree, axes, left, left_sums, found, energy, after_merge
        )
        if tried < error * (1 - LEAST_FALL):
            centroids, cluster_sums, labels, error = left, left_sums, found, tried
        else:
            splits //= 2
    return centroids, cluster_sums, labels, error


@kernel
def split_and_alternate(
    coordinates: NDArray[Any],
    point_sums: NDArray[np.int64],
    tree: Tree,
    axes: Axes,
    centroids: NDArray[np.float64],
    cluster_sums: NDArray[np.int64],
    labels: NDArray[np.int32],
    energy: float,
    count: int,
    iterations: int,
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int32], float]:
    """Split, iterate; return new centroids, sums and labels, and their error."""
    more, more_sums = cut_largest_gains(
        coordinates, point_sums, labels, centroids, cluster_sums, axes, count
    )
    found = labels.copy()
    error = alternate(
        coordinates, point_sums, tree, axes, more, more_sums, found, energy, iterations
    )
    return more, more_sums, found, energy + error
