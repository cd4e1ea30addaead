from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image

from kmq.pixels import read


def bmp(pixels, masks, *, top_down=False, header_bytes=124):
    """A BMP of 16 bits per pixel; `masks` are those of red, green, blue and alpha."""
    height, width = pixels.shape
    rows = np.pad(pixels, ((0, 0), (0, width % 2))).astype("<u2")
    data = (rows if top_down else rows[::-1]).tobytes()
    head = struct.pack(
        "<IiiHHIIiiII",
        header_bytes,
        width,
        -height if top_down else height,
        1,
        16,
        3,
        len(data),
        0,
        0,
        0,
        0,
    )
    head += struct.pack("<4I", *masks)
    head += bytes(header_bytes - len(head))
    start = 14 + len(head)
    return io.BytesIO(b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start) + head + data)


A1R5G5B5 = (0x7C00, 0x3E0, 0x1F, 0x8000)


@pytest.mark.parametrize("top_down", [False, True])
@pytest.mark.parametrize("header_bytes", [56, 108, 124])
def test_an_alpha_bit_is_transparency(top_down, header_bytes):
    pixels = np.random.default_rng(0).integers(0, 1 << 15, (5, 7))
    is_opaque = np.arange(35).reshape(5, 7) % 3 > 0
    file = bmp(pixels | is_opaque << 15, A1R5G5B5, top_down=top_down, header_bytes=header_bytes)
    assert read(file).rgb[..., 3].min() == 0
    file.seek(0)
    five = np.stack([pixels >> 10, pixels >> 5 & 31, pixels & 31], axis=-1)
    expected = np.where(is_opaque[..., None], five * 255 // 31, [255, 0, 0])
    assert np.array_equal(read(file, background="red").rgb, expected)


def test_a_bit_that_is_no_alpha_is_none():
    pixels = np.random.default_rng(0).integers(0, 1 << 15, (5, 7))
    assert read(bmp(pixels, (*A1R5G5B5[:3], 0))).rgb.shape == (5, 7, 3)


def test_an_opaque_picture_needs_no_background():
    pixels = np.random.default_rng(0).integers(1 << 15, 1 << 16, (5, 7))
    assert read(bmp(pixels, A1R5G5B5)).rgb.shape == (5, 7, 3)


def xbm(is_ink):
    """An X11 bitmap, whose bits go from right to left within a byte; 1 is the foreground."""
    height, width = is_ink.shape
    bits = np.packbits(is_ink, axis=1, bitorder="little").ravel()
    text = ", ".join(f"0x{byte:02x}" for byte in bits)
    return (
        f"#define a_width {width}\n#define a_height {height}\n"
        f"static unsigned char a_bits[] = {{\n{text} }};\n"
    ).encode()


@pytest.mark.parametrize("width", [8, 13, 24])
def test_the_foreground_of_an_xbm_is_black(width):
    is_ink = np.random.default_rng(0).integers(0, 2, (6, width)).astype(bool)
    expected = np.where(is_ink, 0, 255)[..., None] + np.zeros(3)
    assert np.array_equal(read(io.BytesIO(xbm(is_ink))).rgb, expected)
    with Image.open(io.BytesIO(xbm(is_ink))) as image:
        assert np.array_equal(read(image).rgb, expected)
