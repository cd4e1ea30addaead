"""Pixels are stored upright, and what a file says about its orientation follows them."""

from __future__ import annotations

import io

import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

import kmq
from kmq import pixels
from kmq.metadata import exif
from kmq.metadata.images import orientation

SIDEWAYS = 6
STORED = np.zeros((16, 24, 3), np.uint8)
STORED[:8] = 255
UPRIGHT = np.rot90(STORED, -1)


def camera_exif(order=None):
    """A block as cameras write it, with a thumbnail."""
    made = Image.Exif()
    if order is not None:
        made.endian = order
    made[ExifTags.Base.Orientation] = SIDEWAYS
    made[ExifTags.Base.Make] = "A camera"
    made[ExifTags.IFD.Exif] = {ExifTags.Base.ExposureTime: 0.01, ExifTags.Base.MakerNote: b"note"}
    made[ExifTags.IFD.GPSInfo] = {ExifTags.GPS.GPSLatitudeRef: "N"}
    thumbnail = io.BytesIO()
    Image.new("RGB", (4, 4)).save(thumbnail, "JPEG")
    block = made.tobytes()
    return block + thumbnail.getvalue()


def saved(kind, **options):
    file = io.BytesIO()
    Image.fromarray(STORED).save(file, kind, **options)
    return file


def is_upright(rgb):
    return rgb.shape == UPRIGHT.shape and np.abs(rgb.astype(int) - UPRIGHT).max() < 60


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF", "MPO"])
def test_exif_says_upright_and_is_otherwise_as_it_was(kind, order):
    block = camera_exif(order)
    options = {"append_images": [Image.new("RGB", (24, 16))], "save_all": True}
    read = pixels.read(saved(kind, exif=block, **(options if kind == "MPO" else {})))
    assert is_upright(read.rgb)
    assert exif.orientation(read.metadata.exif) == 1
    if kind != "AVIF":  # which Pillow writes anew
        assert len(read.metadata.exif) == len(block) - len(exif.PREFIX)
        assert read.metadata.exif.endswith(block[-100:])
    back = Image.open(
        io.BytesIO(pixels.indexed_to_file(kmq.quantize(saved(kind, exif=block)), ".png"))
    )
    assert is_upright(np.asarray(back.convert("RGB")))
    assert orientation(back) == 1
    assert back.getexif().get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] == "N"


@pytest.mark.parametrize("writer", ["Pillow", "tifffile"])
def test_the_orientation_of_a_tiff_is_applied_and_forgotten(writer):
    if writer == "Pillow":
        file = saved("TIFF", tiffinfo={274: SIDEWAYS, 271: "A scanner"}, dpi=(300, 300))
    else:
        file = io.BytesIO()
        tags = [(274, 3, 1, SIDEWAYS, True), (271, 2, None, "A scanner", True)]
        tifffile.imwrite(
            file,
            STORED,
            extratags=tags,
            resolution=(300, 300),
            resolutionunit="INCH",
            metadata=None,
        )
    indexed = kmq.quantize(file)
    assert is_upright(indexed.to_rgb())
    assert indexed.metadata.resolution == (300, 300)
    assert exif.orientation(indexed.metadata.exif) is None
    written = Image.open(io.BytesIO(pixels.indexed_to_file(indexed, ".tif")))
    assert written.getexif()[ExifTags.Base.Make] == "A scanner"
    assert orientation(written) == 1


@pytest.mark.parametrize("form", ['tiff:Orientation="6"', "<tiff:Orientation>6</tiff:Orientation>"])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_the_orientation_in_xmp_follows_too(kind, form):
    if kind == "PNG":
        chunks = PngInfo()
        chunks.add_itxt("XML:com.adobe.xmp", f"<x {form}/>")
        file = saved(kind, pnginfo=chunks)
    else:
        file = saved(kind, xmp=f"<x {form}/>".encode())
    read = pixels.read(file)
    assert is_upright(read.rgb)
    assert read.metadata.xmp == f"<x {form.replace('6', '1')}/>".encode()


def test_a_block_that_imagemagick_wrote_as_text_is_exif():
    block = exif.PREFIX + exif.of_resolution((300, 300))
    oriented = Image.Exif()
    oriented[ExifTags.Base.Orientation] = SIDEWAYS
    block = oriented.tobytes()
    chunks = PngInfo()
    chunks.add_text("Raw profile type exif", f"\nexif\n{len(block):8}\n{block.hex()}\n", zip=True)
    read = pixels.read(saved("PNG", pnginfo=chunks))
    assert is_upright(read.rgb)
    assert exif.orientation(read.metadata.exif) == 1
    assert read.metadata.text == ()


def test_indices_taken_as_they_are_keep_the_orientation_that_they_need():
    indexed = Image.fromarray(STORED).convert("P")
    file = io.BytesIO()
    indexed.save(file, "PNG", exif=camera_exif(), dpi=(300, 300))
    with Image.open(file) as image:
        kept = kmq.IndexedImage.from_pil(image)
    assert (kept.width, kept.height) == (24, 16)
    assert exif.orientation(kept.metadata.exif) == SIDEWAYS
    assert round(kept.metadata.resolution[0]) == 300


def test_no_resolution_is_invented():
    assert pixels.read(saved("TIFF")).metadata.resolution is None
    assert pixels.read(saved("JPEG", exif=camera_exif())).metadata.resolution is None


@pytest.mark.parametrize("kind", ["WEBP", "AVIF"])
def test_a_resolution_that_only_exif_states_is_read(kind):
    block = exif.PREFIX + exif.of_resolution((300, 200))
    assert pixels.read(saved(kind, exif=block)).metadata.resolution == (300, 200)
