from __future__ import annotations

import io
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms, PngImagePlugin

from kmq import FormatError, LimitError, OptionError
from kmq.pixels import read


def gradient(height=5, width=7):
    values = np.arange(height * width * 3, dtype=np.uint16) * 255 // (height * width * 3 - 1)
    return values.astype(np.uint8).reshape(height, width, 3)


def stored(image: Image.Image, kind: str, **options) -> io.BytesIO:
    file = io.BytesIO()
    image.save(file, kind, **options)
    file.seek(0)
    return file


def png(width, height, bit_depth, color_type, raw, *chunks):
    """A PNG made by hand, because Pillow cannot write it."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, bit_depth, color_type, 0, 0, 0)
    parts = [(b"IHDR", head), *chunks, (b"IDAT", zlib.compress(raw)), (b"IEND", b"")]
    return io.BytesIO(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts))


def png_rows(samples):
    return b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)


def test_rgb_arrays_come_through():
    assert np.array_equal(read(gradient()).rgb, gradient())


def test_arrays_that_are_not_contiguous_come_through():
    assert np.array_equal(read(gradient()[::-1, ::2]).rgb, gradient()[::-1, ::2])


def test_a_matrix_is_a_grey_array():
    grey = gradient()[..., 0]
    assert np.array_equal(read(grey.view(np.matrix)).rgb, read(grey).rgb)


def test_grey_arrays_become_rgb():
    grey = gradient()[..., 0]
    assert np.array_equal(read(grey).rgb, np.stack([grey] * 3, axis=-1))


def test_arrays_of_16_bits_are_scaled_to_the_nearest():
    deep = np.array([[0, 128, 129, 257, 0x12FF, 65_406, 65_407, 65_535]], np.uint16)
    assert read(deep).rgb[0, :, 0].tolist() == [0, 0, 1, 1, 19, 254, 255, 255]


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((2, 2, 2), np.uint8),
        np.full((2, 2, 3), np.nan),
        np.full((2, 2), np.inf, np.float32),
        np.full((2, 2, 3), 256, np.int32),
        np.zeros((2, 2, 2), bool),
        np.zeros((0, 2, 3), np.uint8),
        np.zeros(4, np.uint8),
        np.zeros((1, 2, 2, 3), np.uint8),
    ],
)
def test_arrays_of_another_shape_or_range_are_refused(array):
    with pytest.raises(OptionError, match="image: expected"):
        read(array)


def test_what_is_no_image_at_all_is_refused():
    with pytest.raises(OptionError, match="got int"):
        read(42)


@pytest.mark.parametrize(
    "mode", ["1", "L", "P", "RGB", "RGBA", "LA", "PA", "I;16", "I", "CMYK", "YCbCr", "HSV"]
)
def test_every_mode_gives_what_pillow_shows(mode):
    rgb = Image.fromarray(gradient())
    if mode == "I;16":
        image = Image.fromarray(gradient()[..., 0].astype(np.uint16) * 257)
        expected = rgb.getchannel(0).convert("RGB")
    elif mode == "I":
        image = Image.fromarray(gradient()[..., 0].astype(np.int32) * 257)
        expected = rgb.getchannel(0).convert("RGB")
    else:
        image = rgb.convert("L").convert(mode) if mode in ("LA", "PA") else rgb.convert(mode)
        expected = image.convert("RGB")
    assert image.mode == mode
    assert np.array_equal(read(image).rgb, np.asarray(expected))


def test_paths_and_files_are_read(tmp_path):
    Image.fromarray(gradient()).save(tmp_path / "a.png")
    assert np.array_equal(read(tmp_path / "a.png").rgb, gradient())
    assert np.array_equal(read(str(tmp_path / "a.png")).rgb, gradient())
    with (tmp_path / "a.png").open("rb") as file:
        assert np.array_equal(read(file).rgb, gradient())


def test_a_missing_path_stays_the_error_it_is(tmp_path):
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "none.png")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = stored(Image.fromarray(gradient()), "PNG", exif=exif)
    turned = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.swapaxes(0, 1),
        6: lambda a: np.rot90(a, -1),
        7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
        8: lambda a: np.rot90(a),
    }[orientation](gradient())
    assert np.array_equal(read(file).rgb, turned)


def test_a_png_of_16_bits_a_channel_is_scaled_and_not_cut():
    deep = np.random.default_rng(1).integers(0, 65_536, (4, 6, 3)).astype(np.uint16)
    file = png(6, 4, 16, 2, png_rows(deep.reshape(4, -1)))
    assert np.array_equal(read(file).rgb, np.rint(deep / 257).astype(np.uint8))
    assert not np.array_equal(deep >> 8, np.rint(deep / 257))


def test_a_png_of_16_bits_with_alpha_is_scaled():
    deep = np.random.default_rng(2).integers(0, 65_536, (4, 6, 4)).astype(np.uint16)
    deep[..., 3] = 65_535
    file = png(6, 4, 16, 6, png_rows(deep.reshape(4, -1)))
    assert np.array_equal(read(file).rgb, np.rint(deep[..., :3] / 257).astype(np.uint8))


@pytest.mark.parametrize("background", [None, "white"])
def test_grey_and_alpha_of_16_bits_are_scaled(background):
    deep = np.random.default_rng(1).integers(0, 65_536, (4, 6, 2), np.uint16)
    deep[..., 1] = 65_535 if background is None else [0, 65_535, 0, 65_535, 0, 65_535]
    file = png(6, 4, 16, 4, png_rows(deep.reshape(4, -1)))
    expected = np.where(deep[..., 1] == 0, 255, (deep[..., 0].astype(int) + 128) // 257)
    assert np.array_equal(read(file, background=background).rgb, np.stack([expected] * 3, -1))


def test_premultiplied_grey_is_read():
    grey = Image.merge("LA", [Image.fromarray(gradient()[..., 0]), Image.new("L", (7, 5), 255)])
    assert np.array_equal(read(grey.convert("La")).rgb[..., 0], gradient()[..., 0])


def test_a_transparent_colour_of_16_bits_is_seen():
    deep = np.array([[[1, 2, 3], [1, 2, 4]]], np.uint16)
    key = (b"tRNS", struct.pack(">HHH", 1, 2, 3))
    file = png(2, 1, 16, 2, png_rows(deep.reshape(1, -1)), key)
    assert read(file, background=(9, 8, 7)).rgb.tolist() == [[[9, 8, 7], [0, 0, 0]]]


def test_a_transparent_grey_of_16_bits_is_seen():
    deep = np.array([[0x1234, 0xFFFF]], np.uint16)
    file = png(2, 1, 16, 0, png_rows(deep), (b"tRNS", struct.pack(">H", 0x1234)))
    assert read(file).rgb.tolist() == [[[0x12, 0x12, 0x12, 0], [255, 255, 255, 255]]]
    file.seek(0)
    assert read(file, background="red").rgb.tolist() == [[[255, 0, 0], [255, 255, 255]]]


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "I", "I;16", "CMYK"])
@pytest.mark.parametrize("size", [(0, 5), (7, 0)])
def test_an_image_without_pixels_is_refused(mode, size):
    with pytest.raises(OptionError, match="at least one pixel"):
        read(Image.new(mode, size))


def test_a_pipe_without_a_buffer_is_read():
    read_end, write_end = os.pipe()
    with os.fdopen(write_end, "wb") as file:
        Image.new("RGB", (3, 2), "red").save(file, "PNG")
    with os.fdopen(read_end, "rb", buffering=0) as pipe:
        assert read(pipe).rgb.shape == (2, 3, 3)


@pytest.mark.parametrize(
    ("bits", "white", "stored_bytes", "levels"),
    [
        (12, 1, bytes([0xFF, 0xF8, 0x00]), [255, 128]),
        (16, 1, struct.pack("<HH", 0xFFFF, 0x8000), [255, 128]),
        (16, 0, struct.pack("<HH", 0xFFFF, 0x8000), [0, 127]),
        (8, 0, bytes([255, 128]), [0, 127]),
    ],
)
def test_grey_tiffs_are_as_light_as_they_say(bits, white, stored_bytes, levels):
    assert read(tiff(2, 1, bits, white, stored_bytes)).rgb[0, :, 0].tolist() == levels


def tiff(width, height, bits, white, stored_bytes):
    """A grey TIFF made by hand; `white` is 1 where 0 is black, and 0 where 0 is white."""
    tags = {256: width, 257: height, 258: bits, 259: 1, 262: white}
    tags |= {273: 8, 277: 1, 278: height, 279: len(stored_bytes)}
    padded = stored_bytes + b"\0" * (len(stored_bytes) % 2)
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    head = b"II*\0" + struct.pack("<I", 8 + len(padded)) + padded
    return io.BytesIO(head + struct.pack("<H", len(tags)) + entries + bytes(4))


def test_the_first_frame_is_taken_even_where_later_ones_are_damaged():
    frames = [Image.fromarray(gradient() + shift).quantize(8) for shift in (0, 9, 90)]
    whole = stored(frames[0], "GIF", save_all=True, append_images=frames[1:]).getvalue()
    first = read(io.BytesIO(whole))
    assert first.notes == ("only the first of its 3 frames is taken",)
    ends = range(len(stored(frames[0], "GIF").getvalue()), len(whole))
    for end in ends:
        assert np.array_equal(read(io.BytesIO(whole[:end])).rgb, first.rgb)


@pytest.mark.parametrize("exif", [b"Exif\0\0no TIFF at all", b"Exif\0\0MM\0*\0\0\0\xff"])
def test_what_is_no_exif_turns_nothing(exif):
    file = stored(Image.fromarray(gradient()), "PNG", exif=exif)
    assert np.array_equal(read(file).rgb, gradient())


def test_exif_that_cannot_be_written_again_still_turns():
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 3
    exif[ExifTags.Base.ImageDescription] = "x"
    damaged = exif.tobytes().replace(
        struct.pack(">HH", ExifTags.Base.ImageDescription, 2), struct.pack(">HH", 0x0100, 2)
    )
    damaged = damaged.replace(
        struct.pack("<HH", ExifTags.Base.ImageDescription, 2), struct.pack("<HH", 0x0100, 2)
    )
    file = stored(Image.fromarray(gradient()), "PNG", exif=damaged)
    assert np.array_equal(read(file).rgb, gradient()[::-1, ::-1])


def linear_grey_profile():
    """An ICC profile with light proportional to the samples, which Pillow cannot make."""
    white = struct.pack(">3I", 0xF6D6, 0x10000, 0xD32D)
    tags = {b"wtpt": b"XYZ " + bytes(4) + white, b"kTRC": b"curv" + bytes(8)}
    table, data = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        table += name + struct.pack(">II", 132 + 12 * len(tags) + len(data), len(content))
        data += content
    head = bytes(8) + b"\x02\x10\0\0mntrGRAYXYZ " + bytes(12) + b"acsp" + bytes(28) + white
    body = (head + bytes(48))[4:] + table + data
    return struct.pack(">I", len(body) + 4) + body


def test_a_grey_profile_is_used_beside_transparency():
    grey = Image.fromarray(np.arange(0, 250, 50, np.uint8)[None])
    profile = linear_grey_profile()
    alone = read(stored(grey, "PNG", icc_profile=profile)).rgb
    assert alone[0, 1, 0] > 60
    both = Image.merge("LA", (grey, Image.new("L", grey.size, 255)))
    beside = read(stored(both, "PNG", icc_profile=profile), strip=True)
    assert beside.notes == ()
    assert np.array_equal(beside.rgb, alone)


def test_whole_numbers_of_32_bits_out_of_range_are_refused():
    with pytest.raises(FormatError, match="32 bits"):
        read(Image.fromarray(np.array([[70_000]], np.int32)))


def test_floating_point_images_are_refused():
    with pytest.raises(FormatError, match="floating-point"):
        read(Image.fromarray(np.zeros((2, 2), np.float32)))


def test_an_opaque_alpha_channel_is_dropped():
    rgba = np.dstack([gradient(), np.full((5, 7), 255, np.uint8)])
    assert np.array_equal(read(rgba).rgb, gradient())
    assert np.array_equal(read(Image.fromarray(rgba)).rgb, gradient())


@pytest.mark.parametrize("as_image", [False, True])
def test_transparency_is_kept(as_image):
    rgba = np.dstack([gradient(), np.full((5, 7), 254, np.uint8)])
    kept = read(Image.fromarray(rgba) if as_image else rgba)
    assert np.array_equal(kept.rgb, rgba)
    assert kept.lost == ()


def test_binary_alpha_is_clear_below_one_half_and_opaque_from_there_on():
    rgba = np.dstack([gradient(), np.arange(35, dtype=np.uint8).reshape(5, 7) * 7])
    binary = read(rgba, alpha="binary")
    assert np.array_equal(binary.rgb[..., 3], np.where(rgba[..., 3] < 128, 0, 255))
    assert binary.lost == ("partial transparency",)
    rgba[..., 3] = 128
    assert read(rgba, alpha="binary").rgb.shape == (5, 7, 3)


def test_transparent_pixels_are_laid_over_the_background():
    rgba = np.array([[[200, 100, 50, 0], [200, 100, 50, 128], [200, 100, 50, 255]]], np.uint8)
    blended = read(rgba, background="#ffffff").rgb[0].tolist()
    assert blended == [[255, 255, 255], [227, 177, 152], [200, 100, 50]]


def test_a_transparent_palette_entry_is_seen_only_where_it_is_used():
    image = Image.frombytes("P", (2, 1), bytes([0, 1]))
    image.putpalette([10, 20, 30, 40, 50, 60])
    used = stored(image, "PNG", transparency=0)
    assert read(used, background="black").rgb.tolist() == [[[0, 0, 0], [40, 50, 60]]]
    image = Image.frombytes("P", (2, 1), bytes([1, 1]))
    image.putpalette([10, 20, 30, 40, 50, 60])
    assert read(stored(image, "PNG", transparency=0)).rgb.tolist() == [[[40, 50, 60]] * 2]


def swapped_profile():
    """A profile with sRGB's red and green swapped, made from sRGB's bytes."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = profile.index(b"rXYZ"), profile.index(b"gXYZ")
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    return bytes(profile)


def test_an_embedded_profile_is_converted_to_srgb():
    # In matrix profiles, swapping the primaries swaps the channels.
    random = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    file = stored(Image.fromarray(random), "PNG", icc_profile=swapped_profile())
    converted = read(file).rgb.astype(int)
    assert np.abs(converted - random[..., [1, 0, 2]]).max() <= 1
    assert np.abs(converted - random).max() > 100


def test_srgb_under_another_name_changes_no_pixel():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    random = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    file = stored(Image.fromarray(random), "PNG", icc_profile=profile)
    assert np.array_equal(read(file).rgb, random)


def test_a_profile_that_cannot_be_used_is_noted():
    file = stored(Image.fromarray(gradient()), "PNG", icc_profile=b"no profile at all")
    pixels = read(file)
    assert np.array_equal(pixels.rgb, gradient())
    assert pixels.notes == ("its colour profile cannot be used: taken as sRGB",)


def test_of_an_animation_the_first_frame_is_taken_and_said_so():
    frames = [Image.fromarray(gradient()), Image.fromarray(gradient()[::-1])]
    file = stored(frames[0], "PNG", save_all=True, append_images=frames[1:])
    pixels = read(file)
    assert np.array_equal(pixels.rgb, gradient())
    assert pixels.notes == ("only the first of its 2 frames is taken",)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"])
def test_a_file_cut_short_anywhere_is_a_format_error(kind):
    whole = stored(Image.fromarray(gradient(20, 20)), kind).getvalue()
    for cut in range(0, len(whole) // 2, 7):
        with pytest.raises(FormatError):
            read(io.BytesIO(whole[:cut]))


def test_a_file_that_is_no_image_is_a_format_error():
    with pytest.raises(FormatError, match="not an image"):
        read(io.BytesIO(b"hello"))


def test_too_many_pixels_are_refused_before_they_are_read():
    for source in (
        gradient(),
        Image.fromarray(gradient()),
        stored(Image.fromarray(gradient()), "PNG"),
    ):
        with pytest.raises(LimitError, match="max_pixels"):
            read(source, max_pixels=34)
        assert read(gradient(), max_pixels=35).rgb.shape == (5, 7, 3)


def test_pillows_own_limit_is_reported_with_the_way_to_raise_it(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 4)
    with pytest.raises(LimitError, match="MAX_IMAGE_PIXELS"):
        read(stored(Image.fromarray(gradient()), "PNG"))


def test_png_text_does_not_disturb():
    text = PngImagePlugin.PngInfo()
    text.add_text("comment", "hello")
    assert np.array_equal(
        read(stored(Image.fromarray(gradient()), "PNG", pnginfo=text)).rgb, gradient()
    )


def test_an_array_of_8_bits_loses_nothing():
    assert read(gradient()).lost == ()
    assert read(gradient().astype(np.uint16) * 257).lost == ()


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_an_image_of_8_bits_loses_nothing(mode):
    assert read(Image.fromarray(gradient()).convert(mode)).lost == ()


def test_low_bits_that_matter_are_lost():
    deep = np.array([[0, 1]], np.uint16)
    for source in (deep, Image.fromarray(deep), png(2, 1, 16, 0, png_rows(deep))):
        assert read(source).lost == ("16 bits per channel",)


def test_transparency_that_was_laid_over_a_background_is_lost():
    rgba = np.dstack([gradient(), np.full((5, 7), 254, np.uint8)])
    assert read(rgba, background="red").lost == ("transparency",)
    assert read(Image.fromarray(rgba), background="red").lost == ("transparency",)


def test_a_conversion_by_a_profile_loses_something():
    file = stored(Image.fromarray(gradient()), "PNG", icc_profile=swapped_profile())
    assert read(file).lost == ("its colour space",)
    same = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    file = stored(Image.fromarray(gradient()), "PNG", icc_profile=same)
    assert read(file).lost == ()


def test_later_frames_are_lost():
    frames = [Image.fromarray(gradient()), Image.fromarray(gradient()[::-1])]
    file = stored(frames[0], "PNG", save_all=True, append_images=frames[1:])
    assert read(file).lost == ("frames after the first",)
