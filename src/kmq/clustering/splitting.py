"""Splitting clusters: those cut in two by which the error falls most."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kmq.jit import helper, kernel


@kernel
def cut_largest_gains(
    coordinates: NDArray[np.float32],
    point_sums: NDArray[np.int64],
    labels: NDArray[np.int32],
    centroids: NDArray[np.float64],
    cluster_sums: NDArray[np.int64],
    count: int,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return centroids and sums with the `count` clusters of greatest gain cut in two.

    The new ones come last, without points as yet. Where there is nothing to gain,
    nothing is cut.
    """
    gains, parts = bisect(coordinates, point_sums, labels, centroids, cluster_sums)
    order = np.argsort(-gains, kind="mergesort")
    cuts = 0
    while cuts < min(count, len(gains)) and gains[order[cuts]] > 0:
        cuts += 1
    clusters = len(centroids)
    more = np.empty((clusters + cuts, 3), np.float64)
    more_sums = np.zeros((clusters + cuts, 4), np.int64)
    for cluster in range(clusters):
        for channel in range(3):
            more[cluster, channel] = centroids[cluster, channel]
        for column in range(4):
            more_sums[cluster, column] = cluster_sums[cluster, column]
    for cut in range(cuts):
        chosen = order[cut]
        far = parts[chosen, 3]
        near = cluster_sums[chosen, 3] - far
        for channel in range(3):
            part = parts[chosen, channel]
            more[clusters + cut, channel] = part / far
            more[chosen, channel] = (cluster_sums[chosen, channel] - part) / near
    return more, more_sums


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
