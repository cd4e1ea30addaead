from __future__ import annotations

import io
import math
import sys

import numpy as np
import pytest
from PIL import Image

import kmq
from kmq import comparison, quality
from kmq.comparison import compare
from kmq.errors import OptionError
from kmq.options import Options


@pytest.fixture(scope="module")
def picture():
    return np.random.default_rng(0).integers(0, 256, (12, 17, 3), np.uint8)


@pytest.fixture(scope="module")
def rows(picture):
    return compare(picture, (2, 9, 300), Options(threads=2))


def test_there_is_a_row_for_each_number_of_colours_in_the_order_given(picture):
    assert [row.colors for row in compare(picture, (9, 2), Options())] == [9, 2]


def test_the_numbers_are_the_librarys(picture, rows):
    for row in rows[:2]:
        assert row.indexed == kmq.quantize(picture, row.colors)
        assert row.packed_bytes == len(kmq.encode(picture, row.colors, coding="packed"))
        assert row.modelled_bytes == len(kmq.encode(picture, row.colors))
        assert row.to_dict(file_bytes=1800)["share"] == row.modelled_bytes / 1800
        assert row.psnr == quality.psnr(picture, row.indexed)
        assert row.ssim == quality.ssim(picture, row.indexed)
        assert row.seconds > 0


def test_the_theoretical_count_is_that_of_the_head(picture, rows):
    for row in rows:
        head = kmq.info(kmq.encode(row.indexed))
        assert row.theoretical_bytes == pytest.approx(head.theoretical_bits / 8)


def test_an_image_of_fewer_colours_says_how_many_there_are(picture, rows):
    assert rows[2].colors == 300
    assert rows[2].used == len(np.unique(picture.reshape(-1, 3), axis=0))
    assert rows[2].is_exact
    assert rows[2].psnr == math.inf
    assert rows[2].ssim == pytest.approx(1)


def test_options_reach_the_clustering(picture):
    [row] = compare(picture, (9,), Options(effort="best", seed=5, max_iter=2))
    assert row.indexed == kmq.quantize(picture, 9, effort="best", seed=5, max_iter=2)


def test_targets_of_the_options_are_left_aside(picture):
    [row] = compare(picture, (9,), Options(colors=3, psnr=99))
    assert row.used == 9


def test_a_number_of_colours_out_of_range_is_refused(picture):
    with pytest.raises(OptionError, match="colors"):
        compare(picture, (2, 0), Options())


def test_the_peers_hold_the_same_pixels(monkeypatch, random_indexed):
    saved = {}
    save = Image.Image.save

    def keep(image, file, **how):
        save(image, file, **how)
        saved[how["format"]] = file.getvalue()

    monkeypatch.setattr(Image.Image, "save", keep)
    indexed = random_indexed(9, 12, 17)
    assert comparison.png_bytes(indexed) == len(saved["PNG"])
    assert comparison.webp_bytes(indexed) == len(saved["WEBP"])
    for data in saved.values():
        with Image.open(io.BytesIO(data)) as image:
            assert np.array_equal(np.asarray(image.convert("RGB")), indexed.to_rgb())


@pytest.mark.parametrize(("colors", "is_held"), [(256, True), (257, False)])
def test_a_png_has_at_most_256_colours(random_indexed, colors, is_held):
    assert (comparison.png_bytes(random_indexed(colors, 30, 30)) is not None) is is_held


def test_an_image_too_wide_for_webp_has_no_size_there(random_indexed):
    assert comparison.webp_bytes(random_indexed(2, 1, 16_383)) is not None
    assert comparison.webp_bytes(random_indexed(2, 1, 16_384)) is None


def test_without_scikit_image_there_is_no_ssim(monkeypatch, picture):
    monkeypatch.setattr(comparison, "find_spec", lambda _: None)
    monkeypatch.setitem(sys.modules, "skimage.metrics", None)
    [row] = compare(picture, (9,), Options())
    assert row.ssim is None
