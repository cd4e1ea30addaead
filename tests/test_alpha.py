from __future__ import annotations

import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmq import alpha

samples = st.integers(0, 255)
rgba = st.tuples(samples, samples, samples, samples)


def squared_distance(one, other):
    apart = alpha.coordinates(np.array([one], np.uint8)) - alpha.coordinates(
        np.array([other], np.uint8)
    )
    return int((apart**2).sum())


@given(one=rgba, other=rgba)
def test_the_distance_is_the_mean_over_all_uniform_backgrounds(one, other):
    expected = oracle.mean_distance_over_backgrounds(one, other) * alpha.UNITS**2
    assert squared_distance(one, other) == pytest.approx(expected, rel=1e-9, abs=1e-3)


@given(one=rgba, other=rgba)
def test_between_opaque_colours_the_distance_is_that_of_red_green_and_blue(one, other):
    expected = sum((a - b) ** 2 for a, b in zip(one[:3], other[:3], strict=True))
    assert squared_distance((*one[:3], 255), (*other[:3], 255)) == alpha.UNITS**2 * expected


@given(one=rgba, other=rgba)
def test_all_clear_colours_are_one_point(one, other):
    assert squared_distance((*one[:3], 0), (*other[:3], 0)) == 0


def test_a_composite_is_rounded_to_nearest():
    rgb, alphas = np.mgrid[0:256, 0:256].astype(np.uint8)
    shown = alpha.composite(np.stack([rgb] * 3, axis=-1), alphas, (0, 100, 255))
    for channel, behind in enumerate((0, 100, 255)):
        exact = (rgb.astype(float) * alphas + behind * (255.0 - alphas)) / 255
        assert np.array_equal(shown[..., channel], np.rint(exact))
