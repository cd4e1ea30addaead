"""`init`: K-means from given centroids, without a search."""

from __future__ import annotations

import numpy as np
import pytest
from kmeans import twin

import kmq
from kmq import kmeans
from kmq.errors import OptionError
from kmq.options import Options


def noise(channels=3):
    return np.random.default_rng(5).integers(0, 256, (37, 41, channels), np.uint8)


def error_of(picture, indexed):
    return ((indexed.to_rgb().astype(float) - picture) ** 2).sum()


def test_clusters_far_apart_end_in_their_means():
    corners = np.array([[40, 40, 40], [200, 210, 220], [60, 200, 50]])
    labels = np.random.default_rng(0).integers(0, 3, (19, 23))
    picture = (corners[labels] + np.random.default_rng(1).integers(-9, 10, (19, 23, 3))).astype(
        np.uint8
    )
    found = kmq.quantize(picture, init=corners + 5.5)
    pixels = picture.reshape(-1, 3).astype(float)
    means = twin.run(pixels, corners + 5.5, 9)[-1]
    expected = np.floor(means + 0.5).astype(int)
    assert sorted(found.palette.tolist()) == sorted(expected.tolist())


def test_it_ends_near_the_minimum_that_lloyd_finds_from_there():
    picture = noise()
    pixels = picture.reshape(-1, 3)
    start = kmeans.initial_centroids(pixels, 12, seed=4)
    expected = kmeans.run(pixels, start).error
    found = kmq.quantize(picture, init=start, effort="fast")
    assert found == kmq.quantize(picture, 12, init=start.tolist(), effort="best", seed=9, threads=3)
    assert error_of(picture, found) < 1.01 * expected
    few = kmq.quantize(picture, init=start, max_iter=1)
    assert error_of(picture, found) < error_of(picture, few) < twin.error(pixels, start)


def test_a_poor_start_leads_elsewhere_than_a_search():
    picture = noise()
    start = [[0.0, 0.0, each / 9] for each in range(9)]
    found = kmq.quantize(picture, init=start)
    assert found != kmq.quantize(picture, 9)
    assert len(np.unique(found.palette, axis=0)) == 9
    assert len(np.unique(found.indices)) == 9


def test_all_ways_to_a_palette_start_there():
    picture = noise()
    start = picture[0, :7] / 1.0
    found = kmq.quantize(picture, init=start)
    histogram = kmq.Histogram.from_image(picture)
    assert (kmq.fit(histogram, init=start).colors == found.palette).all()
    assert kmq.load(kmq.encode(picture, init=start)) == found
    equal = np.full(picture.shape[:2], 3)
    assert kmq.quantize(picture, init=start, weights=equal) == found
    equal[0] = 9
    weighted = kmq.quantize(picture, init=start, weights=equal)
    assert error_of(picture, weighted) > error_of(picture, found)
    first_row, weighted_row = found.to_rgb()[0], weighted.to_rgb()[0]
    assert ((weighted_row - 1.0 * picture[0]) ** 2).sum() < (
        (first_row - 1.0 * picture[0]) ** 2
    ).sum()


@pytest.mark.parametrize(("of_picture", "of_init"), [(4, 4), (4, 3), (3, 4)])
def test_alpha_is_255_where_it_is_not_given_and_unseen_where_all_is_opaque(of_picture, of_init):
    picture = noise(of_picture)
    start = noise(4)[3, :6, :of_init]
    found = kmq.quantize(picture, init=start)
    assert len(found.palette) == 6
    assert found.palette.shape[1] == of_picture
    full = np.full((6, 4), 255)
    full[:, :of_init] = start
    assert found == kmq.quantize(picture, init=full if of_picture == 4 else full[:, :3])


def test_colours_that_all_fit_come_through_exactly():
    picture = noise()[:2, :3]
    assert (kmq.quantize(picture, init=np.zeros((6, 3))).to_rgb() == picture).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"colors": 3}, "init: 2 centroids for 3 colours"),
        ({"psnr": 30}, "init: cannot be asked for together with psnr"),
        ({"bits": 565}, "init: cannot be asked for together with bits"),
        ({"pinned": ["red"]}, "init: cannot be asked for together with pinned"),
    ],
)
def test_what_it_does_not_go_with_is_refused(options, message):
    with pytest.raises(OptionError, match=message):
        kmq.quantize(noise(), init=[[0, 0, 0], [9, 9, 9]], **options)


def test_a_target_in_bytes_and_an_image_that_has_its_colours_refuse_it():
    start = [[0, 0, 0]]
    with pytest.raises(OptionError, match="init: cannot be asked for together with max_bytes"):
        kmq.encode(noise(), init=start, max_bytes=999)
    with pytest.raises(OptionError, match="init: an IndexedImage has its colours"):
        kmq.encode(kmq.quantize(noise(), 2), init=start)


@pytest.mark.parametrize(
    "init",
    [
        7, "red", [], [1, 2, 3], [[1, 2]], [[1, 2, 3, 4, 5]], [[1, 2, 3], [1, 2, 3, 4]],
        np.zeros((0, 3)), np.zeros((1, 1, 3)), [[0, 0, np.nan]], [[0, 0, -1]], [[0, 0, 255.5]],
        [[0, 0, np.inf]], [["a", "b", "c"]], [[0, 0, None]], [[0, 0, 1j]], ["abc"],
    ],
)  # fmt: skip
def test_what_are_no_centroids_is_refused(init):
    with pytest.raises(OptionError, match="init: expected"):
        Options(init=init)


def test_options_keep_it_as_tuples():
    assert Options(init=[[255 + 1e-13, -1e-13, 0]]).colors == 1
    options = Options(init=np.array([[1, 2, 3]], np.uint8))
    assert options.init == ((1.0, 2.0, 3.0),)
    assert options.colors == 1
    assert hash(options) == hash(options.with_threads(options.workers))
