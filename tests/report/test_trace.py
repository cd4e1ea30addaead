from __future__ import annotations

import numpy as np
import pytest

from kmq import clustering
from kmq.cli.demo_picture import draw
from kmq.clustering import Histogram
from kmq.clustering.points import distinct_colors
from kmq.report.trace import ITERATIONS, drawn_centroids, trace


@pytest.fixture(scope="module")
def histogram():
    return Histogram.from_image(draw()[::8, ::8])


def plain_lloyd(histogram, centroids, iterations):
    """Return the mean squared error of the centroids, then after each iteration."""
    colors, counts = histogram.colors.astype(float), histogram.counts

    def assigned(centroids):
        squared = ((colors[:, None] - centroids) ** 2).sum(axis=2)
        return squared.argmin(axis=1)

    def error(centroids, labels):
        return ((colors - centroids[labels]) ** 2).sum(axis=1) @ counts / counts.sum()

    errors = [error(centroids, assigned(centroids))]
    for _ in range(iterations):
        labels = assigned(centroids)
        for cluster in range(len(centroids)):
            members = labels == cluster
            if members.any():
                centroids[cluster] = np.average(colors[members], axis=0, weights=counts[members])
        errors.append(error(centroids, labels))
    return errors


@pytest.mark.parametrize("colors", [1, 2, 7])
def test_the_errors_are_those_of_plain_lloyd(histogram, colors):
    found = trace(histogram, clustering.fit(histogram, colors), seed=3, threads=1)
    start = drawn_centroids(distinct_colors(histogram), colors, 3)
    assert found.colors == colors
    assert found.errors == pytest.approx(plain_lloyd(histogram, start.copy(), ITERATIONS), rel=1e-5)


def test_errors_never_rise(histogram):
    errors = trace(histogram, clustering.fit(histogram, 16), seed=0, threads=1).errors
    assert (np.diff(errors) <= 1e-6 * errors[:-1]).all()


def test_what_kmq_reaches_is_the_error_of_its_palette(histogram):
    palette = clustering.fit(histogram, 7)
    reached = trace(histogram, palette, seed=0, threads=1).reached
    total = clustering.squared_error(histogram, palette)
    assert reached == total / histogram.pixel_count


def test_the_seed_draws_the_start(histogram):
    points = distinct_colors(histogram)
    first, again, other = (drawn_centroids(points, 5, seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
