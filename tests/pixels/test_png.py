"""PNG files use the fewest bits for their colours."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest
from PIL import Image

from kmq import IndexedImage, OptionError
from kmq.metadata import Metadata
from kmq.metadata.saving import save_options
from kmq.pixels import indexed_to_file, png, to_file

GREY, RGB, INDEXED = 0, 2, 3
"""Colour types, as the PNG specification numbers them."""


def bit_depth_and_color_type(data):
    return data[24], data[25]


def read_back(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


@pytest.mark.parametrize(
    ("colors", "bits"), [(1, 1), (2, 1), (3, 2), (4, 2), (5, 4), (16, 4), (17, 8), (256, 8)]
)
def test_a_palette_takes_the_fewest_bits_and_has_no_more_entries(random_indexed, colors, bits):
    indexed = random_indexed(colors, 23, 31)
    data = indexed_to_file(indexed, ".png")
    assert bit_depth_and_color_type(data) == (bits, INDEXED)
    chunk = data.index(b"PLTE")
    assert int.from_bytes(data[chunk - 4 : chunk]) == 3 * colors
    assert np.array_equal(read_back(data), indexed.to_rgb())


@pytest.mark.parametrize(
    ("greys", "expected"),
    [
        ([0, 255], (1, GREY)),
        ([0, 85, 255], (2, GREY)),
        (range(0, 256, 17), (4, GREY)),
        ([7], (1, INDEXED)),
        ([3, 70, 200], (2, INDEXED)),
        (range(16), (4, INDEXED)),
        (range(17), (8, GREY)),
    ],
)
def test_greys_take_the_fewest_bits(greys, expected):
    levels = np.random.default_rng(0).permutation(np.resize(np.array(greys, np.uint8), (23, 31)))
    data = to_file(Image.fromarray(levels), ".png")
    assert bit_depth_and_color_type(data) == expected
    assert np.array_equal(read_back(data), np.repeat(levels[..., None], 3, axis=2))


def test_no_way_of_pillow_makes_the_file_smaller(random_indexed):
    stripes = IndexedImage(random_indexed(9, 1, 1).palette, np.arange(60 * 70).reshape(60, 70) % 9)
    for indexed in (random_indexed(200, 60, 70), stripes):
        size = len(indexed_to_file(indexed, ".png"))
        for level in range(10):
            for strategy in range(5):
                file = io.BytesIO()
                indexed.to_pil().save(
                    file,
                    "PNG",
                    compress_level=level,
                    compress_type=strategy,
                    optimize=level == 9,
                    **save_options(Metadata(), "PNG")[0],
                )
                assert size <= len(file.getvalue())


def test_a_large_image_is_compressed_as_some_of_its_rows_are_best(monkeypatch, random_indexed):
    rows, columns = np.mgrid[:300, :200]
    indexed = IndexedImage(random_indexed(9, 1, 1).palette, (rows // 7 + columns // 3) % 9)
    expected = indexed_to_file(indexed, ".png")
    monkeypatch.setattr(png, "_TRIED_PIXELS", 9_999)
    data = indexed_to_file(indexed, ".png")
    assert np.array_equal(read_back(data), indexed.to_rgb())
    assert len(data) <= 1.05 * len(expected)


def test_a_palette_too_large_for_png_loses_the_entries_that_no_pixel_has(random_indexed):
    palette = random_indexed(300, 1, 1).palette
    indexed = IndexedImage(palette, np.arange(60).reshape(6, 10) * 4)
    data = indexed_to_file(indexed, ".png")
    assert bit_depth_and_color_type(data) == (8, INDEXED)
    assert np.array_equal(read_back(data), indexed.to_rgb())
    every = IndexedImage(palette, np.arange(300).reshape(15, 20))
    assert bit_depth_and_color_type(indexed_to_file(every, ".png")) == (8, RGB)


def test_a_palette_that_png_can_hold_is_kept_with_its_unused_entries(random_indexed):
    indexed = IndexedImage(random_indexed(200, 1, 1).palette, np.arange(60).reshape(6, 10) * 3)
    written = Image.open(io.BytesIO(indexed_to_file(indexed, ".png")))
    assert np.array_equal(np.asarray(written), indexed.indices)
    assert bytes(written.getpalette()) == indexed.palette.tobytes()


def test_oxipng_makes_files_smaller_and_keeps_palette_and_indices():
    pytest.importorskip("oxipng")
    rows, columns = np.mgrid[:90, :110]
    palette = np.random.default_rng(0).integers(0, 256, (200, 3), np.uint8)
    indexed = IndexedImage(palette, (rows * rows // 9 + columns * columns // 5) % 190)
    plain = indexed_to_file(indexed, ".png")
    data = indexed_to_file(indexed, ".png", optimize=True)
    assert len(data) < len(plain)
    written = Image.open(io.BytesIO(data))
    assert np.array_equal(np.asarray(written), indexed.indices)
    assert bytes(written.getpalette()) == indexed.palette.tobytes()


def test_what_oxipng_cannot_do_is_reported(random_indexed, monkeypatch):
    image = random_indexed(9, 5, 7)
    with pytest.raises(OptionError, match=r"optimize: .*\.png"):
        indexed_to_file(image, ".gif", optimize=True)
    monkeypatch.setitem(sys.modules, "oxipng", None)
    with pytest.raises(OptionError, match=r"optimize: .*kmq\[optimize\]"):
        png.optimized(b"")
