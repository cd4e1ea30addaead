"""The assignment step and the update step, to convergence.

Lloyd, "Least squares quantization in PCM", IEEE Trans. Information Theory 28 (1982).
Distances are float32, sums are whole numbers, so the order of the sums does not
matter and any number of threads gives the same centroids.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kmq.jit import parallel_kernel, prange, useful_threads

CHUNKS = 64
"""Parts that the points are cut into, whatever the number of threads."""

_LANES = 32
"""Points whose distances are computed together: what makes the compiler vectorise."""


def iterate(
    colors: NDArray[np.float32],
    counts: NDArray[np.int64],
    centroids: NDArray[np.float32],
    *,
    max_iter: int,
    tolerance: float,
    threads: int,
) -> NDArray[np.float32]:
    """Return the centroids, (3, K), after at most `max_iter` iterations.

    Stops when the error falls by less than `tolerance`, a share of itself.

    Parameters
    ----------
    colors, counts
        Points of shape (3, n), 0 to 255, and their whole-number weights (n,).
    centroids
        Where to start, (3, K).
    """
    threads = useful_threads(colors.shape[1], threads)
    labels = np.empty(colors.shape[1], np.int32)
    squares = float((colors.astype(np.float64) ** 2 @ counts).sum())
    before = np.inf
    for _ in range(max_iter):
        assign(threads, colors, centroids, labels)
        sums = sum_clusters(threads, colors, counts, labels, centroids.shape[1])
        totals = sums.sum(axis=0)
        centroids = _means(totals, centroids)
        weights = totals[:, 3].astype(np.float64)
        filled = weights > 0
        error = squares - float(
            (totals[filled, :3].astype(np.float64) ** 2 / weights[filled, None]).sum()
        )
        if before - error <= tolerance * error:
            break
        before = error
    return centroids


def _means(totals: NDArray[np.int64], centroids: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return each cluster's mean; an empty cluster stays where it was."""
    weights = totals[:, 3]
    means = totals[:, :3].T / np.maximum(weights, 1)
    return np.where(weights > 0, means, centroids).astype(np.float32)


@parallel_kernel
def assign(
    colors: NDArray[np.float32], centroids: NDArray[np.float32], labels: NDArray[np.int32]
) -> None:
    """Give each point the label of its nearest centroid, ties to the lowest: assignment step.

    Shapes: colors (3, n), centroids (3, K), labels (n,), which is written.
    """
    n = colors.shape[1]
    for chunk in prange(CHUNKS):
        nearest = np.empty(_LANES, np.float32)
        winner = np.empty(_LANES, np.int32)
        for first in range(n * chunk // CHUNKS, n * (chunk + 1) // CHUNKS, _LANES):
            lanes = min(_LANES, n * (chunk + 1) // CHUNKS - first)
            nearest[:] = np.inf
            winner[:] = 0
            red = colors[0, first : first + lanes]
            green = colors[1, first : first + lanes]
            blue = colors[2, first : first + lanes]
            for k in range(centroids.shape[1]):
                for lane in range(lanes):
                    dr = red[lane] - centroids[0, k]
                    dg = green[lane] - centroids[1, k]
                    db = blue[lane] - centroids[2, k]
                    distance = dr * dr + dg * dg + db * db
                    is_nearer = distance < nearest[lane]
                    nearest[lane] = distance if is_nearer else nearest[lane]
                    winner[lane] = k if is_nearer else winner[lane]
            labels[first : first + lanes] = winner[:lanes]


@parallel_kernel
def sum_clusters(
    colors: NDArray[np.float32],
    counts: NDArray[np.int64],
    labels: NDArray[np.int32],
    clusters: int,
) -> NDArray[np.int64]:
    """Return each chunk's sums of red, green, blue and count, (CHUNKS, K, 4): update step."""
    n = colors.shape[1]
    sums = np.zeros((CHUNKS, clusters, 4), np.int64)
    for chunk in prange(CHUNKS):
        for i in range(n * chunk // CHUNKS, n * (chunk + 1) // CHUNKS):
            cluster = labels[i]
            sums[chunk, cluster, 0] += np.int64(colors[0, i]) * counts[i]
            sums[chunk, cluster, 1] += np.int64(colors[1, i]) * counts[i]
            sums[chunk, cluster, 2] += np.int64(colors[2, i]) * counts[i]
            sums[chunk, cluster, 3] += counts[i]
    return sums
