"""Splitting clusters: cut in two those that lower the error the most."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmq.clustering.points import Axes
from kmq.clustering.sorting import stable_order
from kmq.jit import helper, kernel


@kernel
def cut_largest_gains(
    coordinates: NDArray[Any],
    point_sums: NDArray[np.int64],
    labels: NDArray[np.int32],
    centroids: NDArray[np.float64],
    cluster_sums: NDArray[np.int64],
    axes: Axes,
    count: int,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return centroids and sums with the `count` clusters of greatest gain cut in two.

    The new ones come last and have no points yet. A cluster without a gain is not cut.
    """
    gains, parts = bisect(coordinates, point_sums, labels, centroids, cluster_sums, axes)
    order = stable_order(-gains)
    cuts = 0
    while cuts < min(count, len(gains)) and gains[order[cuts]] > 0:
        cuts += 1
    clusters = len(centroids)
    more = np.empty((clusters + cuts, len(axes)), np.float64)
    more_sums = np.zeros((clusters + cuts, len(axes) + 1), np.int64)
    for cluster in range(clusters):
        for axis in range(len(axes)):
            more[cluster, axis] = centroids[cluster, axis]
        for column in range(len(axes) + 1):
            more_sums[cluster, column] = cluster_sums[cluster, column]
    for cut in range(cuts):
        chosen = order[cut]
        far = parts[chosen, len(axes)]
        near = cluster_sums[chosen, len(axes)] - far
        for axis in range(len(axes)):
            part = parts[chosen, axis]
            more[clusters + cut, axis] = part / far
            more[chosen, axis] = (cluster_sums[chosen, axis] - part) / near
    return more, more_sums


@kernel
def bisect(
    coordinates: NDArray[Any],
    point_sums: NDArray[np.int64],
    labels: NDArray[np.int32],
    centroids: NDArray[np.float64],
    cluster_sums: NDArray[np.int64],
    axes: Axes,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Cut each cluster across its principal axis at the mean.

    Return the fall in error of each cut, (K,), and the sums of the part on the far side,
    (K, axes + 1).
    """
    clusters = len(centroids)
    moments = np.zeros((clusters, len(axes) * (len(axes) + 1) // 2), np.float64)
    add_moments(coordinates, point_sums, labels, centroids, axes, moments)
    directions = np.empty((clusters, len(axes)), np.float64)
    for cluster in range(clusters):
        find_principal_axis(moments[cluster], axes, directions[cluster])
    parts = np.zeros((clusters, len(axes) + 1), np.int64)
    for point in range(len(labels)):
        label = labels[point]
        side = 0.0
        for axis in range(len(axes)):
            side += directions[label, axis] * (coordinates[axis, point] - centroids[label, axis])
        if side > 0:
            for column in range(len(axes) + 1):
                parts[label, column] += point_sums[point, column]
    gains = np.empty(clusters, np.float64)
    for cluster in range(clusters):
        gains[cluster] = gain_of_cut(cluster_sums[cluster], parts[cluster], axes)
    return gains, parts


@helper
def add_moments(
    coordinates: NDArray[Any],
    point_sums: NDArray[np.int64],
    labels: NDArray[np.int32],
    centroids: NDArray[np.float64],
    axes: Axes,
    moments: NDArray[np.float64],
) -> None:
    """Add to `moments` each cluster's second moments: rr, gg, bb, rg, rb, gb, aa, ra, ga, ba.

    (K, 6) of red, green and blue alone, (K, 10) with alpha.
    """
    for point in range(len(labels)):
        label = labels[point]
        weight = np.float64(point_sums[point, len(axes)])
        red = coordinates[0, point] - centroids[label, 0]
        green = coordinates[1, point] - centroids[label, 1]
        blue = coordinates[2, point] - centroids[label, 2]
        moments[label, 0] += weight * red * red
        moments[label, 1] += weight * green * green
        moments[label, 2] += weight * blue * blue
        moments[label, 3] += weight * red * green
        moments[label, 4] += weight * red * blue
        moments[label, 5] += weight * green * blue
        if len(axes) == 4:
            alpha = coordinates[3, point] - centroids[label, 3]
            moments[label, 6] += weight * alpha * alpha
            moments[label, 7] += weight * red * alpha
            moments[label, 8] += weight * green * alpha
            moments[label, 9] += weight * blue * alpha


@helper
def find_principal_axis(
    moments: NDArray[np.float64], axes: Axes, direction: NDArray[np.float64]
) -> None:
    """Write to `direction` the direction of greatest spread, found by the power method.

    Any direction is a valid cut, so a few rounds suffice. The start is the matrix row with
    the largest diagonal entry, which is never orthogonal to the principal axis.
    """
    rr, gg, bb, rg, rb, gb = moments[0], moments[1], moments[2], moments[3], moments[4], moments[5]
    aa = ra = ga = ba = 0.0
    if len(axes) == 4:
        aa, ra, ga, ba = moments[6], moments[7], moments[8], moments[9]
    if aa > rr and aa > gg and aa > bb:
        x, y, z, w = ra, ga, ba, aa
    elif rr >= gg and rr >= bb:
        x, y, z, w = rr, rg, rb, ra
    elif gg >= bb:
        x, y, z, w = rg, gg, gb, ga
    else:
        x, y, z, w = rb, gb, bb, ba
    for _ in range(8):
        largest = max(abs(x), abs(y), abs(z), abs(w))
        if largest > 0:
            x, y, z, w = x / largest, y / largest, z / largest, w / largest
        x, y, z, w = (
            rr * x + rg * y + rb * z + ra * w,
            rg * x + gg * y + gb * z + ga * w,
            rb * x + gb * y + bb * z + ba * w,
            ra * x + ga * y + ba * z + aa * w,
        )
    direction[0] = x
    direction[1] = y
    direction[2] = z
    if len(axes) == 4:
        direction[3] = w


@helper
def gain_of_cut(whole: NDArray[np.int64], part: NDArray[np.int64], axes: Axes) -> float:
    """Return n m / (n + m) times the squared distance between the two parts' means."""
    far = part[len(axes)]
    near = whole[len(axes)] - far
    if far == 0 or near == 0:
        return 0.0
    distance = 0.0
    for axis in range(len(axes)):
        apart = part[axis] / far - (whole[axis] - part[axis]) / near
        distance += apart * apart
    gain: float = near * (far / (near + far)) * distance
    return gain
