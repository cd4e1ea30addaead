from __future__ import annotations

import io
import struct
import time
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image

from kmq import FormatError
from kmq.pixels import read
from pixels.readers.pngs import CHANNELS, KINDS, chunk, png, png_data, samples_of

BACKGROUND = (10, 200, 90)


def shown(samples, bits, color_type, *, palette=None, alphas=None, key=None):
    """What a PNG looks like over the background, by the specification's own words."""
    top = (1 << bits) - 1
    levels = np.rint(samples / top * 255).astype(int)
    if color_type == 3:
        colors, alpha = palette[samples[..., 0]], alphas[samples[..., 0]]
    else:
        has_alpha = color_type in (4, 6)
        colors = levels[..., :-1] if has_alpha else levels
        alpha = levels[..., -1] if has_alpha else np.full(samples.shape[:2], 255)
    if key is not None:
        alpha = np.where((samples == key).all(axis=2), 0, 255)
    alpha = alpha[..., None].astype(int)
    return (colors * alpha + np.array(BACKGROUND) * (255 - alpha) + 127) // 255


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(
    ("bits", "color_type", "with_transparency"),
    [(*kind, False) for kind in KINDS] + [(*kind, True) for kind in KINDS if kind[1] not in (4, 6)],
)
def test_every_kind_is_read_right(bits, color_type, with_transparency, interlaced):
    samples = samples_of(bits, color_type)
    chunks, means = [], {}
    if color_type == 3:
        palette = np.random.default_rng(1).integers(0, 256, (1 << bits, 3))
        alphas = np.full(1 << bits, 255)
        chunks.append((b"PLTE", palette.astype(np.uint8).tobytes()))
        if with_transparency:
            alphas[: len(alphas) // 2] = [0, 77] * (len(alphas) // 4) or [0]
            chunks.append((b"tRNS", alphas[:-1].astype(np.uint8).tobytes()))
        means = {"palette": palette, "alphas": alphas}
    elif with_transparency:
        key = samples[3, 4]
        chunks.append((b"tRNS", key.astype(">u2").tobytes()))
        means = {"key": key}
    file = png(samples, bits, color_type, chunks, interlaced=interlaced)
    expected = shown(samples, bits, color_type, **means)
    assert np.array_equal(read(file, background=BACKGROUND).rgb, expected)


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_a_transparent_grey_is_seen(bits):
    samples = samples_of(bits, 0)
    file = png(samples, bits, 0, [(b"tRNS", samples[0, 0].astype(">u2").tobytes())])
    assert read(file).rgb[0, 0, 3] == 0


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(("bits", "color_type"), KINDS)
def test_data_that_end_early_are_refused(bits, color_type, interlaced):
    samples = samples_of(bits, color_type)
    whole = png_data(samples, bits, interlaced)
    chunks = [(b"PLTE", bytes(3 << bits))] if color_type == 3 else []
    for end in (0, 1, len(whole) // 3, len(whole) - 1):
        data = zlib.compress(whole[:end])  # tidily ended
        with pytest.raises(FormatError, match=r"a PNG that cannot be read: .* end early, after"):
            read(png(samples, bits, color_type, chunks, interlaced=interlaced, data=data))
    longer = zlib.compress(whole + b"more")
    read(
        png(samples, bits, color_type, chunks, interlaced=interlaced, data=longer),
        background=BACKGROUND,
    )


@pytest.mark.parametrize("size", [(1, 80_000_000), (80_000_000, 1), (8_000, 10_000)])
@pytest.mark.parametrize(("bits", "color_type"), [(1, 0), (8, 6), (16, 6)])
def test_a_few_bytes_that_claim_many_pixels_take_no_memory(size, bits, color_type):
    head = struct.pack(">IIBBBBB", *size, bits, color_type, 0, 0, 0)
    data = chunk(b"IDAT", zlib.compress(bytes(20_000)))
    file = io.BytesIO(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + data + chunk(b"IEND", b""))
    Image.init()
    started = time.process_time()
    tracemalloc.start()
    with pytest.raises(FormatError, match="end early"):
        read(file)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 4 << 20
    assert time.process_time() - started < 1


def test_damaged_image_data_are_refused():
    samples = samples_of(8, 2)
    whole = zlib.compress(png_data(samples, 8))
    damaged = whole[:60] + bytes([whole[60] ^ 255]) + whole[61:]
    with pytest.raises(FormatError, match="a PNG that cannot be read: "):
        read(png(samples, 8, 2, data=damaged))


def test_image_data_of_another_checksum_are_refused():
    stored = bytearray(png(samples_of(8, 2), 8, 2).getvalue())
    stored[-13] ^= 1  # the last byte of the sum, before IEND
    with pytest.raises(FormatError, match="the checksum of its image data is wrong"):
        read(io.BytesIO(stored))


def test_image_data_in_many_chunks_are_read():
    samples = samples_of(8, 6)
    data = zlib.compress(png_data(samples, 8))
    whole = png(samples, 8, 6).getvalue()
    start = whole.index(b"IDAT") - 4
    parts = b"".join(chunk(b"IDAT", data[i : i + 7]) for i in range(0, len(data), 7))
    file = io.BytesIO(whole[:start] + parts + chunk(b"IEND", b""))
    expected = shown(samples, 8, 6)
    assert np.array_equal(read(file, background=BACKGROUND).rgb, expected)


def test_indices_without_a_palette_are_reported():
    with pytest.raises(FormatError, match="a PNG that cannot be read: it has indices but no pal"):
        read(png(samples_of(8, 3), 8, 3))


@pytest.mark.parametrize("color_type", CHANNELS)
def test_an_unknown_depth_is_reported(color_type):
    samples = samples_of(8, color_type)
    with pytest.raises(FormatError, match="a PNG that cannot be read: "):
        read(png(samples, 5, color_type, [(b"PLTE", bytes(768))]))


@pytest.mark.parametrize("orientation", [3, 6])
@pytest.mark.parametrize(("bits", "color_type"), [(2, 0), (16, 2), (16, 4), (16, 6), (8, 3)])
def test_every_kind_is_turned_upright(bits, color_type, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    samples = samples_of(bits, color_type)
    palette = np.random.default_rng(1).integers(0, 256, (256, 3))
    chunks = [(b"eXIf", exif.tobytes()[6:])]
    means = {}
    if color_type == 3:
        chunks.append((b"PLTE", palette.astype(np.uint8).tobytes()))
        means = {"palette": palette, "alphas": np.full(256, 255)}
    elif color_type in (0, 2):
        means = {"key": samples[3, 4]}
        chunks.append((b"tRNS", samples[3, 4].astype(">u2").tobytes()))
    expected = shown(samples, bits, color_type, **means)
    turned = expected[::-1, ::-1] if orientation == 3 else np.rot90(expected, -1)
    assert np.array_equal(
        read(png(samples, bits, color_type, chunks), background=BACKGROUND).rgb, turned
    )


def test_an_image_that_the_caller_opened_is_read_the_same():
    samples = samples_of(16, 2)
    with Image.open(png(samples, 16, 2)) as image:
        assert np.array_equal(read(image).rgb, shown(samples, 16, 2))
