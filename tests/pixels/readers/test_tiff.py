from __future__ import annotations

import io
import itertools
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image

from kmq import FormatError
from kmq.pixels import read

HEIGHT, WIDTH = 19, 37
WAYS_OUT = "convert (it|them) to"

DEPTHS = ("u1", "u2", "u4", "i2", "f4")
CHANNELS = {1: "minisblack", 2: "minisblack", 3: "rgb", 4: "rgb", 5: "rgb"}
COMPRESSIONS = ("none", "lzw", "deflate", "packbits", "zstd")
TILES = (None, (16, 32))


def array(dtype: str, channels: int, height=HEIGHT, width=WIDTH):
    """A picture of (H, W, channels) without symmetry, all values of its dtype's range in it."""
    y, x, c = np.mgrid[:height, :width, :channels]
    levels = (x * 7 + y * 13 + c * 61 + x * y) % 256
    if dtype == "f4":
        return (levels / 255).astype(np.float32)
    deep = np.random.default_rng(0).integers(0, 256, levels.shape)
    return {
        "u1": levels,
        "u2": levels << 8 | deep,
        "u4": levels << 24,
        "i2": levels << 4,
    }[dtype].astype(dtype)


def written(samples, *, photometric, planar=False, compression="none", order="<", **options):
    """The bytes of a TIFF as tifffile writes it; `samples` is (H, W, channels)."""
    channels = samples.shape[2]
    data = np.moveaxis(samples, 2, 0) if planar and channels > 1 else samples
    if channels == 1:
        data = samples[..., 0]
    else:
        options["planarconfig"] = "separate" if planar else "contig"
    base = {"minisblack": 1, "miniswhite": 1, "rgb": 3, "separated": 4}[photometric]
    if channels > base:
        options.setdefault("extrasamples", [2] + [0] * (channels - base - 1))
    file = io.BytesIO()
    tifffile.imwrite(
        file,
        np.ascontiguousarray(data),
        byteorder=order,
        photometric=photometric,
        compression=None if compression == "none" else compression,
        **options,
    )
    file.seek(0)
    return file


def shown(samples, background=0):
    """What a picture with channels of grey or RGB, and perhaps alpha, looks like on black."""
    wide = samples.astype(np.int64)
    if samples.dtype == np.uint16:
        wide = (wide + 128) // 257
    base = 1 if samples.shape[2] < 3 else 3
    colors = wide[..., :base]
    if samples.shape[2] > base:
        alpha = wide[..., base : base + 1]
        colors = (colors * alpha + background * (255 - alpha) + 127) // 255
    return np.broadcast_to(colors, (*samples.shape[:2], 3))


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("dtype", DEPTHS)
def test_every_layout_is_read_right_or_refused(dtype, channels, compression):
    samples = array(dtype, channels)
    layouts = itertools.product((False, True), "<>", TILES, (False, True))
    for planar, order, tile, predictor in layouts:
        takes_predictor = compression not in ("none", "packbits") and dtype in ("u1", "u2")
        if (predictor and not takes_predictor) or (planar and channels == 1):
            continue
        file = written(
            samples,
            photometric=CHANNELS[channels],
            planar=planar,
            compression=compression,
            order=order,
            tile=tile,
            predictor=predictor,
        )
        if dtype in ("u1", "u2"):
            assert np.array_equal(read(file, background="black").rgb, shown(samples))
        else:
            with pytest.raises(FormatError, match=WAYS_OUT):
                read(file, background="black")


@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_compressed_with_loss_is_left_to_pillow(channels):
    y, x, c = np.mgrid[:48, :64, :channels]
    smooth = (x * 2 + y + c * 20).astype(np.uint8)
    file = written(smooth, photometric=CHANNELS[channels], compression="jpeg")
    assert np.abs(read(file).rgb.astype(int) - shown(smooth)).max() <= 8


def test_separate_planes_compressed_with_loss_are_refused():
    file = written(array("u1", 3), photometric="rgb", planar=True, compression="jpeg")
    with pytest.raises(FormatError, match="compression 7 are not supported; convert it to PNG"):
        read(file)


@pytest.mark.parametrize("dtype", ["u1", "u2"])
@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_inks_are_read_as_pillow_shows_them(dtype, planar, compression):
    samples = array(dtype, 4)
    eight = ((samples.astype(np.int64) + 128) // 257 if dtype == "u2" else samples).astype(np.uint8)
    expected = Image.fromarray(eight, "CMYK").convert("RGB")
    file = written(samples, photometric="separated", planar=planar, compression=compression)
    assert np.array_equal(read(file).rgb, np.asarray(expected))


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_white_is_zero_in_any_layout(dtype, planar):
    samples = array(dtype, 2)
    samples[..., 1] = np.iinfo(dtype).max
    file = written(samples, photometric="miniswhite", planar=planar)
    inverted = np.iinfo(dtype).max - samples[..., :1]
    assert np.array_equal(read(file).rgb, shown(inverted))


@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("order", "<>")
def test_samples_of_few_bits_are_spread(bits, channels, order):
    samples = array("u1", channels) >> (8 - bits)
    rows = packed(samples.reshape(HEIGHT, -1), bits)
    file = tiff(WIDTH, HEIGHT, (bits,) * channels, 1 if channels == 1 else 2, rows, order=order)
    assert np.array_equal(read(file).rgb, shown(samples * (255 // (2**bits - 1))))


@pytest.mark.parametrize("order", "<>")
def test_samples_of_12_bits_are_spread(order):
    samples = array("u2", 3) >> 4
    rows = packed(samples.reshape(HEIGHT, -1), 12)
    file = tiff(WIDTH, HEIGHT, (12,) * 3, 2, rows, order=order)
    assert np.array_equal(read(file).rgb, np.rint(samples / 4095 * 255))


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("scale", [1, 256, 257])
def test_a_palette_may_have_16_bits_or_8(bits, scale):
    colors = np.random.default_rng(1).integers(0, 256, (2**bits, 3))
    indices = array("u1", 1) >> (8 - bits)
    color_map = (colors.T.ravel() * scale).tolist()
    rows = packed(indices.reshape(HEIGHT, -1), bits)
    file = tiff(WIDTH, HEIGHT, (bits,), 3, rows, more={320: color_map})
    assert np.array_equal(read(file).rgb, colors[indices[..., 0]])


def test_a_palette_that_is_short_is_reported():
    with pytest.raises(FormatError, match="its palette has not 16 colours"):
        read(tiff(1, 1, (4,), 3, b"\0", more={320: [0] * 15}))


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("channels", [2, 4])
def test_alpha_that_was_multiplied_in_is_divided_out(channels, planar):
    samples = array("u1", channels)
    samples[..., -1] = [0, 51, 128, 255] * 9 + [255]
    colors = samples[..., :-1].astype(int) * samples[..., -1:] // 255
    stored = np.concatenate([colors, samples[..., -1:]], axis=2).astype(np.uint8)
    file = written(stored, photometric=CHANNELS[channels], planar=planar, extrasamples=[1])
    over_black = read(file, background="black").rgb.astype(int)
    assert np.abs(over_black - np.broadcast_to(colors, over_black.shape)).max() <= 1


@pytest.mark.parametrize("planar", [False, True])
def test_transparency_is_seen_in_any_layout(planar):
    samples = array("u1", 2)
    samples[..., 1] = 254
    file = written(samples, photometric="minisblack", planar=planar, compression="lzw")
    assert np.array_equal(read(file).rgb[..., [0, 3]], samples)


@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_channels_beyond_the_colours_are_left_out_and_told(dtype):
    samples = array(dtype, 5)
    pixels = read(written(samples, photometric="rgb", extrasamples=[0, 0]))
    assert np.array_equal(pixels.rgb, shown(samples[..., :3]))
    assert pixels.notes == ("it has further channels: they are left out",)
    assert "further channels" in pixels.lost


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("channels", [2, 3, 5])
def test_channels_of_no_colour_are_refused(channels, planar):
    file = written(
        array("u1", channels),
        photometric="minisblack",
        planar=planar,
        extrasamples=[0] * (channels - 1),
    )
    with pytest.raises(FormatError, match=f"{channels} channels.*convert it to PNG first"):
        read(file)


@pytest.mark.parametrize("values", [[0, 1], [0, 65_535], [0, 2**32 - 1]])
def test_whole_numbers_of_32_bits_are_refused_whatever_they_are(values):
    with pytest.raises(FormatError, match="samples of 32 bits"):
        read(written(np.array([values], np.uint32)[..., None], photometric="minisblack"))


@pytest.mark.parametrize("tag", [259, 262, 258])
def test_what_is_not_supported_is_reported_with_a_way_out(tag):
    file = tiff(2, 2, (8,), 1, bytes(4), more={tag: [9999 if tag != 258 else 7]})
    with pytest.raises(FormatError, match=r"a TIFF that cannot be read: .*convert it to PNG first"):
        read(file)


@pytest.mark.parametrize("compression", ["none", "lzw", "zstd"])
def test_a_tiff_whose_data_end_early_is_refused(compression):
    file = written(array("u2", 3), photometric="rgb", planar=True, compression=compression)
    with tifffile.TiffFile(file) as opened:
        page = opened.pages[0]
        end = page.dataoffsets[-1] + page.databytecounts[-1]
    with pytest.raises(FormatError, match="a TIFF that cannot be read"):
        read(io.BytesIO(file.getvalue()[: end - 9]))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_separate_planes_are_turned_upright(orientation):
    samples = array("u2", 3)
    extra = [(274, 3, 1, orientation, True)]
    file = written(samples, photometric="rgb", planar=True, extratags=extra)
    turned = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.swapaxes(0, 1),
        6: lambda a: np.rot90(a, -1),
        7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
        8: lambda a: np.rot90(a),
    }[orientation](shown(samples))
    assert np.array_equal(read(file).rgb, turned)


def test_an_image_that_the_caller_opened_is_read_the_same():
    file = written(array("u2", 3), photometric="rgb", planar=True)
    with Image.open(file) as image:
        assert np.array_equal(read(image).rgb, shown(array("u2", 3)))


@pytest.mark.parametrize("photometric", [8, 9])
def test_lab_of_either_kind_is_the_same(photometric):
    lab = np.array([[[128, 0, 0], [128, 60, 206]]], np.uint8)
    stored = lab if photometric == 8 else lab ^ np.array([0, 128, 128], np.uint8)
    rgb = read(tiff(2, 1, (8, 8, 8), photometric, stored.tobytes())).rgb[0].astype(int)
    assert np.ptp(rgb[0]) <= 1
    assert rgb[1, 0] > rgb[1, 1] + 60


def packed(rows, bits):
    """Rows of samples of so many bits, each row filled up to whole bytes."""
    shifts = np.arange(bits - 1, -1, -1)
    each = (rows[..., None].astype(np.uint16) >> shifts & 1).astype(np.uint8)
    return np.packbits(each.reshape(len(rows), -1), axis=1).tobytes()


def tiff(width, height, bits, photometric, data, *, order="<", more=None):
    """A TIFF made by hand, of what tifffile does not write; without compression."""
    tags = {256: [width], 257: [height], 258: list(bits), 259: [1], 262: [photometric]}
    tags |= {273: [8], 277: [len(bits)], 278: [height], 279: [len(data)], **(more or {})}
    data += bytes(len(data) % 2)
    values_at = 8 + len(data) + 2 + 12 * len(tags) + 4
    table, values = struct.pack(order + "H", len(tags)), b""
    for tag, numbers in sorted(tags.items()):
        content = struct.pack(f"{order}{len(numbers)}I", *numbers)
        is_long = len(numbers) > 1
        place = struct.pack(order + "I", values_at + len(values)) if is_long else content
        table += struct.pack(order + "HHI", tag, 4, len(numbers)) + place
        values += content if is_long else b""
    head = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(order + "I", 8 + len(data))
    return io.BytesIO(head + data + table + bytes(4) + values)
