"""The loops of both steps, compiled; threads share the outer one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kmq.jit import parallel_kernel, prange


@parallel_kernel
def find_nearest(
    first: int,
    end: int,
    points: NDArray[np.float64],
    centroids: NDArray[np.float64],
    labels: NDArray[np.int32],
    distances: NDArray[np.float64],
) -> None:
    """labels[i] = argmin_j |x_i - c_j|^2, the lowest j of a tie; distances[i] is that minimum."""
    clusters, dimensions = centroids.shape
    for point in prange(first, end):
        nearest, smallest = 0, np.inf
        for cluster in range(clusters):
            distance = 0.0
            for axis in range(dimensions):
                difference = points[point, axis] - centroids[cluster, axis]
                distance += difference * difference
            if distance < smallest:
                nearest, smallest = cluster, distance
        labels[point] = nearest
        distances[point] = smallest


@parallel_kernel
def add_points(
    first: int,
    end: int,
    points: NDArray[np.float64],
    labels: NDArray[np.int32],
    sums: NDArray[np.float64],
    counts: NDArray[np.int64],
) -> None:
    """sums[b, j] = sum of x_i, counts[b, j] = number of i, over i in block b with label j.

    The points are divided into `len(sums)` blocks of about equal length. `sums` is
    (blocks, K, d), `counts` (blocks, K); both come in as zeros.
    """
    blocks = len(sums)
    number, dimensions = points.shape
    for block in prange(first, end):
        for point in range(number * block // blocks, number * (block + 1) // blocks):
            cluster = labels[point]
            counts[block, cluster] += 1
            for axis in range(dimensions):
                sums[block, cluster, axis] += points[point, axis]
