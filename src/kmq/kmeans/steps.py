"""The two steps of Lloyd's algorithm."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kmq.errors import OptionError
from kmq.jit import useful_threads
from kmq.kmeans.checks import checked_labels, checked_points
from kmq.kmeans.kernels import add_points, find_nearest
from kmq.limits import whole_number
from kmq.threads import thread_count

OPERATIONS_PER_WORK = 16
"""Differences or additions per unit of work for a thread."""

MOST_BLOCKS = 64
"""The most blocks of points that are summed separately. Their number does not depend on the
number of threads, so sums are always rounded in the same way."""

MOST_CLUSTERS = (1 << 31) - 1
"""Labels are int32."""


def assign(
    points: ArrayLike, centroids: ArrayLike, *, threads: int | None = None
) -> NDArray[np.int32]:
    """Return the number of each point's nearest centroid: the assignment step.

    Parameters
    ----------
    points
        (n, d) real numbers, computed with as float64.
    centroids
        (K, d), of the same d.
    threads
        At least 1; None for the environment's KMQ_NUM_THREADS or all processors. The
        result does not depend on it.

    Returns
    -------
    labels
        (n,) int32, each 0 to K - 1: the centroid at the smallest Euclidean distance, the
        lowest number where several are equally near.

    Raises
    ------
    OptionError
        If a shape does not fit, or a value is NaN, infinite or beyond 1e140.

    Examples
    --------
    >>> from kmq import kmeans
    >>> kmeans.assign([[1.0], [2.0], [9.0]], centroids=[[0.0], [10.0]]).tolist()
    [0, 0, 1]
    """
    checked = checked_points("points", points)
    around = checked_points("centroids", centroids, checked.shape[1])
    return nearest(checked, around, thread_count(threads))[0]


def update(
    points: ArrayLike,
    labels: ArrayLike,
    clusters: int,
    *,
    previous: ArrayLike | None = None,
    threads: int | None = None,
) -> NDArray[np.float64]:
    """Return the mean of each cluster's points: the update step.

    Parameters
    ----------
    points
        (n, d) real numbers, computed with as float64.
    labels
        (n,) whole numbers from 0 to `clusters` - 1: the cluster of each point.
    clusters
        K, at least 1.
    previous
        (K, d) centroids that empty clusters keep. Without them an empty cluster, which has
        no mean, gets a row of NaN.
    threads
        At least 1; None for the environment's KMQ_NUM_THREADS or all processors. The
        result does not depend on it.

    Returns
    -------
    centroids
        (K, d) float64.

    Raises
    ------
    OptionError
        If a shape does not fit, a label is out of its range, or a value is NaN, infinite or
        beyond 1e140.

    Examples
    --------
    >>> from kmq import kmeans
    >>> points = [[1.0], [2.0], [9.0]]
    >>> kmeans.update(points, labels=[0, 0, 1], clusters=2).tolist()
    [[1.5], [9.0]]
    >>> kmeans.update(points, [0, 0, 0], 2).tolist()
    [[4.0], [nan]]
    >>> kmeans.update(points, [0, 0, 0], 2, previous=[[1.0], [7.0]]).tolist()
    [[4.0], [7.0]]
    """
    checked = checked_points("points", points)
    clusters = whole_number("clusters", clusters, 1, MOST_CLUSTERS)
    numbers = checked_labels(labels, len(checked), clusters)
    kept = np.full((clusters, checked.shape[1]), np.nan)
    if previous is not None:
        kept = checked_points("previous", previous, checked.shape[1])
        if len(kept) != clusters:
            raise OptionError(f"previous: expected {clusters} centroids, got {len(kept)}")
    return means(checked, numbers, kept, thread_count(threads))[0]


def nearest(
    points: NDArray[np.float64], centroids: NDArray[np.float64], threads: int
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return the labels of `assign` and the squared distances, (n,), for checked arguments."""
    labels = np.empty(len(points), np.int32)
    distances = np.empty(len(points))
    threads = useful_threads(points.size * len(centroids) // OPERATIONS_PER_WORK, threads)
    find_nearest(threads, len(points), points, centroids, labels, distances)
    return labels, distances


def means(
    points: NDArray[np.float64],
    labels: NDArray[np.int32],
    previous: NDArray[np.float64],
    threads: int,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the means of `update`, and each cluster's number of points, (K,).

    A cluster without points gets its row of `previous`, (K, d).
    """
    # This keeps the blocks' sums from taking more memory than the points.
    blocks = min(MOST_BLOCKS, max(1, len(points) // len(previous)))
    sums = np.zeros((blocks, *previous.shape))
    counts = np.zeros((blocks, len(previous)), np.int64)
    threads = useful_threads(points.size // OPERATIONS_PER_WORK, threads)
    add_points(threads, blocks, points, labels, sums, counts)
    for block in sums[1:]:
        sums[0] += block
    count = counts.sum(axis=0)
    centroids = previous.copy()
    np.divide(sums[0], count[:, np.newaxis], out=centroids, where=count[:, np.newaxis] > 0)
    return centroids, count
