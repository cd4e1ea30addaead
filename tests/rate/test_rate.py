from __future__ import annotations

import numpy as np
import pytest
from clustering.images import of_channels

import kmq
from kmq import alpha, clustering, rate
from kmq.container.modelled import model
from kmq.container.modelled.surroundings import Surroundings
from kmq.rate import costs, refitting, stripes, surroundings
from rate import twin

SHAPES = [(1, 1), (1, 9), (9, 1), (2, 2), (3, 5), (7, 4)]


def plane_like(height, width, colors, seed=0, channels=3):
    """Return noisy pixels, a palette of colours, and each pixel's nearest."""
    pixels = of_channels(channels, height, width, seed + 17 * height + width)
    palette = of_channels(channels, 1, colors, seed + 5)[0]
    if channels == 4:
        palette[-1] = 1, 2, 3, 100
    return pixels, clustering.apply(pixels, kmq.Palette(palette))


def go_through(stripe, entries, multiplier, cap, passes):
    """Sweep backward and forward by turns."""
    for number in range(passes):
        stripe.sweep(entries, multiplier, cap, is_backward=number % 2 == 0)


def partitions(count):
    """Yield every way in which so many things can be equal or different."""
    if count == 0:
        yield ()
        return
    for rest in partitions(count - 1):
        for label in range(max(rest, default=-1) + 2):
            yield (*rest, label)


def test_guesses_and_equality_bits_are_those_of_the_coder_for_all_neighbours():
    cases = list(partitions(8))
    assert len(cases) == 4140  # the Bell number: no case is left out
    for W, N, NW, NE, WW, NN, NNE, NEE in cases:  # noqa: N806  # neighbours by compass
        near = Surroundings(W, N, NW, NE, WW, NN, NNE, NEE, 0, 0, 0, 0, 0)
        c1, c2 = surroundings.guesses(W, N, NW, NE, WW, NN)
        assert (c1, c2) == model._candidates(near)
        for second in (c2, c1):  # c1 where there are two colours
            pattern = surroundings.pattern_of(W, N, NW, NE, WW, NN, NNE, NEE, c1, second)
            assert pattern == model._equalities(near, c1, second) < surroundings.PATTERNS


def test_a_probability_costs_its_logarithm():
    expected = np.ceil(256 * np.log2(4096 / np.arange(1, 4097)) - 1e-9)
    assert np.array_equal(costs.bits_of()[1:], expected)


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("colors", [2, 3, 6])
@pytest.mark.parametrize(("height", "width"), SHAPES)
def test_passes_choose_what_the_twin_chooses(height, width, colors, channels):
    pixels, nearest = plane_like(height, width, colors, channels=channels)
    palette = nearest.palette
    entries = stripes.entries_of(palette, pixels.shape[2])
    unit = 1 if channels == 3 else alpha.UNITS**2
    multiplier, cap = 300_000 * unit, 40_000 * unit
    stripe = stripes.Stripe.of(pixels, nearest.indices)
    go_through(stripe, entries, multiplier, cap, passes=2)
    plain = (nearest.indices.tolist(), pixels.tolist(), palette.tolist())
    assert stripe.indices.tolist() == twin.stripe_choice(*plain, multiplier, cap, passes=2)


def test_with_many_colours_the_others_share_a_row():
    pixels, nearest = plane_like(12, 11, 1025)
    stripe = stripes.Stripe.of(pixels, nearest.indices)
    assert len(costs.count(stripe.plane, 12, 11, 1025).others) == 1025
    go_through(stripe, stripes.entries_of(nearest.palette, 3), 300_000, 40_000, passes=1)
    plain = (nearest.indices.tolist(), pixels.tolist(), nearest.palette.tolist())
    assert stripe.indices.tolist() == twin.stripe_choice(*plain, 300_000, 40_000, passes=1)
    assert not np.array_equal(stripe.indices, nearest.indices)


@pytest.mark.parametrize("colors", [2, 5, 30])
@pytest.mark.parametrize(("height", "width"), [*SHAPES, (13, 14)])
def test_a_sweep_under_fixed_costs_never_makes_the_sum_of_error_and_bits_larger(
    height, width, colors
):
    pixels, nearest = plane_like(height, width, colors)
    multiplier, cap = 300_000, 30_000
    counted = twin.Model(nearest.indices.tolist(), colors)
    stripe = stripes.Stripe.of(pixels, nearest.indices)
    entries = stripes.entries_of(nearest.palette, 3)
    plain = (pixels.tolist(), nearest.palette.tolist(), counted, multiplier)
    before = twin.objective(stripe.indices.tolist(), *plain)
    fixed = costs.count(stripe.plane, height, width, colors)
    for is_backward in (0, 1, 0):
        stripes.sweep_plane(
            stripe.plane, height, width, stripe.pixels, 3, stripe.nearest, entries,
            fixed.guesses, fixed.others, multiplier, cap, is_backward,
        )  # fmt: skip
        after = twin.objective(stripe.indices.tolist(), *plain)
        assert after <= before
        before = after


@pytest.mark.parametrize("channels", [3, 4])
def test_before_the_refit_no_error_exceeds_the_nearest_entrys_plus_the_cap(channels):
    pixels, nearest = plane_like(40, 33, 12, channels=channels)
    chosen = rate.choose(pixels, nearest, 1024, 40, keeps_palette=True)
    points = alpha.coordinates(pixels)

    def errors(indexed):
        return ((points - alpha.coordinates(indexed.palette)[indexed.indices]) ** 2).sum(axis=2)

    plain = errors(nearest)
    assert not np.array_equal(chosen.indices, nearest.indices)
    assert (errors(chosen) <= plain + rate._CAP * plain.sum() // plain.size).all()
    assert chosen.palette.tolist() == nearest.palette.tolist()


@pytest.mark.parametrize("channels", [3, 4])
def test_the_refit_moves_entries_to_the_mean_of_their_pixels(channels):
    pixels, nearest = plane_like(20, 21, 7, channels=channels)
    stripe = stripes.Stripe.of(pixels, nearest.indices)
    moved = refitting.refitted(nearest.palette, stripe.sums(7))
    for index in range(7):
        inside = pixels[nearest.indices == index]
        mean = alpha.coordinates(inside).mean(axis=0)
        is_opaque = channels == 4 and np.array([2 * (inside[:, 3] == 255).sum() > len(inside)])
        expected = alpha.colors_at(mean[None], is_opaque=is_opaque)[0]
        if channels == 4 and 0 in (nearest.palette[index, 3], expected[3]):
            expected = nearest.palette[index]
        assert np.array_equal(moved[index], expected)


def test_entries_without_pixels_stay_where_they_are():
    palette = np.array([[1, 2, 3], [4, 5, 6]], np.uint8)
    sums = np.array([[0] * 6, [20, 31, 39, 0, 2, 0]])
    assert refitting.refitted(palette, sums).tolist() == [[1, 2, 3], [10, 16, 20]]


def test_clear_pixels_stay_clear():
    pixels = of_channels(4, 30, 31, 3)
    indexed = clustering.quantize(pixels, 9)
    chosen = rate.choose(pixels, indexed, 1024, 30)
    assert chosen != indexed
    assert (chosen.to_rgba()[pixels[..., 3] == 0, 3] == 0).all()


@pytest.mark.parametrize("keeps_palette", [False, True])
@pytest.mark.parametrize("stripe_rows", [1, 7, 40])
def test_any_number_of_threads_makes_the_same_choice(stripe_rows, keeps_palette):
    pixels, nearest = plane_like(40, 33, 12)
    one, two, eight = (
        rate.choose(pixels, nearest, 256, stripe_rows, keeps_palette=keeps_palette, threads=threads)
        for threads in (1, 2, 8)
    )
    assert one == two == eight
    assert one != nearest


def test_stripes_are_chosen_alone():
    pixels, nearest = plane_like(24, 20, 6)
    whole = rate.choose(pixels, nearest, 256, 8, keeps_palette=True)
    error = ((pixels.astype(np.int64) - nearest.to_rgb()) ** 2).sum()
    for first in (0, 8, 16):
        rows = slice(first, first + 8)
        stripe = stripes.Stripe.of(pixels[rows], nearest.indices[rows])
        entries = stripes.entries_of(nearest.palette, 3)
        go_through(stripe, entries, error * 256 // 480, rate._CAP * error // 480, passes=3)
        assert np.array_equal(stripe.indices, whole.indices[rows])


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize(("height", "width"), SHAPES)
@pytest.mark.parametrize("colors", [1, 2, 4])
def test_small_images_come_out_with_used_entries_alone(height, width, colors, channels):
    pixels = of_channels(channels, height, width, 7)
    indexed = clustering.quantize(pixels, colors)
    for effort in ("fast", "default"):
        chosen = rate.choose(pixels, indexed, 1024, 1, effort=effort)
        assert chosen.indices.shape == (height, width)
        assert np.array_equal(np.unique(chosen.indices), np.arange(len(chosen.palette)))
        assert len(chosen.palette) <= len(indexed.palette)


def test_exact_images_and_strength_0_change_nothing():
    pixels = of_channels(3, 9, 8, 1)
    exact = clustering.quantize(pixels, 72)
    assert rate.choose(pixels, exact, 1024, 9) is exact
    indexed = clustering.quantize(pixels, 5)
    assert rate.choose(pixels, indexed, 0, 9) is indexed


@pytest.mark.parametrize(("size", "is_left_alone"), [(20, False), (200, True)])
def test_where_hardly_a_pixel_would_change_none_does(size, is_left_alone):
    pixels = np.full((size, size, 3), 20, np.uint8)
    pixels[:, size // 2 :] = 100
    pixels[size // 2, size // 4] = 52  # a little nearer to 100, among others that are not
    nearest = clustering.apply(pixels, kmq.Palette([[0, 0, 0], [100, 100, 100]]))
    chosen = rate.choose(pixels, nearest, 256, size, keeps_palette=True)
    assert np.count_nonzero(chosen.indices != nearest.indices) == (not is_left_alone)
    assert (chosen is nearest) == is_left_alone


def test_a_given_palette_with_alpha_fits_opaque_pixels():
    pixels = of_channels(3, 19, 18, 4)
    palette = kmq.Palette(of_channels(4, 1, 9, 8)[0])
    nearest = clustering.apply(pixels, palette)
    chosen = rate.choose(pixels, nearest, 512, 19, keeps_palette=True)
    assert chosen.has_alpha
    assert np.array_equal(chosen.palette, palette.colors)


def test_grey_pictures_stay_grey():
    grey = np.repeat(of_channels(3, 30, 31, 2)[..., :1], 3, axis=2)
    chosen = rate.choose(grey, clustering.quantize(grey, 9), 256, 30)
    assert chosen.is_grey_picture


def test_entries_that_meet_become_one():
    pixels = of_channels(3, 30, 31, 2)
    palette = np.array([[0, 0, 0], [90, 90, 90], [200, 200, 200], [200, 200, 200]], np.uint8)
    nearest = clustering.apply(pixels, kmq.Palette(palette))
    indices = nearest.indices.copy()
    indices[:15][indices[:15] == 2] = 3
    merged, places = rate._arranged(palette, indices)
    assert merged.tolist() == palette[:3].tolist()
    assert np.array_equal(merged[places], palette[indices])


@pytest.mark.parametrize("shape", [(40, 1), (1, 40), (5, 7)])
def test_kernels_get_arrays_without_gaps_also_of_a_single_column(monkeypatch, shape):
    given = []
    monkeypatch.setattr(stripes, "add_up", lambda *arrays: given.extend(arrays))
    pixels = np.arange(3 * shape[0] * shape[1], dtype=np.uint8).reshape(*shape, 3)
    stripes.Stripe.of(pixels, np.zeros(shape, np.uint8)).sums(2)
    assert all(each.flags.c_contiguous for each in given if isinstance(each, np.ndarray))
