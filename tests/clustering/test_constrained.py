"""Palettes with pinned entries, or in the colours that hardware can show."""

from __future__ import annotations

import numpy as np
import oracle
import pytest
from conftest import needs_jit
from hypothesis import given, settings
from hypothesis import strategies as st

from clustering.images import noise, six
from kmq import jit
from kmq.channel_bits import CHOICES, ChannelBits
from kmq.clustering import Constraint, Histogram, fit, quantize, squared_error
from kmq.clustering.constrained import constrained_start, settle
from kmq.clustering.points import distinct_colors
from kmq.errors import OptionError
from kmq.image import Palette

NO_PINS = np.empty((0, 3), np.uint8)
RED_AND_GREY = np.array([[255, 0, 0], [128, 128, 128]], np.uint8)


def bits(name, pinned=NO_PINS):
    return Constraint(pinned, ChannelBits.of(name))


def shown(colors, name):
    """The colours of few bits: shifted down, then repeated up, one bit at a time."""
    result = np.zeros(colors.shape, int)
    for channel, width in enumerate(map(int, name)):
        number = colors[:, channel].astype(int) >> (8 - width)
        for place in range(8):  # from the highest bit
            bit = number >> (width - 1 - place % width) & 1
            result[:, channel] |= bit << (7 - place)
    return result


def rows(colors):
    return set(map(tuple, np.asarray(colors).tolist()))


def with_clear(pixels):
    rgba = np.concatenate([pixels, np.full((*pixels.shape[:2], 1), 255, np.uint8)], axis=2)
    rgba[::3, ::2, 3] = 0
    rgba[1::4, :, 3] = 90
    return rgba


@pytest.mark.parametrize("name", CHOICES)
def test_levels_are_the_bits_repeated(name):
    every = np.repeat(np.arange(256)[:, np.newaxis], 3, axis=1)
    expected = [sorted(set(channel)) for channel in shown(every, name).T.tolist()]
    assert [list(levels) for levels in ChannelBits.of(name).levels] == expected
    assert [len(levels) for levels in expected] == [1 << int(width) for width in name]
    assert all(levels[0] == 0 and levels[-1] == 255 for levels in expected)


def test_levels_of_565_are_those_that_displays_expand_to():
    red, green, _ = ChannelBits.of(565).levels
    assert red == tuple(v << 3 | v >> 2 for v in range(32))
    assert green == tuple(v << 2 | v >> 4 for v in range(64))


@pytest.mark.parametrize("given", ["888", 5, None, "5656", True, [5, 6, 5]])
def test_other_bits_are_refused(given):
    with pytest.raises(OptionError, match=r"bits: expected one of 565, 555, 444, 332"):
        ChannelBits.of(given)


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(1, 13),
    width=st.integers(1, 13),
    levels=st.sampled_from([2, 16, 256]),
    seed=st.integers(0, 99),
    colors=st.integers(2, 40),
    name=st.sampled_from([None, *CHOICES]),
    pins=st.integers(0, 2),
    clear=st.booleans(),
)
def test_any_image_gets_pins_first_and_entries_that_the_hardware_shows(
    height, width, levels, seed, colors, name, pins, clear
):
    pixels = noise(height, width, seed, levels)
    if clear:
        pixels = with_clear(pixels)
    pinned = np.array([[255, 0, 0], [0, 0, 0]], np.uint8)[:pins]
    constraint = Constraint(pinned, None if name is None else ChannelBits.of(name))
    if clear and pins == colors:
        return
    indexed = quantize(pixels, colors, constraint=constraint)
    palette = indexed.palette
    assert np.array_equal(palette[:pins, :3], pinned)
    assert pins <= len(palette) <= colors
    assert len(rows(palette)) == len(palette)
    assert set(indexed.indices.ravel().tolist()) >= set(range(pins, len(palette)))
    if name is not None:
        assert np.array_equal(palette[:, :3], shown(palette[:, :3], name))
    if not clear:
        flat = pixels.reshape(-1, 3).astype(int)
        nearest = oracle.nearest(flat, palette.astype(int))
        assert np.array_equal(indexed.indices.ravel(), nearest)


def test_colours_that_all_fit_come_through_exactly_beside_the_pins():
    pixels = noise(5, 7, seed=1, levels=2)  # black, white and six more
    indexed = quantize(pixels, 9, constraint=Constraint(RED_AND_GREY))
    assert np.array_equal(indexed.to_rgb(), pixels)
    assert len(indexed.palette) == len(rows(pixels.reshape(-1, 3)) | rows(RED_AND_GREY))


def test_colours_that_the_hardware_shows_come_through_exactly():
    pixels = shown(noise(9, 11, seed=2).reshape(-1, 3), "444").reshape(9, 11, 3).astype(np.uint8)
    indexed = quantize(pixels, 256, constraint=bits("444"))
    assert np.array_equal(indexed.to_rgb(), pixels)


def test_more_colours_than_the_hardware_has_come_to_those_that_help():
    pixels = noise(60, 60, seed=3)
    indexed = quantize(pixels, 300, constraint=bits("332"))
    assert 200 < len(indexed.palette) <= 256


def test_all_entries_may_be_pinned():
    pixels = noise(6, 7, seed=4)
    indexed = quantize(pixels, 2, constraint=Constraint(RED_AND_GREY))
    assert np.array_equal(indexed.palette, RED_AND_GREY)
    assert np.array_equal(
        indexed.indices.ravel(), oracle.nearest(pixels.reshape(-1, 3).astype(int), RED_AND_GREY)
    )


def test_pins_of_colours_that_no_pixel_has_are_kept_unused():
    pixels = noise(20, 20, seed=5) // 4  # dark
    pinned = np.array([[255, 255, 255], [0, 255, 255]], np.uint8)
    indexed = quantize(pixels, 6, constraint=Constraint(pinned))
    assert np.array_equal(indexed.palette[:2], pinned)
    assert set(indexed.indices.ravel().tolist()) == {2, 3, 4, 5}


@pytest.mark.parametrize("constraint", [Constraint(RED_AND_GREY), bits("565"), bits("332")])
def test_clear_pixels_stay_clear(constraint):
    pixels = with_clear(noise(24, 18, seed=6))
    found = quantize(pixels, 8, constraint=constraint).to_rgba()
    assert (found[pixels[..., 3] == 0, 3] == 0).all()


def test_pins_that_leave_no_entry_for_clear_pixels_are_refused():
    with pytest.raises(OptionError, match=r"pinned: 2 of 2 colours leave none for the transp"):
        quantize(with_clear(noise(6, 6, seed=7)), 2, constraint=Constraint(RED_AND_GREY))


@pytest.mark.parametrize("constraint", [Constraint(RED_AND_GREY), bits("565"), bits("332")])
def test_threads_do_not_change_a_byte(monkeypatch, constraint):
    pixels = noise(31, 29, seed=8)
    alone = quantize(pixels, 24, constraint=constraint, threads=1)
    monkeypatch.setattr(jit, "SMALLEST_PARALLEL_WORK", 0)
    for threads in (2, 3):
        assert quantize(pixels, 24, constraint=constraint, threads=threads) == alone


def test_a_constraint_that_allows_everything_changes_nothing():
    pixels = noise(31, 29, seed=9)
    assert quantize(pixels, 24, constraint=Constraint(NO_PINS)) == quantize(pixels, 24)


@pytest.mark.parametrize("name", ["565", "444", "332"])
@pytest.mark.parametrize("colors", [6, pytest.param(40, marks=needs_jit)])
def test_the_error_is_at_most_that_of_entries_rounded_afterwards(name, colors):
    constraint = bits(name)
    for pixels in six().values():
        histogram = Histogram.of_pixels(pixels)
        free = fit(histogram, colors).colors.astype(float)
        rounded = Palette(np.unique(constraint.colors_at(free), axis=0))
        found = fit(histogram, colors, constraint=constraint)
        error, other = (squared_error(histogram, each) for each in (found, rounded))
        assert error <= other


@pytest.mark.parametrize("colors", [6, pytest.param(40, marks=needs_jit)])
def test_the_error_is_at_most_that_of_pins_put_beside_the_rest(colors):
    for pixels in six().values():
        histogram = Histogram.of_pixels(pixels)
        beside = np.concatenate([RED_AND_GREY, fit(histogram, colors - 2).colors])
        found = fit(histogram, colors, constraint=Constraint(RED_AND_GREY))
        error, other = (squared_error(histogram, each) for each in (found, Palette(beside)))
        assert error <= other


@pytest.mark.parametrize("name", [None, "565", "332"])
def test_settling_is_the_textbooks_iteration_with_entries_held_in_place(name):
    pixels = noise(13, 17, seed=10)
    points = distinct_colors(Histogram.of_pixels(pixels))
    colors, counts = points.coordinates[:, : len(points)].T.astype(float), points.sums[:, -1]
    constraint = Constraint(RED_AND_GREY, None if name is None else ChannelBits.of(name))
    start = np.random.default_rng(0).integers(0, 256, (9, 3)).astype(float)
    clusters = constrained_start(points, start, constraint)
    settle(points, clusters, constraint, 3, 1)

    entries, labels = np.concatenate([RED_AND_GREY, start]), None
    for iteration in range(3):
        if iteration > 0:
            entries[2:] = oracle.weighted_means(colors, counts, labels, entries)[2:]
        if name is not None:
            grid = np.array(np.meshgrid(*ChannelBits.of(name).levels)).T.reshape(-1, 3)
            entries[2:] = [
                grid[((grid - entry) ** 2).sum(axis=1).argmin()] for entry in entries[2:]
            ]
        labels = oracle.nearest(colors, entries)
    assert np.array_equal(clusters.labels, labels)
    assert np.allclose(clusters.centroids, entries)
    error = (counts * ((colors - entries[labels]) ** 2).sum(axis=1)).sum()
    assert clusters.error == pytest.approx(error)
