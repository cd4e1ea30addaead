"""Lloyd's algorithm: the assignment step and the update step in alternation.

S. Lloyd, "Least squares quantization in PCM", IEEE Trans. Information Theory 28(2), 1982.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmq.clustering.assignment import assign_leaves
from kmq.clustering.points import Axes, Points, Tree
from kmq.jit import helper, kernel, parallel_kernel, prange, useful_threads

OVERSTEP = 1.6
"""Step towards the mean, as a multiple of the way there. Plain Lloyd (1.0) approaches
the same optimum in nearly twice as many iterations."""

TOLERANCE = 1e-4
"""Iterations end when one lowers the error by less than this fraction."""

POINTS_PER_WORK = 4
"""Points per unit of work. An iteration takes about 5 ns per point, so threads are faster from
half a million points on."""

CHUNKS_PER_THREAD = 4
"""More chunks than threads, to even out chunks that take longer."""


@dataclass
class Clusters:
    """A division of `Points` into clusters. The kernels work on these arrays in place.

    Attributes
    ----------
    centroids : (K, axes) float64
        The clusters' means. A cluster without points keeps its centroid.
    sums : (K, axes + 1) int64
        Sums of each coordinate over each cluster's pixels, and the number of pixels.
    labels : (n,) int32
        Each point's cluster.
    error : float
        Sum over the pixels of the squared distance from their point's mean colour to their
        cluster's.
    """

    centroids: NDArray[np.float64]
    sums: NDArray[np.int64]
    labels: NDArray[np.int32]
    error: float

    @classmethod
    def around(cls, points: Points, centroids: NDArray[np.float64]) -> Clusters:
        """Return clusters without an assignment: every point is still in the first."""
        sums = np.zeros((len(centroids), len(points.total)), np.int64)
        sums[0] = points.total
        return cls(centroids.copy(), sums, np.zeros(len(points), np.int32), float("inf"))

    def carried_over(self, coarse: Points, fine: Points) -> Clusters:
        """Return the same clusters with finer points; each point takes its cell's label.

        A cell's sums are those of its points, so the clusters' sums do not change.
        """
        if coarse is fine:  # whose keys may repeat
            return Clusters(self.centroids.copy(), self.sums.copy(), self.labels.copy(), np.inf)
        starts = np.searchsorted(fine.keys, coarse.keys)
        labels = np.repeat(self.labels, np.diff(starts, append=len(fine)))
        return Clusters(self.centroids.copy(), self.sums.copy(), labels, float("inf"))

    def recount(self, before: Points, now: Points) -> None:
        """Update the sums in place when the same points represent other numbers of pixels."""
        if before is not now:
            changed = np.flatnonzero(before.sums[:, -1] != now.sums[:, -1])
            change = now.sums[changed] - before.sums[changed]
            np.add.at(self.sums, self.labels[changed], change)

    def __len__(self) -> int:
        return len(self.centroids)


def iterate(points: Points, clusters: Clusters, iterations: int, threads: int) -> None:
    """Improve `clusters` in place by up to `iterations` rounds of assignment and update.

    Ends early when the error no longer falls by `TOLERANCE`. The labels are those of the
    last assignment, exact for the centroids before the last update. The result does not
    depend on `threads`, because each label is found separately and sums are integers.
    """
    threads = useful_threads(len(points) // POINTS_PER_WORK, threads)
    if threads > 1:
        error = _alternate_on_threads(points, clusters, iterations, threads)
    else:
        error = alternate(
            points.coordinates,
            points.sums,
            points.tree,
            points.axes,
            clusters.centroids,
            clusters.sums,
            clusters.labels,
            points.energy,
            iterations,
        )
    clusters.error = points.energy + error


def _alternate_on_threads(
    points: Points, clusters: Clusters, iterations: int, threads: int
) -> float:
    """Do what `alternate` does, but with several threads for each assignment step."""
    chunks = CHUNKS_PER_THREAD * threads
    moved = np.zeros((chunks, *clusters.sums.shape), np.int64)
    previous = np.inf
    for _ in range(iterations):
        planar = np.ascontiguousarray(clusters.centroids.T, points.coordinates.dtype)
        assign(
            threads,
            chunks,
            points.coordinates,
            points.sums,
            points.tree,
            points.axes,
            planar,
            clusters.labels,
            moved,
        )
        error = update(clusters.centroids, clusters.sums, moved, points.axes, previous)
        if has_settled(error, previous, points.energy):
            break
        previous = error
    return finish(clusters.centroids, clusters.sums, points.axes)


def is_serial(points: Points, threads: int) -> bool:
    """Whether iterations over these points run on one thread."""
    return useful_threads(len(points) // POINTS_PER_WORK, threads) == 1


@parallel_kernel
def assign(
    first: int,
    end: int,
    coordinates: NDArray[Any],
    point_sums: NDArray[np.int64],
    tree: Tree,
    axes: Axes,
    planar: NDArray[Any],
    labels: NDArray[np.int32],
    moved: NDArray[np.int64],
) -> None:
    """Label the points of chunks `first` to `end` - 1: the assignment step.

    The points are divided into `len(moved)` chunks of about equal size. `moved[chunk]`
    accumulates each cluster's gains minus its losses.
    """
    chunks, points = len(moved), len(labels)
    for chunk in prange(first, end):
        first_leaf = np.searchsorted(tree.leaf_starts, points * chunk // chunks)
        end_leaf = np.searchsorted(tree.leaf_starts, points * (chunk + 1) // chunks)
        assign_leaves(
            first_leaf, end_leaf, coordinates, point_sums, tree, axes, planar, labels, moved[chunk]
        )


assign_serially = assign.serial


@kernel
def update(
    centroids: NDArray[np.float64],
    cluster_sums: NDArray[np.int64],
    moved: NDArray[np.int64],
    axes: Axes,
    previous: float,
) -> float:
    """Add up the moves and move the centroids: the update step.

    Return the error before the centroids move, minus the points' energy. If an overstep
    raised the error above the `previous` one, the next step is a plain one.
    """
    for cluster in prange(len(centroids)):
        for chunk in range(len(moved)):
            for column in range(moved.shape[2]):
                cluster_sums[cluster, column] += moved[chunk, cluster, column]
                moved[chunk, cluster, column] = 0
    error = error_at(centroids, cluster_sums, axes)
    step_towards_means(centroids, cluster_sums, axes, OVERSTEP if error <= previous else 1.0)
    return error


@kernel
def finish(centroids: NDArray[np.float64], cluster_sums: NDArray[np.int64], axes: Axes) -> float:
    """Move the centroids to the means; return the error minus the points' energy."""
    step_towards_means(centroids, cluster_sums, axes, 1.0)
    return error_at(centroids, cluster_sums, axes)


@helper
def has_settled(error: float, previous: float, energy: float) -> bool:
    """Whether an iteration changed the error too little for another to be worthwhile."""
    return abs(previous - error) <= TOLERANCE * (energy + error)


@kernel
def alternate(
    coordinates: NDArray[Any],
    point_sums: NDArray[np.int64],
    tree: Tree,
    axes: Axes,
    centroids: NDArray[np.float64],
    cluster_sums: NDArray[np.int64],
    labels: NDArray[np.int32],
    energy: float,
    iterations: int,
) -> float:
    """Alternate the two steps in place; return the error minus `energy`."""
    clusters = len(centroids)
    planar = np.empty((len(axes), clusters), coordinates.dtype)
    moved = np.zeros((1, clusters, len(axes) + 1), np.int64)
    previous = np.inf
    for _ in range(iterations):
        for cluster in range(clusters):
            for axis in range(len(axes)):
                planar[axis, cluster] = centroids[cluster, axis]
        # The only chunk is the last. (For a literal 0, numba would compile `assign` once more.)
        assign_serially(
            len(moved) - 1,
            len(moved),
            coordinates,
            point_sums,
            tree,
            axes,
            planar,
            labels,
            moved,
        )
        error = update(centroids, cluster_sums, moved, axes, previous)
        if has_settled(error, previous, energy):
            break
        previous = error
    return finish(centroids, cluster_sums, axes)


@helper
def error_at(centroids: NDArray[np.float64], cluster_sums: NDArray[np.int64], axes: Axes) -> float:
    """Return the sum of squared distances minus the points' energy.

    For a cluster of n pixels with sum s and centroid c, this is n c.c - 2 c.s, so it needs
    no pass over the points.
    """
    error = 0.0
    for cluster in range(len(centroids)):
        pixels = cluster_sums[cluster, len(axes)]
        for axis in range(len(axes)):
            centroid = centroids[cluster, axis]
            error += centroid * (pixels * centroid - 2.0 * cluster_sums[cluster, axis])
    return error


@helper
def step_towards_means(
    centroids: NDArray[np.float64], cluster_sums: NDArray[np.int64], axes: Axes, step: float
) -> None:
    """Move each centroid `step` times the way to its cluster's mean: the update step."""
    for cluster in range(len(centroids)):
        pixels = cluster_sums[cluster, len(axes)]
        if pixels > 0:
            for axis in range(len(axes)):
                mean = cluster_sums[cluster, axis] / pixels
                if step == 1.0:
                    centroids[cluster, axis] = mean
                else:
                    centroids[cluster, axis] += step * (mean - centroids[cluster, axis])
