"""The kernels of dithering beside plain twins, and what holds for every picture."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from test_codec import photo_like

from dithering import twin
from kmq import clustering
from kmq.dithering import DIFFUSION, PATTERN, cells, dither, light
from kmq.image import Palette
from kmq.jit import threads_for_any_work

METHODS = [DIFFUSION, PATTERN]


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def translucent(height, width, seed=0):
    """Clear, opaque and other pixels."""
    rgba = np.dstack([photo_like(height, width, seed), noise(height, width, seed=seed)])
    rgba[..., 3] = np.where(rgba[..., 3] < 60, 0, np.where(rgba[..., 3] > 160, 255, rgba[..., 3]))
    return rgba


def dithered(pixels, palette, strength=224, method=DIFFUSION, threads=1):
    nearest = clustering.apply(pixels, Palette(palette))
    return dither(pixels, nearest, strength, method, threads)


def expected(pixels, palette, strength, method):
    how = twin.diffuse if method == DIFFUSION else twin.in_patterns
    return how(pixels, palette, strength)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 23), (23, 1), (2, 2), (17, 31)])
@pytest.mark.parametrize("colors", [1, 2, 7])
@pytest.mark.parametrize("strength", [1, 224, 256])
def test_opaque_pixels_are_dithered_as_by_the_plain_twin(method, height, width, colors, strength):
    pixels, palette = photo_like(height, width, seed=colors), noise(colors, 3)
    indexed = dithered(pixels, palette, strength, method)
    assert np.array_equal(indexed.indices, expected(pixels, palette, strength, method))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 23), (23, 1), (17, 31)])
@pytest.mark.parametrize("alphas", [(255,), (0, 255), (0, 128, 255), (90,), (0,)])
def test_pixels_with_alpha_are_dithered_as_by_the_plain_twin(method, height, width, alphas):
    pixels, palette = translucent(height, width), noise(9, 4)
    pixels[0, 0, 3] = 77
    palette[:, 3] = np.resize(alphas, 9)
    indexed = dithered(pixels, palette, 224, method)
    assert np.array_equal(indexed.indices, expected(pixels, palette, 224, method))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("alphas", [(90,), (200, 255), (0, 250, 255)])
def test_opaque_pixels_take_opaque_entries_if_there_are_any(method, alphas):
    pixels, palette = photo_like(15, 16), noise(9, 4)
    palette[:, 3] = np.resize(alphas, 9)
    indexed = dithered(pixels, palette, 224, method)
    assert np.array_equal(indexed.indices, expected(pixels, palette, 224, method))
    if 255 in alphas:
        assert (palette[indexed.indices, 3] == 255).all()


@pytest.mark.parametrize("height", [127, 128, 129, 136, 257])
def test_bands_of_rows_are_those_of_the_plain_twin(height):
    pixels, palette = photo_like(height, 5), noise(4, 3)
    indexed = dithered(pixels, palette)
    assert np.array_equal(indexed.indices, expected(pixels, palette, 224, DIFFUSION))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("colors", [2, 256, 300])
def test_threads_change_nothing(method, channels, colors):
    pixels = photo_like(300, 37) if channels == 3 else translucent(300, 37)
    palette = noise(colors, channels)
    one = dithered(pixels, palette, method=method)
    with threads_for_any_work():
        for threads in (2, 8):
            other = dithered(pixels, palette, method=method, threads=threads)
            assert np.array_equal(one.indices, other.indices)


pictures = npst.arrays(
    np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([3, 4]))
)


@given(pictures, st.integers(0, 256), st.sampled_from(METHODS))
@settings(max_examples=40, deadline=None)
def test_a_picture_whose_colours_are_in_the_palette_is_unchanged(pixels, strength, method):
    colors = np.unique(pixels.reshape(-1, pixels.shape[2]), axis=0)
    nearest = clustering.apply(pixels, Palette(colors))
    assert dither(pixels, nearest, strength, method) == nearest


@given(
    pictures,
    npst.arrays(np.uint8, st.tuples(st.integers(1, 20), st.sampled_from([3, 4]))),
    st.integers(0, 256),
    st.sampled_from(METHODS),
)
@settings(max_examples=60, deadline=None)
def test_every_index_is_in_the_palette_and_clear_pixels_stay_as_they_are(
    pixels, palette, strength, method
):
    nearest = clustering.apply(pixels, Palette(palette))
    indexed = dither(pixels, nearest, strength, method)
    assert indexed.indices.max() < len(palette)
    assert indexed.indices.dtype == nearest.indices.dtype
    if pixels.shape[2] == 4:
        clear = pixels[..., 3] == 0
        assert np.array_equal(indexed.indices[clear], nearest.indices[clear])


@pytest.mark.parametrize("method", METHODS)
def test_a_strength_of_0_changes_nothing(method):
    pixels = photo_like(30, 31)
    nearest = clustering.quantize(pixels, 5)
    assert dither(pixels, nearest, 0, method) == nearest


@pytest.mark.parametrize("method", METHODS)
def test_a_grey_between_black_and_white_gets_the_share_of_white_that_shines_as_brightly(method):
    pixels = np.full((64, 64, 3), 188, np.uint8)  # half of full light
    white = dithered(pixels, [[0, 0, 0], [255, 255, 255]], 256, method).indices.mean()
    assert white == pytest.approx(0.5, abs=0.02)


def test_a_pixel_very_near_to_an_entry_keeps_it_and_ends_the_error():
    pixels = np.full((40, 40, 3), 100, np.uint8)
    pixels[:, 20:] = 108  # an eighth of the way from 100 to 164
    indexed = dithered(pixels, [[100] * 3, [164] * 3])
    assert (indexed.indices == 0).all()
    pixels[:, 20:] = 109
    assert (dithered(pixels, [[100] * 3, [164] * 3]).indices[:, :20] == 0).all()
    assert dithered(pixels, [[100] * 3, [164] * 3]).indices[:, 20:].any()


def test_an_edit_changes_nothing_around_it_in_a_pattern():
    pixels, palette = photo_like(20, 21), noise(6, 3)
    before = dithered(pixels, palette, method=PATTERN).indices
    edited = pixels.copy()
    edited[7:9, 11:14] = 255 - edited[7:9, 11:14]
    changed = np.argwhere(dithered(edited, palette, method=PATTERN).indices != before)
    assert len(changed)
    assert (changed >= [7, 11]).all()
    assert (changed < [9, 14]).all()


def test_a_pattern_is_the_same_wherever_an_even_tile_of_the_picture_begins():
    pixels, palette = photo_like(20, 24), noise(6, 3)
    whole = dithered(pixels, palette, method=PATTERN).indices
    tile = dithered(pixels[6:15, 8:19], palette, method=PATTERN).indices
    assert np.array_equal(whole[6:15, 8:19], tile)


def test_the_palette_the_kind_of_picture_and_the_metadata_are_kept():
    pixels = np.repeat(photo_like(20, 21)[..., :1], 3, axis=2)
    nearest = clustering.quantize(pixels, 4)
    assert nearest.is_grey_picture
    indexed = dither(pixels, nearest, 224)
    assert indexed.is_grey_picture
    assert np.array_equal(indexed.palette, nearest.palette)


@pytest.mark.parametrize("colors", [1, 2, 40, 700])
@pytest.mark.parametrize("grid", [cells.RGB, cells.RGBA])
def test_the_lists_of_cells_hold_the_first_of_the_nearest_entries(colors, grid):
    random = np.random.default_rng(colors)
    entries = np.zeros((colors, 4), np.int64)
    high = grid.low + (1 << grid.bits) if grid.low == 0 else -grid.low
    entries[:, :3] = random.integers(grid.low, high, (colors, 3))
    entries[:, 3] = random.integers(0, 1 << grid.fourth_bits, colors)
    entries[colors // 2 :] = entries[: colors - colors // 2]  # some are there twice
    lists = cells.Lists.of(entries, np.ones(colors, np.bool_), grid)
    points = np.zeros((500, 4), np.int64)
    points[:, :3] = random.integers(grid.low, high, (500, 3))
    points[:, 3] = random.integers(0, 1 << grid.fourth_bits, 500)
    along, fourth = grid.counts(grid.cell_bits)
    for point in points:
        red, green, blue = (point[:3] - grid.low) >> grid.cell_bits
        cell = ((red * along + green) * along + blue) * fourth + (point[3] >> grid.cell_bits)
        on_list = lists.candidates[lists.starts[cell] : lists.starts[cell + 1]]
        assert np.argmin(twin.squares(point, entries)) in on_list
        assert (np.diff(on_list.astype(int)) > 0).all()


def test_gaps_are_the_distances_to_the_nearest_other_colours():
    entries = np.random.default_rng(0).integers(0, 20, (60, 4))
    entries = entries[np.argsort(entries[:, 0])]
    entries[7] = entries[6]
    apart = twin.squares(entries[:, None], entries[None])
    apart[apart == 0] = cells.ALONE
    assert np.array_equal(cells.squared_gaps(entries), apart.min(axis=1))
    assert cells.squared_gaps(entries[6:8]).tolist() == [cells.ALONE] * 2


def test_light_is_that_of_the_srgb_curve_and_every_sample_comes_back():
    assert np.array_equal(light.linear(), twin.LINEAR)
    assert np.array_equal(light.levels()[light.linear() >> 2], np.arange(256))
    assert np.array_equal(light.levels(), twin.samples_of(np.arange(0, 65536, 4)))
