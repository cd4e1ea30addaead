import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustering.images import noise, six
from kmq import jit, options
from kmq.clustering import apply, histogram, quantize, schedule
from kmq.errors import OptionError
from kmq.image import Palette

EFFORTS = ("fast", "default", "best")


def distinct(colors):
    return len(np.unique(colors.reshape(-1, 3), axis=0))


def assert_nearest(pixels, indexed):
    flat = pixels.reshape(-1, 3).astype(np.int64)
    nearest = oracle.nearest(flat, indexed.palette.astype(np.int64))
    assert np.array_equal(indexed.indices.ravel(), nearest)


@settings(max_examples=30, deadline=None)
@given(
    height=st.integers(1, 13),
    width=st.integers(1, 13),
    levels=st.sampled_from([2, 4, 16, 256]),
    seed=st.integers(0, 99),
    colors=st.integers(1, 40),
    effort=st.sampled_from(EFFORTS),
)
def test_any_image_gets_its_colours_all_distinct_all_used_each_pixel_its_nearest(
    height, width, levels, seed, colors, effort
):
    pixels = noise(height, width, seed, levels)
    indexed = quantize(pixels, colors, effort=effort)
    expected = min(colors, distinct(pixels))
    assert len(indexed.palette) == distinct(indexed.palette) == expected
    assert len(np.unique(indexed.indices)) == expected
    assert_nearest(pixels, indexed)
    if distinct(pixels) <= colors:
        assert np.array_equal(indexed.to_rgb(), pixels)


@pytest.mark.parametrize("effort", EFFORTS)
@pytest.mark.parametrize("colors", [255, 256, 257, 299])
def test_nearly_as_many_entries_as_colours_are_still_distinct_and_used(effort, colors):
    pixels = np.arange(300, dtype=np.uint16)
    pixels = np.stack([pixels % 7, pixels // 7, pixels % 2], axis=1).astype(np.uint8)[None]
    assert distinct(pixels) == 300
    indexed = quantize(pixels, colors, effort=effort)
    assert len(np.unique(indexed.indices)) == len(indexed.palette) == colors
    assert_nearest(pixels, indexed)


def test_a_large_image_is_looked_up_as_a_small_one_is(monkeypatch):
    pixels = noise(19, 23, seed=8)
    small = quantize(pixels, 33)
    monkeypatch.setattr(histogram, "SMALLEST_CUBE_WORK", 1)
    monkeypatch.setattr("kmq.clustering.nearest.SMALLEST_CUBE_WORK", 1)
    assert quantize(pixels, 33) == small


@pytest.mark.parametrize("colors", [16, 190])
def test_threads_do_not_change_a_byte(monkeypatch, colors):
    pixels = noise(11, 19, seed=3)
    monkeypatch.setattr("kmq.clustering.nearest.SMALLEST_CUBE_WORK", 1)
    alone = quantize(pixels, colors, threads=1)
    monkeypatch.setattr(jit, "SMALLEST_PARALLEL_WORK", 0)
    for threads in (2, 3):
        assert quantize(pixels, colors, threads=threads) == alone


def test_applying_a_palette_keeps_it_whole_and_in_order():
    palette = Palette([[255, 255, 255], [0, 0, 0], [0, 0, 0], [128, 128, 128]])
    pixels = np.array([[[1, 1, 1], [64, 64, 64], [250, 250, 250]]], np.uint8)
    indexed = apply(pixels, palette)
    assert np.array_equal(indexed.palette, palette.colors)
    assert indexed.indices.tolist() == [[1, 1, 0]]


def test_no_iterations_over_the_colours_still_give_a_valid_image():
    pixels = noise(30, 30, seed=6)
    indexed = quantize(pixels, 20, max_iter=0)
    assert len(np.unique(indexed.indices)) == 20
    assert_nearest(pixels, indexed)


def test_the_efforts_that_options_allow_are_those_that_there_are():
    assert set(options.EFFORTS) == set(schedule.EFFORTS)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((2, 2), np.uint8),
        np.zeros((2, 2, 2), np.uint8),
        np.zeros((2, 2, 5), np.uint8),
        np.zeros((0, 2, 3), np.uint8),
        np.zeros((2, 2, 3), np.int64),
        np.full((2, 2, 3), np.nan),
    ],
)
def test_what_is_no_image_is_refused_by_name(pixels):
    with pytest.raises(OptionError, match=r"^pixels: expected"):
        quantize(pixels, 2)


# Mean squared errors at 8 and at 40 colours.
RECORDED = {
    "gradient": {
        "fast": (1613.126, 312.563),
        "default": (1612.771, 312.216),
        "best": (1612.771, 312.216),
    },
    "ripples": {
        "fast": (163.558, 26.767),
        "default": (163.618, 26.576),
        "best": (163.618, 26.576),
    },
    "two hues": {
        "fast": (62.113, 11.510),
        "default": (62.013, 11.477),
        "best": (62.013, 11.477),
    },
    "grey": {
        "fast": (172.312, 7.324),
        "default": (171.531, 7.324),
        "best": (171.531, 7.324),
    },
    "dark with sparks": {
        "fast": (6.763, 1.174),
        "default": (6.763, 1.174),
        "best": (6.763, 1.174),
    },
    "speckled": {
        "fast": (2011.521, 626.392),
        "default": (2009.496, 622.742),
        "best": (2009.496, 622.742),
    },
}


@pytest.mark.parametrize("name", six())
@pytest.mark.parametrize("effort", EFFORTS)
def test_the_error_stays_at_or_below_what_was_recorded(name, effort):
    pixels = six()[name]
    for colors, recorded in zip((8, 40), RECORDED[name][effort], strict=True):
        indexed = quantize(pixels, colors, effort=effort)
        assert oracle.mean_squared_error(pixels, indexed) <= recorded + 0.001
