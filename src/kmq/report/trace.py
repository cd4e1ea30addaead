"""The error of each iteration of plain Lloyd, compared with the error that kmq's search reaches.

kmq searches on coarse points first and takes longer steps, so it has no simple sequence of
errors. The page therefore shows the textbook's algorithm: k-means++ draws the centroids, then
every iteration assigns each distinct colour to its nearest centroid and moves each centroid to
the mean of its pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kmq import alpha, clustering
from kmq.clustering import Histogram
from kmq.clustering.lloyd import Clusters, iterate
from kmq.clustering.points import Points, distinct_colors
from kmq.clustering.seeding import draw_far_apart, random_numbers
from kmq.image import Palette

ITERATIONS = 30

MOST_COLORS = 1024
"""The most colours, because drawing a start visits all distinct colours for each centroid."""


@dataclass(frozen=True)
class Trace:
    """Mean squared errors per pixel in 8-bit RGB.

    Attributes
    ----------
    colors
        K.
    errors : (ITERATIONS + 1,) float64
        The error of the drawn centroids, then the error after each iteration.
    reached
        The error of kmq's palette, with entries rounded to whole numbers.
    """

    colors: int
    errors: NDArray[np.float64]
    reached: float


def trace(histogram: Histogram, found: Palette, seed: int, threads: int) -> Trace:
    """Return the errors of plain Lloyd with the same number of colours as kmq's palette."""
    points = distinct_colors(histogram)
    start = drawn_centroids(points, len(found), seed)
    clusters = Clusters.around(points, start)
    # The drawn centroids are colours of the image, so they form a palette.
    totals = [float(clustering.squared_error(histogram, Palette(alpha.colors_at(start)), threads))]
    unit = alpha.UNITS**2 if histogram.has_alpha else 1
    for _ in range(ITERATIONS):
        iterate(points, clusters, 1, threads)
        totals.append(clusters.error / unit)
    reached = float(clustering.squared_error(histogram, found, threads))
    pixels = histogram.pixel_count
    return Trace(len(found), np.array(totals) / pixels, reached / pixels)


def drawn_centroids(points: Points, count: int, seed: int) -> NDArray[np.float64]:
    """Return `count` colours drawn by k-means++, (count, 3), the same for the same seed."""
    numbers = random_numbers(seed, 0)
    shares = np.array([next(numbers) for _ in range(count)])
    return draw_far_apart(points.coordinates, points.sums, points.axes, shares)
