"""Pictures coded in bands produce the same files as whole ones."""

from __future__ import annotations

import io
from itertools import pairwise

import numpy as np
import pytest
import tifffile
from PIL import Image

import kmq
from kmq.codec import streaming
from kmq.options import Options
from kmq.pixels import bands
from kmq.quality import psnr

WIDTH, HEIGHT = 3000, 700  # three stripes


def shades(channels=3, height=HEIGHT, width=WIDTH, colors=300):
    """A picture of many colours in soft areas."""
    random = np.random.default_rng(channels)
    palette = random.integers(0, 256, (colors, channels), np.uint8)
    waves = np.sin(np.arange(width) / 97) + np.cos(np.arange(height) / 41)[:, None]
    return palette[((waves + 2) * colors / 4.001).astype(int)]


def tiff(samples, **options):
    stored = io.BytesIO()
    tifffile.imwrite(stored, samples, photometric="rgb", **{"rowsperstrip": 37, **options})
    return stored


def encoded_in_bands(stored, palette=None, **options):
    chosen = Options(**options)
    out = io.BytesIO()
    streamed = streaming.encode_bands(streaming.open_bands(stored, chosen), out, chosen, palette)
    assert streamed.size == len(out.getvalue())
    stored.seek(0)
    return streamed, out.getvalue()


@pytest.mark.parametrize("threads", [1, 3])
def test_a_picture_in_bands_gives_the_file_of_the_whole(threads):
    stored = tiff(shades())
    streamed, data = encoded_in_bands(stored, colors=16, threads=threads)
    assert data == kmq.encode(stored, 16)
    assert (streamed.width, streamed.height, streamed.colors) == (WIDTH, HEIGHT, 16)
    assert streamed.psnr == psnr(shades(), kmq.load(data))


def test_so_does_one_in_tiles_of_noise_in_16_bits_with_metadata():
    noise = np.random.default_rng(1).integers(0, 65_536, (1100, 1000, 3), np.uint16)
    stored = tiff(noise, tile=(64, 128), rowsperstrip=None, resolution=(300, 300))
    streamed, data = encoded_in_bands(stored, colors=5, coding="packed")
    assert data == kmq.encode(stored, 5, coding="packed")
    assert kmq.info(data).metadata.resolution == (300, 300)
    assert streamed.lost == ("16 bits per channel",)


@pytest.mark.parametrize("colors", [7, 5000])
def test_so_does_one_with_transparency_whose_edges_lie_on_seams(colors):
    samples = shades(4, colors=40)
    samples[..., 3] = np.where(samples[..., 3] < 128, 0, samples[..., 3] | 1)
    samples[300:333, :, 3] = 255  # a band without transparency
    stored = tiff(samples, extrasamples=["unassalpha"], rowsperstrip=1)
    _, data = encoded_in_bands(stored, colors=colors)
    assert data == kmq.encode(stored, colors)


def test_so_do_few_colours_exactly():
    stored = tiff(shades(colors=9))
    streamed, data = encoded_in_bands(stored)
    assert data == kmq.encode(stored)
    assert (streamed.colors, streamed.psnr) == (9, float("inf"))


@pytest.mark.parametrize(
    "options", [{}, {"colors": 5}, {"sort": True}, {"background": "#808080"}, {"strip": True}]
)
def test_a_palette_of_its_own_is_kept_or_not_as_always(options):
    image = Image.fromarray(shades(height=90, width=77)).quantize(11)
    stored = io.BytesIO()
    image.save(stored, "TIFF", tiffinfo={278: 8}, dpi=(72, 72))
    _, data = encoded_in_bands(stored, **options)
    assert data == kmq.encode(stored, **options)


def test_a_given_palette_is_used():
    palette = kmq.Palette([[250, 10, 10], [0, 0, 0], [0, 200, 100], [0, 0, 0]])
    stored = tiff(shades(height=90, width=77))
    streamed, data = encoded_in_bands(stored, palette)
    expected = kmq.apply(shades(height=90, width=77), palette)
    assert kmq.load(data) == expected
    assert streamed.psnr == psnr(shades(height=90, width=77), expected)


@pytest.mark.parametrize("option", [{"psnr": 40}, {"max_bytes": 9000}, {"rdo": 0.25}])
def test_what_needs_the_whole_picture_is_refused(option):
    with pytest.raises(kmq.OptionError, match=f"{next(iter(option))}: .* never held whole"):
        encoded_in_bands(tiff(shades(height=90, width=77)), **option)


@pytest.mark.parametrize("cuts", [[], [1], [5, 6, 7, 30], list(range(1, 40))])
@pytest.mark.parametrize("channels", [3, 4])
def test_the_histogram_of_bands_is_that_of_the_picture(cuts, channels):
    picture = np.random.default_rng(2).integers(0, 4, (40, 23, channels), np.uint8) * 85
    picture[7:9, :, 3:] = 255
    bands = [picture[first:end] for first, end in pairwise([0, *cuts, 40])]
    bands = [band[..., :3] if (band[..., 3:] == 255).all() else band for band in bands]
    assert kmq.Histogram.of_bands(bands) == kmq.Histogram.of_pixels(picture)


def test_bands_that_do_not_exist_have_no_histogram():
    with pytest.raises(kmq.OptionError):
        kmq.Histogram.of_bands([])


@pytest.mark.parametrize("has_palette", [False, True])
def test_each_pass_decodes_each_band_once(monkeypatch, has_palette):
    if has_palette:
        stored = io.BytesIO()
        indices = np.add.outer(np.arange(90), np.arange(70)).astype(np.uint8) % 5
        table = np.zeros((3, 256), np.uint16)
        table[:, :5] = np.arange(5) * 13_000
        tifffile.imwrite(stored, indices, photometric="palette", colormap=table, rowsperstrip=31)
    else:
        stored = tiff(shades(height=90, width=70), rowsperstrip=31)
    decoded = []
    as_tiff = bands.TiffBands._as_tiff
    monkeypatch.setattr(
        bands.TiffBands,
        "_as_tiff",
        lambda self, band, rows: (decoded.append(band), as_tiff(self, band, rows))[1],
    )
    encoded_in_bands(stored, colors=None if has_palette else 16, coding="packed")
    passes = 1 if has_palette else 2
    assert decoded == [0, 1, 2] * passes
