"""Lloyd's algorithm: the assignment step and the update step, by turns.

S. Lloyd, "Least squares quantization in PCM", IEEE Trans. Information Theory 28(2),
1982. Each assignment is exact, but most distances are never computed: on the way down
the tree of cells, a centroid that is nowhere in the cell nearer than another one is
dropped from the candidates (the filtering algorithm of Kanungo, Mount et al., "An
efficient k-means clustering algorithm", IEEE PAMI 24(7), 2002).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmq.clustering.points import LANES, Axes, Points, Tree
from kmq.jit import helper, kernel, parallel_kernel, prange, useful_threads

OVERSTEP = 1.6
"""Step towards the mean, as a multiple of the way there. Plain Lloyd (1.0) approaches
the same optimum in nearly twice as many iterations."""

TOLERANCE = 1e-4
"""Relative fall of the error in one iteration below which the iteration ends."""

POINTS_PER_WORK = 4
"""Points that make one unit of work: an iteration takes about 5 ns a point, so that
threads pay from half a million points on."""

CHUNKS_PER_THREAD = 4
"""More chunks than threads even out chunks that take longer."""

MARGIN = np.float32(0.01)
"""Added where candidates are dropped, against rounding: ties must all stay."""


@dataclass
class Clusters:
    """A division of `Points` into clusters. The kernels work on these arrays in place.

    Attributes
    ----------
    centroids : (K, axes) float64
        The clusters' means. A cluster without points keeps the centroid it had.
    sums : (K, axes + 1) int64
        Sums of each coordinate over each cluster's pixels, and their number.
    labels : (n,) int32
        Each point's cluster.
    error : float
        Sum over the pixels of the squared distance from their point's mean colour
        to their cluster's.
    """

    centroids: NDArray[np.float64]
    sums: NDArray[np.int64]
    labels: NDArray[np.int32]
    error: float

    @classmethod
    def around(cls, points: Points, centroids: NDArray[np.float64]) -> Clusters:
        """Return clusters yet to be assigned: every point is still in the first."""
        sums = np.zeros((len(centroids), len(points.total)), np.int64)
        sums[0] = points.total
        return cls(centroids.copy(), sums, np.zeros(len(points), np.int32), float("inf"))

    def carried_over(self, coarse: Points, fine: Points) -> Clusters:
        """Return the same clusters of finer points: each takes its cell's label.

        A cell's sums are those of its points, so the clusters' sums stay as they are.
        """
        if coarse is fine:  # whose keys may repeat
            return Clusters(self.centroids.copy(), self.sums.copy(), self.labels.copy(), np.inf)
        starts = np.searchsorted(fine.keys, coarse.keys)
        labels = np.repeat(self.labels, np.diff(starts, append=len(fine)))
        return Clusters(self.centroids.copy(), self.sums.copy(), labels, float("inf"))

    def recount(self, before: Points, now: Points) -> None:
        """Correct the sums in place where the same points stand for other numbers of pixels."""
        if before is not now:
            changed = np.flatnonzero(before.sums[:, -1] != now.sums[:, -1])
            change = now.sums[changed] - before.sums[changed]
            np.add.at(self.sums, self.labels[changed], change)

    def __len__(self) -> int:
        return len(self.centroids)


def iterate(points: Points, clusters: Clusters, iterations: int, threads: int) -> None:
    """Improve `clusters` in place by up to `iterations` rounds of assignment and update.

    Ends early where the error no longer falls by `TOLERANCE`. The labels are those of
    the last assignment, exact for the centroids before the last update. Nothing
    depends on `threads`: labels are found point by point, sums are whole numbers.
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
    """Do what `alternate` does, with several threads on each assignment step."""
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
    """Whether iterations over so many points run on one thread."""
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

    The points are divided into `len(moved)` chunks of about as many. `moved[chunk]` gathers
    what each cluster gains less what it loses.
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
    """Add up what has moved and move the centroids: the update step.

    Return the error before the centroids move, less the points' energy. A step that is too
    long and raised the error over the `previous` one is followed by a plain one.
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
    """Move the centroids to the means; return the error less the points' energy."""
    step_towards_means(centroids, cluster_sums, axes, 1.0)
    return error_at(centroids, cluster_sums, axes)


@helper
def has_settled(error: float, previous: float, energy: float) -> bool:
    """Whether an iteration changed the error so little that the next would not pay."""
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
    """Alternate the two steps in place; return the error less `energy`."""
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
    """Return the sum of squared distances less the points' energy.

    For a cluster of n pixels with sum s around c that is n c.c - 2 c.s: no pass over
    the points is needed.
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


@helper
def assign_leaves(
    first: int | np.integer[Any],
    end: int | np.integer[Any],
    coordinates: NDArray[Any],
    point_sums: NDArray[np.int64],
    tree: Tree,
    axes: Axes,
    planar: NDArray[Any],
    labels: NDArray[np.int32],
    moved: NDArray[np.int64],
) -> None:
    """Label the points of leaves `first` to `end` - 1: the assignment step.

    `moved` (K, axes + 1) gathers what each cluster gains less what it loses.
    """
    leaf_starts, parents, centers, widths = tree
    clusters = planar.shape[1]
    everything = np.arange(clusters).astype(np.int32)
    in_top = np.empty(clusters, np.int32)
    in_middle = np.empty(clusters, np.int32)
    in_leaf = np.empty(clusters, np.int32)
    distances = np.empty(max(clusters, LANES), planar.dtype)
    nearest = np.empty(LANES, np.int32)
    top = middle = -1
    top_count = middle_count = 0
    for leaf in range(first, end):
        if parents[leaf] != middle:
            middle = parents[leaf]
            if parents[middle] != top:
                top = parents[middle]
                top_count = narrow(
                    everything, clusters, centers[top], widths[2], axes, planar, distances, in_top
                )
            middle_count = narrow(
                in_top, top_count, centers[middle], widths[1], axes, planar, distances, in_middle
            )
        count = narrow(
            in_middle, middle_count, centers[leaf], widths[0], axes, planar, distances, in_leaf
        )
        for start in range(leaf_starts[leaf], leaf_starts[leaf + 1], LANES):
            if count == 1:
                nearest[:] = in_leaf[0]
            else:
                find_nearest(coordinates, start, in_leaf, count, axes, planar, distances, nearest)
            # Only a point that changes clusters touches the sums. (Not a helper: a call
            # that passes arrays costs 15 ns, several times the work on a point.)
            for point in range(start, min(start + LANES, leaf_starts[leaf + 1])):
                before, label = labels[point], nearest[point - start]
                if label != before:
                    labels[point] = label
                    for column in range(len(axes) + 1):
                        moved[before, column] -= point_sums[point, column]
                        moved[label, column] += point_sums[point, column]


@helper
def narrow(
    candidates: NDArray[np.int32],
    count: int,
    center: NDArray[np.float32],
    width: np.float32,
    axes: Axes,
    planar: NDArray[Any],
    distances: NDArray[Any],
    kept: NDArray[np.int32],
) -> int:
    """Copy to `kept` the candidates that are nearest somewhere in a cell; return how many.

    With m the center of the cell and z the candidate nearest to m, any point m + u of
    the cell has |u| <= width / 2 on each axis. So a candidate c is nowhere nearer than
    z if |m - c|^2 - width (|c - z| summed over the axes) > |m - z|^2.
    """
    for i in range(count):
        c = candidates[i]
        red = planar[0, c] - center[0]
        green = planar[1, c] - center[1]
        blue = planar[2, c] - center[2]
        distances[i] = red * red + green * green + blue * blue
        if len(axes) == 4:
            alpha = planar[3, c] - center[3]
            distances[i] += alpha * alpha
    closest = 0
    smallest = distances[0]
    for i in range(1, count):
        if distances[i] < smallest:
            smallest = distances[i]
            closest = i
    red = planar[0, candidates[closest]]
    green = planar[1, candidates[closest]]
    blue = planar[2, candidates[closest]]
    alpha = planar[len(axes) - 1, candidates[closest]]
    limit = smallest + MARGIN
    found = 0
    for i in range(count):
        c = candidates[i]
        apart = abs(planar[0, c] - red) + abs(planar[1, c] - green) + abs(planar[2, c] - blue)
        if len(axes) == 4:
            apart += abs(planar[3, c] - alpha)
        kept[found] = c
        found += distances[i] - width * apart <= limit
    return found


@helper
def find_nearest(
    coordinates: NDArray[Any],
    start: int,
    candidates: NDArray[np.int32],
    count: int,
    axes: Axes,
    planar: NDArray[Any],
    distances: NDArray[Any],
    nearest: NDArray[np.int32],
) -> None:
    """Find the nearest candidate of `LANES` points, the lowest index where several tie.

    Candidates outside, lanes inside: this order is what compiles to vector code. Two
    candidates at a time halve the traffic; an odd last one is compared with itself.
    Between whole-number colours every step is below 2^24, so float32 is exact.
    """
    reds = coordinates[0, start : start + LANES]
    greens = coordinates[1, start : start + LANES]
    blues = coordinates[2, start : start + LANES]
    alphas = coordinates[len(axes) - 1, start : start + LANES]
    for lane in range(LANES):
        distances[lane] = np.inf
    for i in range(0, count, 2):
        first, second = candidates[i], candidates[min(i + 1, count - 1)]
        red_1, green_1, blue_1 = planar[0, first], planar[1, first], planar[2, first]
        red_2, green_2, blue_2 = planar[0, second], planar[1, second], planar[2, second]
        alpha_1, alpha_2 = planar[len(axes) - 1, first], planar[len(axes) - 1, second]
        for lane in range(LANES):
            red = reds[lane] - red_1
            green = greens[lane] - green_1
            blue = blues[lane] - blue_1
            distance_1 = red * red + green * green + blue * blue
            red = reds[lane] - red_2
            green = greens[lane] - green_2
            blue = blues[lane] - blue_2
            distance_2 = red * red + green * green + blue * blue
            if len(axes) == 4:
                alpha = alphas[lane] - alpha_1
                distance_1 += alpha * alpha
                alpha = alphas[lane] - alpha_2
                distance_2 += alpha * alpha
            smaller = distance_2 if distance_2 < distance_1 else distance_1
            winner = second if distance_2 < distance_1 else first
            nearer = smaller < distances[lane]
            distances[lane] = smaller if nearer else distances[lane]
            nearest[lane] = winner if nearer else nearest[lane]
