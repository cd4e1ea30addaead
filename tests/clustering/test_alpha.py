"""Properties of all images with alpha."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustering.images import noise, translucent
from kmq import jit
from kmq.alpha import UNITS, with_alpha
from kmq.clustering import Histogram, apply, fit, quantize, squared_error
from kmq.clustering.fitting import cluster
from kmq.clustering.lloyd import iterate
from kmq.clustering.points import distinct_colors
from kmq.clustering.schedule import EFFORTS
from kmq.image import Palette

pictures = st.builds(
    translucent,
    height=st.integers(1, 13),
    width=st.integers(1, 13),
    seed=st.integers(0, 99),
    levels=st.sampled_from([2, 4, 16, 256]),
)


def points_of(colors):
    return np.array([oracle.coordinates(color) for color in colors])


def distinct(colors):
    return len(np.unique(colors.reshape(-1, 4), axis=0))


def with_one_clear(pixels):
    """Return the pixels with clear black for every clear colour."""
    return np.where(pixels[..., 3:] == 0, 0, pixels).astype(np.uint8)


@settings(max_examples=40, deadline=None)
@given(pixels=pictures, colors=st.integers(1, 40), effort=st.sampled_from(list(EFFORTS)))
def test_any_image_gets_its_colours_all_used_each_pixel_its_nearest(pixels, colors, effort):
    indexed = quantize(pixels, colors, effort=effort)
    palette = indexed.palette if indexed.has_alpha else with_alpha(indexed.palette)
    shown = distinct(pixels)
    if shown > colors:
        shown = min(colors, distinct(with_one_clear(pixels)))
    assert len(palette) == distinct(palette) == shown
    assert len(np.unique(indexed.indices)) == shown
    nearest = oracle.nearest(points_of(pixels.reshape(-1, 4)), points_of(palette))
    assert np.array_equal(points_of(palette)[indexed.indices.ravel()], points_of(palette)[nearest])
    if distinct(pixels) > colors:
        assert np.array_equal(indexed.indices.ravel(), nearest)


@settings(max_examples=40, deadline=None)
@given(pixels=pictures, colors=st.integers(1, 40), effort=st.sampled_from(list(EFFORTS)))
def test_no_clear_pixel_gains_alpha(pixels, colors, effort):
    shown = quantize(pixels, colors, effort=effort).to_rgba()
    assert (shown[pixels[..., 3] == 0, 3] == 0).all()


@pytest.mark.parametrize("colors", [1, 2, 7])
def test_one_clear_pixel_among_many_stays_clear(colors):
    pixels = with_alpha(noise(40, 50, seed=9))
    pixels[17, 31, 3] = 0
    assert quantize(pixels, colors).to_rgba()[17, 31, 3] == 0


@settings(max_examples=40, deadline=None)
@given(pixels=pictures)
def test_as_many_colours_as_there_are_come_through_exactly_hidden_ones_too(pixels):
    indexed = quantize(pixels, distinct(pixels))
    assert np.array_equal(indexed.to_rgba(), pixels)


@settings(max_examples=40, deadline=None)
@given(pixels=pictures)
def test_as_many_colours_as_can_be_seen_come_through_exactly(pixels):
    shown = quantize(pixels, distinct(with_one_clear(pixels))).to_rgba()
    assert np.array_equal(with_one_clear(shown), with_one_clear(pixels))


@settings(max_examples=40, deadline=None)
@given(pixels=pictures, colors=st.integers(1, 40))
def test_the_error_that_is_reported_is_that_of_a_recount(pixels, colors):
    indexed = quantize(pixels, colors)
    palette = Palette(indexed.palette)
    apart = points_of(pixels.reshape(-1, 4)) - points_of(indexed.to_rgba().reshape(-1, 4))
    expected = Fraction(int((apart**2).sum()), UNITS**2)
    assert squared_error(Histogram.of_pixels(pixels), palette) == expected


@pytest.mark.parametrize("bits", [3, 5])
def test_the_error_of_a_search_is_that_of_a_recount(bits):
    # Faint colours share Morton keys, so their labels could be confused.
    pixels = translucent(40, 41, seed=3)
    pixels[..., 3] >>= 8 - bits
    points = distinct_colors(Histogram.of_pixels(pixels).with_clear_as_one())
    assert len(np.unique(points.keys)) < len(points)
    clusters = cluster(points, 9, EFFORTS["default"], 0, threads=1)
    sums = oracle.cluster_sums(points.sums, clusters.labels, 9)
    assert np.array_equal(clusters.sums, sums)
    iterate(points, clusters, 1, threads=1)
    means = points.coordinates[:, : len(points)].T
    apart = means - clusters.centroids[clusters.labels]
    assert clusters.error == pytest.approx((points.sums[:, 4] @ apart**2).sum(), rel=1e-6)


def test_opaque_pixels_with_an_alpha_are_quantized_as_without():
    pixels = noise(13, 17, seed=2)
    assert quantize(with_alpha(pixels), 9) == quantize(pixels, 9)


def test_an_entry_most_of_whose_pixels_are_opaque_is_opaque():
    # Three opaque reds and one nearly so, which a mean would make all translucent.
    pixels = np.zeros((2, 4, 4), np.uint8)
    pixels[0] = [[200, 0, 0, 255], [202, 0, 0, 255], [204, 0, 0, 255], [202, 0, 0, 211]]
    shown = quantize(pixels, 2).to_rgba()
    assert (shown[0, :, 3] == 255).all()
    assert (shown[1, :, 3] == 0).all()


def test_a_clear_entry_hides_the_mean_of_the_pixels_beside_it():
    pixels = translucent(9, 11, seed=7, levels=16)
    pixels[pixels[..., 3] == 0, :3] = [1, 2, 3]
    palette = quantize(pixels, 6).palette
    sums = Histogram.of_pixels(pixels).beside_clear
    expected = np.floor(sums[:3] / sums[3] + 0.5).astype(int).tolist()
    assert palette[palette[:, 3] == 0].tolist() == [[*expected, 0]]


def test_without_a_picture_a_clear_entry_hides_the_mean_of_what_is_seen():
    colors = np.array([[9, 9, 9, 0], [100, 0, 50, 255], [40, 60, 0, 85], [7, 7, 7, 0]], np.uint8)
    palette = fit(Histogram(colors, np.array([5, 1, 3, 2])), 3).colors
    assert palette[palette[:, 3] == 0].tolist() == [[70, 30, 25, 0]]


def test_a_clear_image_of_hidden_colours_becomes_one_clear_colour():
    pixels = translucent(5, 7, seed=1)
    pixels[..., 3] = 0
    assert quantize(pixels, 3).palette.tolist() == [[0, 0, 0, 0]]


def test_a_palette_that_is_fitted_is_that_of_the_quantized_image():
    pixels = translucent(23, 29, seed=5)
    fitted = fit(Histogram.of_pixels(pixels), 12)
    assert np.array_equal(fitted.colors, quantize(pixels, 12).palette)


@pytest.mark.parametrize("colors", [16, 190])
def test_threads_do_not_change_a_byte(monkeypatch, colors):
    pixels = translucent(19, 23, seed=3)
    alone = quantize(pixels, colors, threads=1)
    monkeypatch.setattr(jit, "SMALLEST_PARALLEL_WORK", 0)
    for threads in (2, 8):
        assert quantize(pixels, colors, threads=threads) == alone


@pytest.mark.parametrize("of_pixels", [True, False])
def test_a_palette_is_applied_where_only_one_side_has_alpha(of_pixels):
    pixels, entries = translucent(13, 17, seed=1), translucent(1, 9, seed=2)[0]
    (pixels if not of_pixels else entries)[..., 3] = 255
    given_pixels = pixels if of_pixels else np.ascontiguousarray(pixels[..., :3])
    indexed = apply(given_pixels, Palette(entries))
    nearest = oracle.nearest(points_of(pixels.reshape(-1, 4)), points_of(entries))
    assert np.array_equal(indexed.indices.ravel(), nearest)
    assert np.array_equal(indexed.to_rgba().reshape(-1, 4), entries[nearest])
