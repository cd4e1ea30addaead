"""Metadata that are damaged, endless or too large: bounded, noted, and the picture is read."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image

import kmq
from kmq import pixels
from kmq.container.fields import checksum
from kmq.container.head import RGB, write_head
from kmq.limits import MAX_METADATA
from kmq.pixels import indexed_to_file, metadata_notes

RGB_PIXELS = np.random.default_rng(0).integers(0, 256, (7, 5, 3), np.uint8)


def chunk(kind, data, *, is_whole=True):
    crc = zlib.crc32(kind + data) ^ (not is_whole)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)


def png(*chunks, after=()):
    """A PNG with chunks before its image data, and after them."""
    rows = np.hstack([np.zeros((7, 1), np.uint8), RGB_PIXELS.reshape(7, -1)]).tobytes()
    return io.BytesIO(
        b"".join(
            (
                b"\x89PNG\r\n\x1a\n",
                chunk(b"IHDR", struct.pack(">IIBBBBB", 5, 7, 8, 2, 0, 0, 0)),
                *chunks,
                chunk(b"IDAT", zlib.compress(rows)),
                *after,
                chunk(b"IEND", b""),
            )
        )
    )


def compressed(keyword, size):
    return chunk(b"zTXt", keyword + b"\0\0" + zlib.compress(bytes(size)))


def exif(*entries, following=0):
    """A TIFF structure of (tag, kind, count, value or offset)."""
    packed = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + packed + struct.pack("<I", following)


GOOD = chunk(b"tEXt", b"Title\0a title")

DAMAGED = {
    "a wrong checksum": chunk(b"tEXt", b"a\0b", is_whole=False),
    "an unknown compression": chunk(b"zTXt", b"a\0\x07b"),
    "two million zeros": compressed(b"a", 2_000_000),
    "two million zeros as UTF-8": chunk(b"iTXt", b"a\0\1\0\0\0" + zlib.compress(bytes(2_000_000))),
}


@pytest.mark.parametrize("is_after", [False, True])
@pytest.mark.parametrize("name", DAMAGED)
def test_a_text_that_pillow_refuses_costs_this_text_alone(name, is_after):
    bad = DAMAGED[name]
    file = png(GOOD, after=[bad]) if is_after else png(bad, GOOD)
    read = pixels.read(file)
    assert np.array_equal(read.rgb, RGB_PIXELS)
    assert read.metadata.text == (("Title", "a title"),)
    assert read.notes == ("not kept: 1 text, damaged or too long or many",)
    assert pixels.read(file, strip=True).notes == ()


@pytest.mark.parametrize(("kind", "label"), [(b"eXIf", "EXIF"), (b"pHYs", "resolution")])
def test_other_damaged_chunks_are_named(kind, label):
    read = pixels.read(png(chunk(kind, bytes(9), is_whole=False), GOOD))
    assert read.notes == (f"not kept: damaged {label}",)
    assert read.metadata.text


def test_a_text_that_is_cut_short_at_the_end_of_the_file_is_left_out():
    whole = png(after=[GOOD]).getvalue()
    read = pixels.read(io.BytesIO(whole[:-18]))
    assert np.array_equal(read.rgb, RGB_PIXELS)
    assert read.notes == ("not kept: 1 text, damaged or too long or many",)


def test_text_bombs_take_little_memory():
    bombs = [compressed(b"%d" % i, 1_000_000) for i in range(100)]
    file = png(*bombs)
    tracemalloc.start()
    read = pixels.read(file)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 150e6
    assert "damaged or too long or many" in read.notes[0]
    assert np.array_equal(read.rgb, RGB_PIXELS)


def test_keywords_that_pillow_uses_itself_are_texts():
    names = ["transparency", "dpi", "icc_profile", "exif", "xmp", "gamma", "srgb", "loop"]
    texts = [chunk(b"tEXt", name.encode() + b"\0value") for name in names]
    read = pixels.read(png(*texts))
    assert [keyword for keyword, _ in read.metadata.text] == names
    again = Image.open(io.BytesIO(kmq.encode(png(*texts))))
    assert again.convert("RGB").size == (5, 7)
    assert list(again.text) == names


def test_of_very_many_texts_the_first_1024_are_kept():
    texts = [chunk(b"tEXt", b"%d\0x" % i) for i in range(1500)]
    read = pixels.read(png(*texts))
    assert len(read.metadata.text) == 1024
    assert read.notes == ("not kept: 476 texts, damaged or too long or many",)


def test_the_largest_of_what_is_too_long_is_left_out():
    xmp = chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + b" " * 10_000_000 + b"<x/>")
    long_text = chunk(b"tEXt", b"Log\0" + b"x" * 5_000_000)
    with pytest.warns(kmq.KmqWarning) as caught:
        data = kmq.encode(png(xmp, long_text, GOOD))
    assert [str(warning.message) for warning in caught] == [
        "not kept: XMP of 10,000,004 bytes, the text 'Log' of 5,000,004 bytes"
    ]
    assert kmq.load(data).metadata == kmq.Metadata(text=[("Title", "a title")])


def test_what_just_fits_is_kept():
    text = "x" * (MAX_METADATA - 100)
    data = kmq.encode(png(chunk(b"tEXt", b"Log\0" + text.encode())))
    assert kmq.load(data).metadata.text == (("Log", text),)


def test_metadata_that_a_caller_set_are_refused_where_they_are_too_long():
    indexed = kmq.quantize(png()).with_metadata(kmq.Metadata(xmp=bytes(MAX_METADATA)))
    with pytest.raises(kmq.OptionError, match=r"metadata: .* more than"):
        kmq.encode(indexed)
    assert not kmq.load(kmq.encode(indexed, strip=True)).metadata


SHARING = exif(*[(tag, 2, 240_000, 8) for tag in range(20_000)])
"""20,000 tags that share 240,000 bytes: 5 GB if each is copied."""

LOOPING = exif((274, 3, 1, 6), (34_665, 4, 1, 8), (34_853, 4, 1, 8), following=8)
"""A directory that is its own parts, and follows itself."""


@pytest.mark.parametrize("block", [SHARING, LOOPING])
def test_exif_that_shares_or_loops_is_kept_in_little_memory(block):
    file = png(chunk(b"eXIf", block))
    tracemalloc.start()
    indexed = kmq.quantize(file, strip=False)
    for extension in (".png", ".jpg", ".webp", ".tif", ".avif"):
        assert indexed_to_file(indexed, extension)
        metadata_notes(indexed.metadata, extension)
    kmq.load(kmq.encode(indexed))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 30e6
    assert len(indexed.metadata.exif) == len(block)
    if block is SHARING:
        assert metadata_notes(indexed.metadata, ".tif") == ("not kept in TIFF: EXIF",)


@pytest.mark.parametrize("extension", [".png", ".jpg", ".webp", ".tif", ".avif", ".bmp", ".gif"])
@pytest.mark.parametrize(
    "metadata",
    [
        kmq.Metadata(exif=b"nonsense"),
        kmq.Metadata(exif=b"II*\0\xff\xff\xff\xff"),
        kmq.Metadata(xmp=b"\xff\0"),
        kmq.Metadata(resolution=((1 << 32) - 1, 1)),
        kmq.Metadata(resolution=(1 / 9999, 1)),
        kmq.Metadata(text=[("k" * 255, "x"), (" k", "x"), ("Ω", "x"), ("k", "a\0b"), ("k", "Ω")]),
        kmq.Metadata(text=[("Comment", "x" * 70_000)]),
    ],
    ids=range(7),
)
def test_odd_metadata_in_a_kmq_file_never_cost_the_picture(metadata, extension):
    indexed = kmq.quantize(png()).with_metadata(metadata)
    data = indexed_to_file(indexed, extension)
    with Image.open(io.BytesIO(data)) as written:
        written.load()
        assert written.size == (5, 7)
    assert len(metadata_notes(metadata, extension)) <= 1
    with Image.open(io.BytesIO(kmq.encode(indexed))) as image:
        assert image.convert("RGB").size == (5, 7)


def described(block):
    """A `.kmq` file of one pixel with a block of metadata, its checksums right."""
    body = b""
    head = write_head(1, 1, RGB, bytes(3), 1, [(0, body)], metadata_bytes=len(block))
    return head + body + checksum(body) + block + checksum(block)


@pytest.mark.parametrize(
    "block",
    [
        bytes.fromhex("04 02 6100") * (MAX_METADATA // 4),
        bytes.fromhex("05 00") * (MAX_METADATA // 2),
        bytes.fromhex("02 ff ff ff 01"),
        bytes(1000),
    ],
)
def test_a_hostile_block_is_refused_and_the_picture_read(block):
    data = described(block)
    with pytest.warns(kmq.KmqWarning, match="metadata: .*; the picture is read without them"):
        image = kmq.load(data)
    assert (image.width, image.height, bool(image.metadata)) == (1, 1, False)
    found = kmq.info(data)
    assert found.metadata_fault.startswith("metadata: ")
    assert found.to_dict()["metadata"]["text"] == []
