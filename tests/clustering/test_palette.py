from __future__ import annotations

import numpy as np
import oracle
import pytest

from kmq.clustering.palette import arranged, split_in_halves


@pytest.mark.parametrize("count", [1, 2, 3, 5, 16, 17, 100, 257])
def test_colours_are_ordered_as_their_twin_orders_them(count):
    colors = np.random.default_rng(count).integers(0, 256, (count, 3))
    assert np.array_equal(split_in_halves(colors), oracle.halves_in_order(colors))


@pytest.mark.parametrize("fill", [0, 255])
def test_equal_colours_stay_in_their_order(fill):
    colors = np.full((9, 3), fill)
    assert split_in_halves(colors).tolist() == list(range(9))


def test_a_grey_ramp_is_sorted():
    ramp = np.random.default_rng(0).permutation(256).astype(np.uint8)
    assert arranged(np.stack([ramp] * 3, axis=1))[:, 0].tolist() == list(range(256))


def test_arranging_keeps_every_colour():
    colors = np.random.default_rng(1).integers(0, 256, (77, 3), np.uint8)
    assert sorted(arranged(colors).tolist()) == sorted(colors.tolist())
