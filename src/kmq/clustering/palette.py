"""From clusters to whole-number colours: distinct, and every one of them used."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kmq.clustering import morton
from kmq.clustering.lloyd import Clusters, iterate
from kmq.clustering.points import Points


def whole_number_palette(
    points: Points, clusters: Clusters, count: int, threads: int
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Return `count` distinct colours in Morton order, and the nearest to each point.

    `points` are the distinct colours of an image, more than `count`. Centroids that
    round to the same colour leave entries over, and so do entries that are nearest to
    no colour; each goes to the colour whose pixels have the greatest error. Such an
    entry is that colour itself and stays in use, so the rounds come to an end.
    """
    keys, assigned = _rounded(clusters)
    while True:
        palette = morton.decode(keys)
        assigned.centroids = palette.astype(np.float64)
        iterate(points, assigned, 1, threads)
        used = assigned.sums[:, 3] > 0
        if len(keys) == count and used.all():
            return palette, assigned.labels
        apart = points.coordinates[:, : len(points)].T - palette[assigned.labels]
        errors = (apart * apart).sum(axis=1) * points.sums[:, 3]
        worst = np.argsort(-errors, kind="stable")[: count - np.count_nonzero(used)]
        keys = np.union1d(keys[used], points.keys[worst])
        assigned = Clusters.around(points, np.zeros((len(keys), 3)))


def _rounded(clusters: Clusters) -> tuple[NDArray[np.uint32], Clusters]:
    """Return the rounded centroids' distinct keys, ascending, and the clusters in that order."""
    rounded = np.floor(clusters.centroids + 0.5).astype(np.uint8)
    keys, entry = np.unique(morton.encode(rounded), return_inverse=True)
    sums = np.zeros((len(keys), 4), np.int64)
    np.add.at(sums, entry, clusters.sums)
    labels = entry.astype(np.int32)[clusters.labels]
    return keys, Clusters(np.empty((len(keys), 3)), sums, labels, clusters.error)
