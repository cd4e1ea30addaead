"""The textbook's K-means in NumPy, as it reads there."""

from __future__ import annotations

import numpy as np


def squared_distances(points, centroids):
    """Return |x_i - c_j|^2, (n, K)."""
    return ((points[:, None, :] - centroids[None, :, :]) ** 2).sum(axis=2)


def assign(points, centroids):
    return squared_distances(points, centroids).argmin(axis=1)


def update(points, labels, previous):
    return np.array(
        [
            points[labels == cluster].mean(axis=0) if (labels == cluster).any() else kept
            for cluster, kept in enumerate(previous)
        ]
    )


def error(points, centroids):
    return squared_distances(points, centroids).min(axis=1).sum()


def run(points, centroids, iterations):
    """Return the centroids at the start and after each iteration, up to the first that stays."""
    history = [centroids]
    for _ in range(iterations):
        history.append(update(points, assign(points, history[-1]), history[-1]))
        if np.array_equal(history[-1], history[-2]):
            break
    return history
