import numpy as np
import oracle
import pytest

from clustering.images import noise
from kmq.clustering import Histogram, morton
from kmq.clustering.points import LEVELS, coarsen, count_cells, distinct_colors


@pytest.mark.parametrize("bits", [0, 1, 2, 3, 8])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (37, 11)])
def test_points_carry_the_sums_of_their_cells(height, width, bits):
    histogram = Histogram.from_image(noise(height, width, seed=bits))
    expected = oracle.cell_sums(histogram.colors, histogram.counts, bits)
    colors = distinct_colors(histogram)
    points = coarsen(colors, bits)
    assert np.array_equal(points.sums, expected)
    assert len(points) == count_cells(colors, bits)
    assert np.array_equal(points.total, expected.sum(axis=0))
    means = expected[:, :3] / expected[:, 3:]
    assert np.allclose(points.coordinates[:, : len(points)].T, means)
    assert np.isclose(points.energy, (means**2 * expected[:, 3:]).sum())


@pytest.mark.parametrize("bits", [0, 2])
def test_each_cell_of_the_tree_contains_what_lies_in_it(bits):
    points = coarsen(distinct_colors(Histogram.from_image(noise(41, 43, seed=9))), bits)
    tree = points.tree
    colors = morton.decode(points.keys).astype(np.float32)
    cells = np.repeat(np.arange(len(tree.leaf_starts) - 1), np.diff(tree.leaf_starts))
    for level in range(LEVELS):
        assert (np.abs(colors - tree.centers[cells]) <= tree.widths[level] / 2).all()
        cells = tree.parents[cells]
    assert (cells == -1).all()
