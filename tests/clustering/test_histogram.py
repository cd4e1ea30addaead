import numpy as np
import oracle
import pytest

from clustering.images import noise
from kmq.clustering import Histogram, fit, histogram, morton
from kmq.clustering.histogram import MAX_PIXEL_COUNT
from kmq.errors import OptionError

AWKWARD = [(1, 1), (1, 97), (97, 1), (31, 33), (13, 19)]


@pytest.fixture(params=["sorting", "the cube"])
def either_way(request, monkeypatch):
    smallest = 1 if request.param == "the cube" else 1 << 30
    monkeypatch.setattr(histogram, "SMALLEST_CUBE_WORK", smallest)


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize(("height", "width"), AWKWARD)
@pytest.mark.parametrize("levels", [2, 256])
def test_keys_and_counts_are_those_of_a_plain_count(height, width, levels):
    pixels = noise(height, width, seed=height, levels=levels)
    keys, counts = oracle.histogram(pixels)
    counted = Histogram.from_image(pixels)
    assert np.array_equal(counted.keys, keys)
    assert np.array_equal(counted.counts, counts)


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize("count", [254, 255, 256, 510, 511, 765, 1021])
def test_counts_beyond_a_byte_are_exact(count):
    pixels = np.zeros((1, count + 3, 3), np.uint8)
    pixels[0, -3:] = 255
    assert Histogram.from_image(pixels).counts.tolist() == [count, 3]


def test_keys_decode_to_the_colours_that_made_them():
    colors = noise(29, 31, seed=1).reshape(-1, 3)
    keys = morton.encode(colors)
    assert keys.tolist() == [oracle.morton_key(color) for color in colors]
    assert np.array_equal(morton.decode(keys), colors)


def test_merged_histograms_equal_that_of_the_images_put_together():
    one, other = noise(17, 5, seed=1, levels=8), noise(23, 5, seed=2, levels=8)
    merged = Histogram.merge([Histogram.from_image(one), Histogram.from_image(other)])
    assert merged == Histogram.from_image(np.concatenate([one, other]))
    assert merged.pixel_count == 40 * 5


def test_colours_given_twice_are_added_up():
    made = Histogram(np.array([[1, 2, 3], [0, 0, 0], [1, 2, 3]], np.uint8), np.array([4, 1, 5]))
    assert made.colors.tolist() == [[0, 0, 0], [1, 2, 3]]
    assert made.counts.tolist() == [1, 9]


def test_a_histogram_cannot_be_changed():
    made = Histogram.from_image(noise(3, 3, seed=0))
    with pytest.raises(AttributeError, match="immutable"):
        made.counts = None
    with pytest.raises(ValueError, match="read-only"):
        made.counts[0] = 7


@pytest.mark.parametrize(
    ("colors", "counts", "named"),
    [
        (np.zeros((0, 3), np.uint8), np.zeros(0, int), "colors"),
        (np.zeros((2, 4), np.uint8), np.ones(2, int), "colors"),
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


def test_nothing_to_merge_is_refused():
    with pytest.raises(OptionError, match="at least one"):
        Histogram.merge([])
