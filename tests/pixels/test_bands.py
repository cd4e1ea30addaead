"""Bands of a TIFF contain the same pixels as the whole picture."""

from __future__ import annotations

import io
from itertools import product

import numpy as np
import pytest
import tifffile
from PIL import Image

from kmq import FormatError, pixels
from kmq.pixels.bands import TiffBands, regrouped

HEIGHT, WIDTH = 75, 53


def picture(dtype, channels, height=HEIGHT, width=WIDTH):
    """Gradients with some noise, so that predictors and JPEG have something to do."""
    random = np.random.default_rng(channels)
    slopes = np.add.outer(np.arange(height) * 2, np.arange(width))[..., None]
    samples = slopes + random.integers(0, 20, (height, width, channels))
    samples = (samples % 256).astype(dtype)
    return (samples * 257 if dtype == np.uint16 else samples).squeeze()


def tiff(samples, **options):
    stored = io.BytesIO()
    tifffile.imwrite(stored, samples, **options)
    return stored


def check(stored, **treatment):
    """Read a TIFF whole and in bands, and compare."""
    whole = pixels.read(stored, **treatment)
    stored.seek(0)
    bands = TiffBands(stored, **treatment)
    assert (bands.height, bands.width) == whole.rgb.shape[:2]
    assert bands.metadata == whole.metadata
    next_row, has_alpha = 0, whole.rgb.shape[2] == 4
    for first_row, band in bands:
        assert first_row == next_row
        assert len(band.rgb) == min(bands.band_rows, bands.height - first_row)
        next_row += len(band.rgb)
        expected = whole.rgb[first_row:next_row]
        if has_alpha and band.rgb.shape[2] == 3:
            assert (expected[..., 3] == 255).all()
            expected = expected[..., :3]
        assert np.array_equal(band.rgb, expected)
        if whole.indexed is not None:
            assert np.array_equal(band.indexed.palette, whole.indexed.palette)
            assert np.array_equal(band.indexed.indices, whole.indexed.indices[first_row:next_row])
    assert next_row == bands.height
    return bands


@pytest.mark.parametrize(
    ("dtype", "kind", "planar", "tile", "compression", "is_big"),
    [
        case
        for case in product(
            (np.uint8, np.uint16),
            ("minisblack", "miniswhite", "rgb", "rgba"),
            ("contig", "separate"),
            (None, (16, 32)),
            (None, "zlib", "lzw"),
            (False, True),
        )
        if case[1].startswith("rgb") or case[2] == "contig"
    ],
)
def test_a_band_has_the_pixels_of_the_whole(dtype, kind, planar, tile, compression, is_big):
    channels = {"rgb": 3, "rgba": 4}.get(kind, 1)
    samples = picture(dtype, channels)
    if planar == "separate":
        samples = np.moveaxis(samples, 2, 0)
    options = {"extrasamples": ["unassalpha"]} if channels == 4 else {}
    bands = check(
        tiff(
            samples,
            photometric="rgb" if channels > 1 else kind,
            planarconfig=planar if channels > 1 else None,
            tile=tile,
            rowsperstrip=None if tile else 11,
            compression=compression,
            predictor=compression is not None,
            bigtiff=is_big,
            byteorder="<" if is_big or channels == 3 else ">",  # Pillow reads no big BigTIFF
            **options,
        )
    )
    assert bands.band_rows == (16 if tile else 11)


@pytest.mark.parametrize("subsampling", [(1, 1), (2, 2)])
def test_jpeg_in_tiles_is_read_in_bands(subsampling):
    stored = tiff(
        picture(np.uint8, 3),
        photometric="rgb",
        compression="jpeg",
        compressionargs={"level": 90, "outcolorspace": "ycbcr"},
        subsampling=subsampling,
        tile=(16, 16),
    )
    check(stored)


@pytest.mark.parametrize("mode", ["1", "P", "L", "LA", "CMYK", "LAB", "YCbCr"])
def test_what_pillow_writes_is_read_in_bands(mode):
    image = Image.fromarray(picture(np.uint8, 3))
    image = image.quantize(7) if mode == "P" else image.convert("RGB" if mode == "LAB" else mode)
    if mode == "LAB":
        image = Image.merge("LAB", image.split())
    stored = io.BytesIO()
    image.save(stored, "TIFF", compression="tiff_lzw", tiffinfo={278: 9}, dpi=(300, 150))
    assert check(stored).metadata.resolution == (300, 150)


def test_transparency_may_be_in_some_bands_alone():
    samples = picture(np.uint8, 4)
    samples[..., 3] = 255
    samples[30:32, 5:9, 3] = [0, 7, 128, 254]
    options = {"photometric": "rgb", "extrasamples": ["unassalpha"], "rowsperstrip": 8}
    for treatment in ({}, {"background": "#336699"}, {"alpha": "binary"}):
        check(tiff(samples, **options), **treatment)


def test_a_profile_is_that_of_each_band():
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    stored = io.BytesIO()
    Image.fromarray(picture(np.uint8, 3)).save(
        stored, "TIFF", icc_profile=profile, tiffinfo={278: 20}
    )
    check(stored)


def test_the_first_of_several_pages_is_read_and_that_is_noted():
    stored = tiff(np.stack([picture(np.uint8, 3)] * 3), photometric="rgb", rowsperstrip=7)
    bands = TiffBands(stored)
    assert bands.notes == ("only the first of its 3 pages is taken",)
    assert sum(len(band.rgb) for _, band in bands) == HEIGHT


def test_bands_can_be_read_again():
    bands = TiffBands(tiff(picture(np.uint8, 3), photometric="rgb", rowsperstrip=7))
    once, again = ([band.rgb for _, band in bands] for _ in range(2))
    assert all(map(np.array_equal, once, again))


def test_what_cannot_be_read_in_bands_says_why():
    turned = io.BytesIO()
    Image.fromarray(picture(np.uint8, 3)).save(turned, "TIFF", tiffinfo={274: 6})
    with pytest.raises(FormatError, match="stored turned"):
        TiffBands(turned)
    png = io.BytesIO()
    Image.fromarray(picture(np.uint8, 3)).save(png, "PNG")
    with pytest.raises(FormatError, match="a PNG file, which cannot be read in bands"):
        TiffBands(png)


def test_a_tiff_that_is_cut_short_is_refused_where_its_data_end():
    whole = tiff(picture(np.uint8, 3), photometric="rgb", rowsperstrip=7).getvalue()
    bands = TiffBands(io.BytesIO(whole[:-500]))
    with pytest.raises(FormatError, match="end early"):
        list(bands)


@pytest.mark.parametrize("rows", [1, 4, 7, 10, 100])
def test_bands_are_regrouped_into_any_number_of_rows(rows):
    whole = np.arange(74).reshape(37, 2)
    cuts = np.split(whole, [3, 4, 20, 21, 36])
    groups = list(regrouped(iter(cuts), rows))
    assert np.array_equal(np.concatenate(groups), whole)
    assert [len(group) for group in groups[:-1]] == [rows] * (len(groups) - 1)
    assert 1 <= len(groups[-1]) <= rows
