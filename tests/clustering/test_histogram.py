import pickle

import numpy as np
import oracle
import pytest

from clustering.images import noise, of_channels, translucent
from kmq.alpha import with_alpha
from kmq.clustering import Histogram, fit, histogram, morton
from kmq.clustering.counting import SMALLEST_TABLE
from kmq.clustering.counts import MAX_PIXEL_COUNT, MAX_PIXEL_COUNT_WITH_ALPHA
from kmq.errors import OptionError

AWKWARD = [(1, 1), (1, 97), (97, 1), (31, 33), (13, 19)]


@pytest.fixture(params=["sorting", "the cube"])
def either_way(request, monkeypatch):
    smallest = 1 if request.param == "the cube" else 1 << 30
    monkeypatch.setattr(histogram, "SMALLEST_CUBE_WORK", smallest)


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize(("height", "width"), AWKWARD)
@pytest.mark.parametrize("levels", [2, 256])
@pytest.mark.parametrize("channels", [3, 4])
def test_keys_and_counts_are_those_of_a_plain_count(channels, height, width, levels):
    pixels = of_channels(channels, height, width, seed=height, levels=levels)
    keys, counts = oracle.histogram(pixels)
    counted = Histogram.of_pixels(pixels)
    assert np.array_equal(counted.keys, keys)
    assert np.array_equal(counted.counts, counts)


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize("count", [254, 255, 256, 510, 511, 765, 1021])
def test_counts_beyond_a_byte_are_exact(count):
    pixels = np.zeros((1, count + 3, 3), np.uint8)
    pixels[0, -3:] = 255
    assert Histogram.of_pixels(pixels).counts.tolist() == [count, 3]


@pytest.mark.parametrize("channels", [3, 4])
def test_keys_decode_to_the_colours_that_made_them(channels):
    colors = of_channels(channels, 29, 31, seed=1).reshape(-1, channels)
    keys = morton.encode(colors)
    assert keys.tolist() == [oracle.color_key(color) for color in colors]
    assert np.array_equal(morton.decode(keys), colors)


def test_more_colours_than_a_hash_table_begins_with_are_counted():
    red, green, alpha = np.mgrid[0:256:8, 0:256:8, 1:256:50]
    lattice = np.stack([red, green, green, alpha], axis=-1).reshape(1, -1, 4).astype(np.uint8)
    pixels = np.concatenate([lattice, lattice, lattice[:, ::-3]], axis=1)
    counted = Histogram.of_pixels(pixels)
    assert len(counted) == lattice.shape[1] > SMALLEST_TABLE
    expected, counts = np.unique(pixels.reshape(-1, 4), axis=0, return_counts=True)
    found = dict(zip(map(tuple, counted.colors.tolist()), counted.counts.tolist(), strict=True))
    assert found == dict(zip(map(tuple, expected.tolist()), counts.tolist(), strict=True))


def test_merged_histograms_equal_that_of_the_images_put_together():
    one, other = noise(17, 5, seed=1, levels=8), noise(23, 5, seed=2, levels=8)
    merged = Histogram.merge([Histogram.of_pixels(one), Histogram.of_pixels(other)])
    assert merged == Histogram.of_pixels(np.concatenate([one, other]))
    assert merged.pixel_count == 40 * 5


def test_an_opaque_histogram_merged_with_one_that_has_alpha_has_alpha():
    one, other = noise(17, 5, seed=1, levels=8), translucent(23, 5, seed=2, levels=8)
    other[0, :, 3] = 255  # no clear pixel along the seam
    merged = Histogram.merge([Histogram.of_pixels(one), Histogram.of_pixels(other)])
    assert merged.has_alpha
    assert merged == Histogram.of_pixels(np.concatenate([with_alpha(one), other]))


def test_opaque_pixels_with_an_alpha_are_opaque_pixels():
    pixels = noise(7, 9, seed=3)
    assert Histogram.of_pixels(with_alpha(pixels)) == Histogram.of_pixels(pixels)
    colors, counts = np.full((1, 4), 255, np.uint8), np.array([3])
    assert Histogram(colors, counts) == Histogram(colors[:, :3], counts)


def test_clear_colours_can_be_counted_as_one():
    pixels = translucent(19, 23, seed=4)
    histogram = Histogram.of_pixels(pixels)
    hidden = np.count_nonzero(histogram.is_clear)
    assert hidden > 9
    reduced = histogram.with_clear_as_one()
    pixels[pixels[..., 3] == 0] = 0
    assert np.array_equal(reduced.keys, Histogram.of_pixels(pixels).keys)
    assert np.array_equal(reduced.counts, Histogram.of_pixels(pixels).counts)
    assert len(reduced) == len(histogram) - hidden + 1
    places = reduced.places_of(histogram)
    expected = np.where(histogram.is_clear[:, None], 0, histogram.colors)
    assert np.array_equal(reduced.colors[places], expected)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 9), (9, 1), (11, 13)])
def test_the_pixels_beside_clear_ones_are_summed_by_alpha(height, width):
    pixels = translucent(height, width, seed=6)
    pixels[0, 0, 3] = 0
    expected = np.zeros(4, np.int64)
    for y, x in np.ndindex(height, width):
        around = pixels[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2, 3]
        *rgb, alpha = pixels[y, x].tolist()
        if (around == 0).any():
            expected += [alpha * sample for sample in rgb] + [alpha]
    assert np.array_equal(Histogram.of_pixels(pixels).beside_clear, expected)


def test_a_histogram_survives_pickle():
    for pixels in (noise(5, 7, seed=1), translucent(5, 7, seed=1)):
        histogram = Histogram.of_pixels(pixels)
        again = pickle.loads(pickle.dumps(histogram))
        assert again == histogram
        assert hash(again) == hash(histogram)


def test_colours_given_twice_are_added_up():
    made = Histogram(np.array([[1, 2, 3], [0, 0, 0], [1, 2, 3]], np.uint8), np.array([4, 1, 5]))
    assert made.colors.tolist() == [[0, 0, 0], [1, 2, 3]]
    assert made.counts.tolist() == [1, 9]


def test_a_histogram_cannot_be_changed():
    made = Histogram.of_pixels(noise(3, 3, seed=0))
    with pytest.raises(AttributeError, match="immutable"):
        made.counts = None
    with pytest.raises(ValueError, match="read-only"):
        made.counts[0] = 7


@pytest.mark.parametrize(
    ("colors", "counts", "named"),
    [
        (np.zeros((0, 3), np.uint8), np.zeros(0, int), "colors"),
        (np.zeros((2, 5), np.uint8), np.ones(2, int), "colors"),
        (np.zeros((2, 3), np.float64), np.ones(2, int), "colors"),
        (np.zeros((2, 3), np.uint8), np.ones(3, int), "counts"),
        (np.zeros((2, 3), np.uint8), np.array([1.0, np.nan]), "counts"),
        (np.zeros((2, 3), np.uint8), np.array([1, 0]), "counts"),
        (np.zeros((2, 3), np.uint8), np.array([2**63, 1], np.uint64), "counts"),
        (np.zeros((4, 3), np.uint8), np.full(4, 2**62), "counts"),
        (np.zeros((2, 3), np.uint8), np.array([2**53, 1]), "counts"),
    ],
)
def test_what_is_no_histogram_is_refused_by_name(colors, counts, named):
    with pytest.raises(OptionError, match=f"^{named}: expected"):
        Histogram(colors, counts)


def test_as_many_pixels_as_a_histogram_takes_are_clustered():
    colors = np.arange(15, dtype=np.uint8).reshape(5, 3)
    counts = np.array([2**51, 2**51, 1, 2**51, 2**51 - 1])
    made = Histogram(colors, counts)
    assert made.pixel_count == MAX_PIXEL_COUNT
    assert len(fit(made, 3)) == 3
    with pytest.raises(OptionError, match=r"^histograms: expected at most 2\^53 pixels"):
        Histogram.merge([made, Histogram(colors[:1], counts[2:3])])


def test_with_alpha_fewer_pixels_are_clustered_and_still_exactly():
    colors = np.zeros((6, 4), np.uint8)
    colors[:, 3] = [0, 255, 255, 255, 255, 128]
    colors[1:, 0] = [255, 254, 0, 1, 255]
    counts = np.array([2**45, 2**43, 2**43, 2**43, 2**43, 1])
    made = Histogram(colors, counts - [1, 0, 0, 0, 0, 0])
    assert made.pixel_count == MAX_PIXEL_COUNT_WITH_ALPHA
    palette = fit(made, 3)
    assert sorted(palette.colors[:, 3].tolist()) == [0, 255, 255]
    with pytest.raises(OptionError, match=r"^counts: expected at most 2\^46 pixels"):
        Histogram(colors, counts)


def test_nothing_to_merge_is_refused():
    with pytest.raises(OptionError, match="at least one"):
        Histogram.merge([])
