from __future__ import annotations

import numpy as np
import oracle
import pytest

from kmq.clustering import Histogram
from kmq.clustering.lloyd import Clusters
from kmq.clustering.palette import arranged, split_in_halves, whole_number_palette
from kmq.clustering.points import AXES_OF_RGB, AXES_OF_RGBA, distinct_colors


@pytest.mark.parametrize("count", [1, 2, 3, 5, 16, 17, 100, 257])
@pytest.mark.parametrize("axes", [AXES_OF_RGB, AXES_OF_RGBA])
def test_colours_are_ordered_as_their_twin_orders_them(count, axes):
    colors = np.random.default_rng(count).integers(-256, 256, (count, len(axes)))
    assert np.array_equal(split_in_halves(colors, axes), oracle.halves_in_order(colors))


def test_the_order_of_the_largest_palette_overflows_nowhere():
    # As far apart as colours can be: half of them clear, half opaque white.
    colors = np.zeros((65_536, 4), np.uint8)
    colors[::2] = 255
    assert np.array_equal(arranged(colors)[:, 3], np.repeat([0, 255], 32_768).astype(np.uint8))


def test_colours_with_alpha_are_ordered_by_their_coordinates():
    colors = np.random.default_rng(5).integers(0, 256, (100, 4), np.uint8)
    points = np.array([oracle.coordinates(color) for color in colors]) // 255
    assert np.array_equal(arranged(colors), colors[oracle.halves_in_order(points)])


@pytest.mark.parametrize("fill", [0, 255])
def test_equal_colours_stay_in_their_order(fill):
    colors = np.full((9, 3), fill)
    assert split_in_halves(colors, AXES_OF_RGB).tolist() == list(range(9))


def test_a_grey_ramp_is_sorted():
    ramp = np.random.default_rng(0).permutation(256).astype(np.uint8)
    assert arranged(np.stack([ramp] * 3, axis=1))[:, 0].tolist() == list(range(256))


def test_arranging_keeps_every_colour():
    colors = np.random.default_rng(1).integers(0, 256, (77, 3), np.uint8)
    assert sorted(arranged(colors).tolist()) == sorted(colors.tolist())


def test_entries_left_over_become_the_colours_of_greatest_error():
    colors = np.array([[0, 0, 0], [0, 0, 1], [9, 9, 90], [0, 200, 0], [200, 0, 0]], np.uint8)
    histogram = Histogram(colors, np.array([3, 1, 1, 2, 5]))
    points = distinct_colors(histogram)
    # Two round to the same colour, and no point is nearest to one of them.
    centroids = np.array([[0, 0, 0.2], [0, 0, 0.4], [50, 50, 50], [255, 255, 255]])
    palette, labels = whole_number_palette(points, Clusters.around(points, centroids), 4, 1)
    assert len(np.unique(palette, axis=0)) == 4
    assert sorted(set(labels.tolist())) == [0, 1, 2, 3]
    assert np.array_equal(labels, oracle.nearest(histogram.colors.astype(int), palette))
    assert {(200, 0, 0), (0, 200, 0)} <= set(map(tuple, palette.tolist()))
