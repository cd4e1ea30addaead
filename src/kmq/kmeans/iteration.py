"""Lloyd's algorithm: both steps in alternation, until no centroid moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kmq.kmeans.checks import checked_points
from kmq.kmeans.steps import means, nearest
from kmq.limits import whole_number
from kmq.threads import thread_count

Value = TypeVar("Value", bound=np.generic)


@dataclass(frozen=True, eq=False)
class Iteration:
    """The centroids after an iteration, or at the start.

    Attributes
    ----------
    centroids : (K, d) float64, read-only
    error : float
        Sum over the points of the squared distance to the nearest of these centroids.
    moved : float
        The longest distance that a centroid moved in this iteration; 0 at the start.
    empty : tuple of int
        The clusters without points, whose centroids therefore did not move. Empty at the
        start.
    """

    centroids: NDArray[np.float64]
    error: float
    moved: float = 0.0
    empty: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Result:
    """The result of `run`.

    Attributes
    ----------
    labels : (n,) int32, read-only
        The nearest of the last centroids to each point.
    history : tuple of Iteration
        The start, then one entry per iteration.
    has_converged : bool
        Whether the last iteration moved no centroid; further ones would not either.
    """

    labels: NDArray[np.int32]
    history: tuple[Iteration, ...]
    has_converged: bool

    @property
    def centroids(self) -> NDArray[np.float64]:
        """The last centroids, (K, d) float64, read-only."""
        return self.history[-1].centroids

    @property
    def error(self) -> float:
        """Sum over the points of the squared distance to the nearest of the last centroids."""
        return self.history[-1].error

    @property
    def empty(self) -> tuple[int, ...]:
        """The clusters without points: no point is nearest to their centroids."""
        used = np.zeros(len(self.centroids), np.bool_)
        used[self.labels] = True
        return tuple(np.flatnonzero(~used).tolist())


def run(
    points: ArrayLike, initial: ArrayLike, max_iterations: int = 300, *, threads: int | None = None
) -> Result:
    """Run Lloyd's algorithm from initial centroids.

    Each iteration moves the centroids to the means of their clusters (`update`) and labels
    each point with its nearest centroid (`assign`). Except for rounding, the error never
    rises. The iterations end when no centroid moves, in a local minimum. A cluster without
    points keeps its centroid and is listed in the history.

    Parameters
    ----------
    points
        (n, d) real numbers, computed with as float64.
    initial
        (K, d) centroids to start from, such as those of `initial_centroids`.
    max_iterations
        At least 0.
    threads
        At least 1; None for the environment's KMQ_NUM_THREADS or all processors. The
        result does not depend on it.

    Raises
    ------
    OptionError
        If a shape is wrong, or a value is NaN, infinite or beyond 1e140.

    Examples
    --------
    >>> from kmq import kmeans
    >>> result = kmeans.run([[1], [2], [9], [10]], initial=[[1], [2]])
    >>> result.centroids.tolist(), result.labels.tolist(), result.error
    ([[1.5], [9.5]], [0, 0, 1, 1], 1.0)
    >>> [each.error for each in result.history]
    [113.0, 14.0, 1.0, 1.0]
    >>> result.has_converged
    True
    """
    checked = checked_points("points", points)
    centroids = checked_points("initial", initial, checked.shape[1])
    max_iterations = whole_number("max_iterations", max_iterations, 0)
    workers = thread_count(threads)
    centroids = _read_only(centroids.copy())  # a copy, because the caller may change the original
    labels, distances = nearest(checked, centroids, workers)
    history = [Iteration(centroids, float(distances.sum()))]
    has_converged = False
    while not has_converged and len(history) <= max_iterations:
        before = centroids
        found, counts = means(checked, _read_only(labels), before, workers)
        centroids = _read_only(found)
        apart = centroids - before
        moved = float(np.sqrt((apart * apart).sum(axis=1).max()))
        has_converged = moved == 0
        if not has_converged:
            labels, distances = nearest(checked, centroids, workers)
        empty = tuple(np.flatnonzero(counts == 0).tolist())
        history.append(Iteration(centroids, float(distances.sum()), moved, empty))
    return Result(_read_only(labels), tuple(history), has_converged)


def _read_only(array: NDArray[Value]) -> NDArray[Value]:
    array.flags.writeable = False
    return array
