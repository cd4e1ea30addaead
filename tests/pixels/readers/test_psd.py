from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image

from kmq import FormatError
from kmq.pixels import read

HEIGHT, WIDTH = 5, 11
BITMAP, GREY, INDEXED, RGB, CMYK, MULTICHANNEL, DUOTONE, LAB = 0, 1, 2, 3, 4, 7, 8, 9
FURTHER = ("it has further channels: they are left out",)


def packed_row(row: bytes) -> bytes:
    """A row as PackBits has it: runs of equal bytes, and others as they are."""
    out, at = b"", 0
    while at < len(row):
        run = len(row[at : at + 128]) - len(row[at : at + 128].lstrip(row[at : at + 1]))
        out += bytes([(257 - run) & 255 if run > 1 else 0, row[at]])
        at += max(run, 1)
    return out


def psd(planes, mode, bits=8, *, packed=False, layers=b"", colors=b"", compression=None):
    """A PSD of (channels, H, W) samples as stored; `layers` is the block of layers."""
    channels, height, width = planes.shape
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 1, channels, height, width, bits, mode)
    if bits == 1:
        rows = [row.tobytes() for plane in planes for row in np.packbits(plane, axis=1)]
    else:
        rows = [row.astype(f">u{bits // 8}").tobytes() for plane in planes for row in plane]
    if packed:
        rows = [packed_row(row) for row in rows]
        rows.insert(0, b"".join(struct.pack(">H", len(row)) for row in rows))
    blocks = b"".join(struct.pack(">I", len(block)) + block for block in (colors, b"", layers))
    kind = packed if compression is None else compression
    return io.BytesIO(head + blocks + struct.pack(">H", kind) + b"".join(rows))


TRANSPARENT = {
    8: struct.pack(">Ih", 2, -1),
    16: struct.pack(">II", 0, 0) + b"8BIMLr16" + struct.pack(">Ih2x", 2, -1),
}
"""A block of layers that says: the first channel beyond the colours is transparency."""


def planes_of(channels, bits=8):
    """Channels with runs of equal samples, and some that are not."""
    samples = np.random.default_rng(channels).integers(0, 1 << bits, (channels, HEIGHT, WIDTH))
    samples[:, :, 3:7] = samples[:, :, 2:3]
    return samples


def shown(planes, bits=8):
    return np.rint(
        np.moveaxis(np.broadcast_to(planes, (3, HEIGHT, WIDTH)), 0, 2) / ((1 << bits) - 1) * 255
    )


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("mode", [GREY, RGB])
@pytest.mark.parametrize("further", [0, 1, 2, 5])
def test_channels_beyond_the_colours_are_no_transparency(mode, further, bits, packed):
    base = 3 if mode == RGB else 1
    planes = planes_of(base + further, bits)
    pixels = read(psd(planes, mode, bits, packed=packed))
    assert np.array_equal(pixels.rgb, shown(planes[:base], bits))
    assert pixels.notes == (FURTHER if further else ())
    assert ("further channels" in pixels.lost) == bool(further)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(("mode", "base"), [(GREY, 1), (RGB, 3), (CMYK, 4), (LAB, 3)])
def test_the_channel_that_layers_name_is_transparency(mode, base, bits, packed):
    if (mode, bits) == (LAB, 16):
        pytest.skip("L*a*b* of 16 bits is refused")
    planes = planes_of(base + 2, bits)
    planes[base] = (1 << bits) - 1
    planes[base, 0, 0] = 0
    file = psd(planes, mode, bits, packed=packed, layers=TRANSPARENT[bits])
    assert read(file).rgb[..., 3].min() == 0
    file.seek(0)
    assert read(file, background="red").rgb[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("packed", [False, True])
def test_a_bit_of_1_is_black(packed):
    bits = planes_of(1, 1)
    file = psd(bits.astype(np.uint8), BITMAP, 1, packed=packed)
    assert np.array_equal(read(file).rgb, shown(1 - bits, 1))


@pytest.mark.parametrize("packed", [False, True])
def test_indices_have_a_palette(packed):
    palette = np.random.default_rng(0).integers(0, 256, (256, 3), np.uint8)
    indices = planes_of(1)
    file = psd(indices, INDEXED, packed=packed, colors=palette.T.tobytes())
    assert np.array_equal(read(file).rgb, palette[indices[0]])


@pytest.mark.parametrize("bits", [8, 16])
def test_inks_are_stored_the_other_way_round(bits):
    planes = planes_of(4, bits)
    inks = np.rint(np.moveaxis(planes, 0, 2) / ((1 << bits) - 1) * 255).astype(np.uint8)
    expected = Image.fromarray(255 - inks, "CMYK").convert("RGB")
    assert np.array_equal(read(psd(planes, CMYK, bits)).rgb, np.asarray(expected))


def test_the_middle_of_lab_is_grey():
    planes = np.full((3, HEIGHT, WIDTH), 128)
    assert np.ptp(read(psd(planes, LAB)).rgb) <= 1


def test_duotones_are_reported():
    assert read(psd(planes_of(1), DUOTONE)).notes == ("its inks are taken as black",)


@pytest.mark.parametrize(
    ("mode", "bits", "compression"), [(MULTICHANNEL, 8, 0), (LAB, 16, 0), (RGB, 8, 2), (RGB, 8, 3)]
)
def test_what_is_not_supported_is_reported_with_a_way_out(mode, bits, compression):
    file = psd(planes_of(3), mode, bits, compression=compression)
    with pytest.raises(
        FormatError, match=r"a PSD that cannot be read: .*; convert it to PNG first"
    ):
        read(file)


def test_samples_of_32_bits_are_refused():
    with pytest.raises(FormatError, match="samples of 32 bits"):
        read(psd(planes_of(3), RGB, 32))


@pytest.mark.parametrize("packed", [False, True])
def test_a_psd_whose_data_end_early_is_refused(packed):
    stored = psd(planes_of(4), RGB, packed=packed).getvalue()
    start = len(psd(planes_of(4)[:, :0], RGB).getvalue())
    for end in range(0, start + 3 * HEIGHT, 7):
        with pytest.raises(FormatError):
            read(io.BytesIO(stored[:end]))


def test_a_psd_that_pillow_opened_is_read_the_same():
    planes = planes_of(5)
    with Image.open(psd(planes, RGB, packed=True)) as image:
        assert np.array_equal(read(image).rgb, shown(planes[:3]))
