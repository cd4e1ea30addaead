"""The initial centroids."""

from __future__ import annotations

import random

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kmq.errors import OptionError
from kmq.kmeans.checks import checked_points
from kmq.limits import whole_number


def initial_centroids(points: ArrayLike, k: int, seed: int) -> NDArray[np.float64]:
    """Return `k` different points, drawn by k-means++, to start `run` from.

    The first is drawn uniformly, and each further one with a probability that is
    proportional to its squared distance from the nearest one drawn before. In expectation the
    error is then within a factor of 8 (ln k + 2) of the optimum, before any iteration.
    (D. Arthur and S. Vassilvitskii, "k-means++: The Advantages of Careful Seeding",
    SODA 2007.)

    Parameters
    ----------
    points
        (n, d) real numbers, computed with as float64, at least `k` of them different.
    k
        At least 1.
    seed
        At least 0. The same seed draws the same points.

    Returns
    -------
    centroids
        (k, d) float64.

    Raises
    ------
    OptionError
        If fewer than `k` points are different, the shape is not (n, d), or a value is NaN,
        infinite or beyond 1e140.

    Examples
    --------
    >>> from kmq import kmeans
    >>> start = kmeans.initial_centroids([[0, 0], [0, 0], [5, 5]], k=2, seed=1)
    >>> sorted(start.tolist())
    [[0.0, 0.0], [5.0, 5.0]]
    """
    checked = checked_points("points", points)
    k = whole_number("k", k, 1, len(checked))
    draws = random.Random(whole_number("seed", seed, 0))
    chosen = [draws.randrange(len(checked))]
    distances = np.full(len(checked), np.inf)
    while len(chosen) < k:
        apart = checked - checked[chosen[-1]]
        distances = np.minimum(distances, (apart * apart).sum(axis=1))
        total = np.cumsum(distances)
        if total[-1] == 0:
            raise OptionError(f"k: {k} different points were asked for, there are {len(chosen)}")
        # The product stays below the total even if it is rounded up, and side="right" skips
        # points of distance 0, so no point is drawn twice.
        place = min(draws.random() * total[-1], np.nextafter(total[-1], 0))
        drawn = np.searchsorted(total, place, side="right")
        chosen.append(int(drawn))
    return checked[chosen]
