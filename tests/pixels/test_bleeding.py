from __future__ import annotations

import numpy as np
import pytest

from kmq.pixels.bleeding import bleed, nearest_places


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 23), (17, 1), (13, 29), (31, 31)])
@pytest.mark.parametrize("share", [0.02, 0.3])
def test_each_place_finds_one_that_is_nearest_to_within_a_pixel(height, width, share):
    seen = np.random.default_rng(7).random((height, width)) < share
    seen[height // 2, width // 3] = True
    nearest = nearest_places(seen)
    y, x = np.mgrid[:height, :width]
    found = np.hypot(nearest // width - y, nearest % width - x)
    places = np.argwhere(seen)
    apart = np.hypot(y[..., None] - places[:, 0], x[..., None] - places[:, 1]).min(axis=-1)
    assert seen.reshape(-1)[nearest].all()
    assert (found - apart).max() < 0.3
    assert np.mean(found == apart) > 0.99


def test_clear_pixels_get_the_colour_of_seen_ones_and_stay_clear():
    rgba = np.zeros((5, 9, 4), np.uint8)
    rgba[2, 1] = 200, 10, 20, 255
    rgba[2, 7] = 1, 2, 3, 40
    bled = bleed(rgba)
    assert np.array_equal(bled[..., 3], rgba[..., 3])
    assert (bled[:, :4, :3] == [200, 10, 20]).all()
    assert (bled[:, 5:, :3] == [1, 2, 3]).all()


@pytest.mark.parametrize("alpha", [0, 1, 255])
def test_a_picture_that_is_all_seen_or_all_clear_stays_as_it_is(alpha):
    rgba = np.full((3, 4, 4), alpha, np.uint8)
    assert bleed(rgba) is rgba
