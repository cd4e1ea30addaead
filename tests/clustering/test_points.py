import numpy as np
import oracle
import pytest

from clustering.images import of_channels
from kmq.clustering import Histogram
from kmq.clustering.points import LEVELS, coarsen, count_cells, distinct_colors, with_heavy_clear


@pytest.mark.parametrize("bits", [0, 1, 2, 3, 8])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (37, 11)])
@pytest.mark.parametrize("channels", [3, 4])
def test_points_carry_the_sums_of_their_cells(channels, height, width, bits):
    histogram = Histogram.of_pixels(of_channels(channels, height, width, seed=bits))
    expected = oracle.cell_sums(histogram.colors, histogram.counts, bits)
    colors = distinct_colors(histogram)
    points = coarsen(colors, bits)
    assert np.array_equal(points.sums, expected)
    if channels == 3 or bits > 0:  # with alpha, colours may share a cell of 0 bits
        assert len(points) == count_cells(colors, bits)
    assert np.array_equal(points.total, expected.sum(axis=0))
    means = expected[:, :-1] / expected[:, -1:]
    assert np.allclose(points.coordinates[:, : len(points)].T, means)
    assert np.isclose(points.energy, (means**2 * expected[:, -1:]).sum())


@pytest.mark.parametrize("bits", [0, 2])
@pytest.mark.parametrize("channels", [3, 4])
def test_each_cell_of_the_tree_contains_what_lies_in_it(channels, bits):
    pixels = of_channels(channels, 41, 43, seed=9)
    points = coarsen(distinct_colors(Histogram.of_pixels(pixels)), bits)
    tree = points.tree
    colors = points.coordinates[:, : len(points)].T
    cells = np.repeat(np.arange(len(tree.leaf_starts) - 1), np.diff(tree.leaf_starts))
    for level in range(LEVELS):
        assert (np.abs(colors - tree.centers[cells]) <= tree.widths[level] / 2).all()
        cells = tree.parents[cells]
    assert (cells == -1).all()


def test_heavy_clear_points_change_no_mean():
    points = distinct_colors(Histogram.of_pixels(of_channels(4, 13, 17, seed=2)))
    heavy = with_heavy_clear(points)
    clear = points.coordinates[3, : len(points)] == 0
    assert 0 < np.count_nonzero(clear) < len(points)
    assert np.array_equal(heavy.sums[:, :4], points.sums[:, :4])
    assert np.array_equal(heavy.sums[:, 4], points.sums[:, 4] * np.where(clear, 2**16, 1))
    assert np.array_equal(heavy.total, heavy.sums.sum(axis=0))
