"""Write the golden files of `formats/vectors`.

Valid files are written by kmq from computed images. `manifest.json` has the expected result
of decoding each: the SHA-256 of the pixels (RGB, or RGBA if some entry is not opaque, 8 bits,
row after row), of the palette (RGBA), of the indices and, if there are any, of the entries'
labels (16 bits, little-endian), and the items of the metadata, or null if they are damaged.

Each invalid file breaks one rule of the specification, with corrected checksums, so that
decoders notice the rule; the manifest has kmq's error message.
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import ClassVar
from unittest import mock

import numpy as np
import reference_modelled

from kmq.container import metadata as metadata_block
from kmq.container import modelled, packed
from kmq.container.fields import Reader, checksum, varint
from kmq.container.head import (
    GREY,
    LABELS,
    MODELLED,
    PACKED,
    RGB,
    RGBA,
    SIGNATURE,
    read_head,
    write_head,
)
from kmq.container.reading import loads
from kmq.container.writing import dumps
from kmq.errors import FormatError, KmqWarning
from kmq.image import IndexedImage
from kmq.metadata import Metadata

MODELLED_COLORS = (2, 3, 4, 5, 16, 17, 64, 200, 256, 257, 1000, 4097)

MODELLED_SIZES = ((64, 64), (32, 512), (256, 256), (760, 700), (1024, 1024), (1025, 1024))
"""Heights and widths of stripes with different table sizes: powers of two and their
neighbours, between 2^19 and 2^20 pixels, and above."""

START = (1 << 31) // 3 * 3
"""The lowest state of the mixed-radix code with three colours."""

VECTORS = Path(__file__).parent / "vectors"

_EXAMPLE_BODY = bytes.fromhex("83ceff7fd00c0000")
"""The body of the specification's packed example."""


def tiles(colors: int, down: int, across: int) -> IndexedImage:
    """Return a small pattern, repeated often enough for matches longer than any class."""
    tile = pattern(colors, 9, 37)
    return IndexedImage(tile.palette, np.tile(tile.indices, (down, across)))


def pattern(colors: int, height: int, width: int, *, grey: bool = False) -> IndexedImage:
    """Return an image whose palette and indices are computed with integers."""
    entry = np.arange(colors)
    red, green, blue = entry * 37 % 256, entry * 101 // 7 % 256, (entry * 53 + 11) % 256
    if grey:
        green = blue = red
    position = np.arange(height * width, dtype=np.int64)
    indices = (position * position // 3 + position * 7) % colors
    palette = np.stack([red, green, blue], axis=1)
    return IndexedImage(palette, indices.reshape(height, width), is_grey_picture=grey)


def blots(colors: int, height: int, width: int, *, grey: bool = False) -> IndexedImage:
    """Return an image of flat areas, edges, slopes and specks, with ordered colours."""
    flat = pattern(colors, height, width, grey=grey)
    y, x = np.mgrid[0:height, 0:width]
    areas = (x // 9 + (y + x // 5) // 7 * 3) % max(colors // 3, 2)
    slopes = (x * colors // width + y // 11) % colors
    indices = np.where((x - 40) ** 2 + (y - 20) ** 2 < 300, slopes, areas % colors)
    specks = (x * x * 7 + y * y * 13 + x * y) % 31 == 0
    return IndexedImage(flat.palette, np.where(specks, flat.indices, indices), is_grey_picture=grey)


def close_colors() -> IndexedImage:
    """Return an image in which all colours but one are equal, so the means of splits are close."""
    palette = np.full((16, 3), 100)
    palette[15, 0] = 101
    return IndexedImage(palette, blots(16, 45, 67).indices)


def mostly_flat(colors: int, height: int, width: int) -> IndexedImage:
    """Return a flat image whose last rows contain speckled ground and noise, each twice.

    These rows have more contexts than the tables have slots, and meet them again, so a table of
    another size leads to other bytes. The flat rows above only increase the number of pixels.
    """
    flat = pattern(colors, height, width)
    band_height, band_width = min(64, height // 2), min(1024, width)
    y, x = np.mgrid[0:band_height, 0:band_width]
    random = scrambled(y * band_width + x)
    band = np.where(random % 80 == 0, 1 + (random >> 8) % (colors - 1), 0)
    is_noise = (y < 24) & (x >= band_width - min(64, band_width // 8))
    band = np.where(is_noise, (random >> 8) % colors, band)
    indices = np.zeros((height, width), np.int64)
    indices[-2 * band_height :, :band_width] = np.tile(band, (2, 1))
    return IndexedImage(flat.palette, indices)


def slants(colors: int, height: int, width: int) -> IndexedImage:
    """Return wide, flat, slanted areas with a few specks.

    Spans begin at the start of a row and within it, end at its end and before, and contain
    other pixels at the first place, the last place and in between.
    """
    y, x = np.mgrid[0:height, 0:width]
    areas = (x + y // 3 * (y % 64 // 32)) // 90 + y // 40
    specks = scrambled(y * width + x) % 400 == 0
    return IndexedImage(pattern(colors, 1, 1).palette, (areas + specks) % colors)


def specks(colors: int, height: int, width: int) -> IndexedImage:
    """Return a flat image in which one pixel in twenty has another colour."""
    random = scrambled(np.arange(height * width)).reshape(height, width)
    indices = np.where(random % 20 == 0, 1 + random // 99 % (colors - 1), 0)
    return IndexedImage(pattern(colors, 1, 1).palette, indices)


def scrambled(numbers: np.ndarray) -> np.ndarray:
    """Return 32-bit numbers that look random, computed with integers."""
    mixed = numbers * 0x9E3779B1 & 0xFFFFFFFF
    mixed = (mixed ^ mixed >> 15) * 0x7FEB352D & 0xFFFFFFFF
    return mixed ^ mixed >> 13


def _noise(size: int) -> bytes:
    return scrambled(np.arange(9, 9 + size)).astype(np.uint8).tobytes()


_NOISE_AND_ZEROS = _noise(18) + bytes(2)
"""A body that ends in stored zeros if exactly 8 more are omitted."""


def valid_files() -> dict[str, bytes]:
    """Return every valid file by its name."""
    images = {
        "specification-example": IndexedImage(
            [[255, 0, 0], [255, 255, 255], [0, 0, 255]], [[0, 1, 2, 1], [2, 1, 0, 0]]
        ),
        "one-pixel-one-colour": pattern(1, 1, 1),
        "one-colour": pattern(1, 30, 41),
        "one-row": pattern(5, 1, 201),
        "one-column": pattern(6, 201, 1),
        "grey-2": pattern(2, 9, 13, grey=True),
        "grey-256": pattern(256, 17, 16, grey=True),
    }
    for colors in (2, 3, 4, 8, 16, 17, 32, 64, 128, 200, 249, 256, 257, 512, 1000):
        images[f"colours-{colors}"] = pattern(colors, 23, 31)
    for colors in (65_535, 65_536):
        images[f"colours-{colors}"] = pattern(colors, 23, 31, grey=True)
    files = {name: dumps(image, coding="packed") for name, image in images.items()}
    files["grey-in-colour"] = in_stripes(pattern(7, 9, 13, grey=True), 9)
    for colors in MODELLED_COLORS:
        files[f"modelled-{colors}"] = dumps(blots(colors, 45, 67), coding="modelled")
    files["specification-modelled"] = in_stripes(
        IndexedImage(
            [[0, 0, 0], [0, 0, 255], [255, 0, 0], [255, 255, 0], [255, 255, 255]],
            [[0, 0, 2, 2], [0, 2, 4, 2]],
        ),
        2,
        MODELLED,
    )
    files["modelled-grey"] = dumps(blots(9, 20, 31, grey=True), coding="modelled")
    files["modelled-one-row"] = dumps(blots(6, 1, 201), coding="modelled")
    files["modelled-one-column"] = dumps(blots(6, 201, 1), coding="modelled")
    files["modelled-tiles"] = dumps(tiles(12, 2, 35), coding="modelled")
    files["modelled-one-pixel"] = in_stripes(IndexedImage([[0] * 3, [255] * 3], [[1]]), 1, MODELLED)
    files["modelled-close-colours"] = in_stripes(close_colors(), 45, MODELLED)
    for colors, width in ((2, 131), (7, 64), (16, 193), (300, 257)):
        files[f"modelled-spans-{colors}"] = in_stripes(slants(colors, 97, width), 97, MODELLED)
    files["modelled-spans-small"] = in_stripes(specks(7, 32, 64), 32, MODELLED)
    column = IndexedImage([[0] * 3, [255] * 3], np.zeros((130_000, 1), np.uint8))
    files["modelled-zeros-at-the-end"] = in_stripes(column, 130_000, MODELLED)
    for height, width in MODELLED_SIZES:
        image = mostly_flat(16, height, width)
        files[f"modelled-{width}x{height}"] = in_stripes(image, height, MODELLED)
    files["modelled-stripes"] = in_stripes(blots(16, 70, 131), 32, MODELLED)
    files["modelled-one-colour"] = in_stripes(pattern(1, 3, 4), 3, MODELLED)
    for colors in (1, 7, 64):
        files[f"stripes-{colors}"] = in_stripes(pattern(colors, 70, 131), 32)
    files["stripes-of-one-row"] = in_stripes(pattern(3, 3, 4099), 1)
    return (
        files
        | dict(_files_at_limits())
        | dict(_files_with_alpha())
        | dict(_files_with_labels())
        | dict(_files_in_order())
        | dict(_files_described())
    )


def _files_at_limits() -> Iterator[tuple[str, bytes]]:
    """Yield files in which some number is the largest or smallest legal one."""
    yield "one-colour-widest", one_color(1 << 22, 1, 1, (PACKED,))
    yield "modelled-one-colour-most-places", one_color(16, 1 << 17, 1 << 17, (MODELLED,))
    yield "stripes-of-4096-pixels", in_stripes(pattern(3, 2, 4096), 1)
    image = pattern(4097, 2, 4097, grey=True)
    bodies = [packed.encode(row, 4097) for row in image.indices[:, None]]
    head = write_head(
        4097, 2, GREY, image.palette[:, 0].tobytes(), 1, [(PACKED, body) for body in bodies]
    )
    yield "stripes-of-as-many-pixels-as-colours", head + _with_checksums(bodies)
    image = blots(5, 70, 131)
    bodies = [
        packed.encode(image.indices[:32], 5),
        modelled.encode(image.indices[32:64], image.palette),
        packed.encode(image.indices[64:], 5),
    ]
    table = list(zip((PACKED, MODELLED, PACKED), bodies, strict=True))
    head = write_head(131, 70, RGB, image.palette.tobytes(), 32, table)
    yield "stripes-of-both-codings", head + _with_checksums(bodies)
    # The first stripe has more places than a modelled one may have, the last has few.
    yield (
        "stripes-of-which-the-last-is-modelled",
        one_color(1, 246_824, 246_724, (PACKED, MODELLED)),
    )
    # Indices 256 apart, which pairs with a node that name the same place tell by no check.
    palette = pattern(65_536, 1, 1, grey=True).palette
    indices = scrambled(np.arange(323)).reshape(17, 19) % 7 * 256
    image = IndexedImage(palette, indices, is_grey_picture=True)
    yield "modelled-65536", dumps(image, coding="modelled")
    yield "modelled-noise", with_noise(5, 12, 13)
    for body, missing in ((_noise(19), 7), (_NOISE_AND_ZEROS, 8)):
        height = height_of_noise(body, missing)
        yield f"modelled-noise-{missing}-missing", modelled_file(5, height, 13, body)


def _with_checksums(bodies: list[bytes]) -> bytes:
    return b"".join(body + checksum(body) for body in bodies)


def one_color(width: int, height: int, rows: int, codings: tuple[int, ...]) -> bytes:
    """Return a file of one colour, whose stripes are empty."""
    head = write_head(width, height, GREY, b"\x07", rows, [(coding, b"") for coding in codings])
    return head + checksum(b"") * len(codings)


class _KeptCoder(reference_modelled.Coder):
    """A coder whose state can be read after decoding."""

    last: ClassVar[reference_modelled.Coder]

    def __init__(self, body: bytes) -> None:
        super().__init__(body)
        _KeptCoder.last = self


def coder_behind(body: bytes, colors: int, height: int, width: int) -> reference_modelled.Coder:
    """Return the reference decoder's coder after reading the pixels from a longer body."""
    palette = pattern(colors, 1, 1).palette.tolist()
    with mock.patch.object(reference_modelled, "Coder", _KeptCoder), suppress(ValueError):
        reference_modelled.decode(body, height, width, palette)
    assert _KeptCoder.last.position < len(body)
    return _KeptCoder.last


def with_noise(colors: int, height: int, width: int) -> bytes:
    """Return a file with random decisions that ends as a writer ends it.

    No writer makes such a file, because the tree leads to indices that the guesses ruled out.
    """
    noise = _noise(400)
    coder = coder_behind(noise, colors, height, width)
    start = int.from_bytes(noise[: coder.position], "big") - coder.low
    gaps = (-start % (1 << zeros) for zeros in range(48, -1, -8))
    number = start + next(gap for gap in gaps if gap < coder.span)
    body = number.to_bytes(coder.position, "big").rstrip(b"\0")
    return modelled_file(colors, height, width, body)


def height_of_noise(body: bytes, missing: int) -> int:
    """Return the height of a picture in 5 colours, 13 wide, whose body omits `missing` zeros."""
    size = len(body) + missing
    heights = (h for h in count(1) if coder_behind(body + bytes(99), 5, h, 13).position >= size)
    height = next(heights)
    assert coder_behind(body + bytes(99), 5, height, 13).position == size
    return height


def modelled_file(colors: int, height: int, width: int, body: bytes) -> bytes:
    """Return a file of one stripe with this body."""
    palette = pattern(colors, 1, 1).palette.tobytes()
    head = write_head(width, height, RGB, palette, height, [(MODELLED, body)])
    return head + _with_checksums([body])


def _files_with_labels() -> Iterator[tuple[str, bytes]]:
    for colors in (1, 2, 19, 300):
        labels = np.arange(colors) * 8191 % 64_000 + 1014
        mask = IndexedImage.from_labels(labels[blots(colors, 20, 31).indices])
        for coding in ("packed", "modelled"):
            yield f"labels-{colors}-{coding}", dumps(mask, coding=coding)
    yield "labels-small", dumps(IndexedImage.from_labels([[0, 7, 255, 7]]))
    body = packed.encode(np.array([[0, 1, 1, 0]], np.uint8), 3)
    labels = struct.pack("<3H", 0, 7, 300)
    head = write_head(4, 1, LABELS, labels, 1, [(PACKED, body)])
    yield "labels-unused-300", head + _with_checksums([body])
    yield "labels-256", dumps(IndexedImage.from_labels([[0, 7, 256, 7]]))
    yield "labels-order", dumps(mask, order=np.arange(len(mask.palette))[::-1])


def _files_with_alpha() -> Iterator[tuple[str, bytes]]:
    for coding in ("packed", "modelled"):
        yield f"rgba-{coding}", dumps(with_alpha(blots(17, 45, 67)), coding=coding)
        yield f"grey-alpha-{coding}", dumps(with_alpha(blots(9, 20, 31, grey=True)), coding=coding)
    clear = IndexedImage([[200, 30, 60, 0], [0, 90, 255, 255]], blots(2, 45, 67).indices)
    yield "rgba-2-one-clear", dumps(clear)
    # Over middle grey these look the same, so every axis of the tree has length 0.
    veils = [[128, 128, 128, alpha] for alpha in (0, 40, 128, 254, 255)]
    yield "grey-alpha-equal-composites", dumps(IndexedImage(veils, blots(5, 45, 67).indices))
    whites = [[255, 255, 255, 128], [0, 0, 0, 128], [254, 255, 255, 128], [193, 193, 193, 249]]
    yield "rgba-near-composites", dumps(IndexedImage(whites, blots(4, 45, 67).indices))
    head = write_head(4, 2, RGBA, bytes(range(8)) + b"\0\0\0\xff", 2, [(PACKED, _EXAMPLE_BODY)])
    yield "rgba-partly-opaque", head + _EXAMPLE_BODY + checksum(_EXAMPLE_BODY)
    opaque = b"\1\2\3\xff\4\5\6\xff\7\x08\x09\xff"
    head = write_head(4, 2, RGBA, opaque, 2, [(PACKED, _EXAMPLE_BODY)])
    yield "rgba-all-opaque", head + _EXAMPLE_BODY + checksum(_EXAMPLE_BODY)


def _files_in_order() -> Iterator[tuple[str, bytes]]:
    for colors in (2, 3, 17, 256, 257):
        order = np.argsort(np.arange(colors) * 101 % 257 % colors, kind="stable")
        for coding in ("packed", "modelled"):
            image = blots(colors, 45, 67)
            yield f"order-{colors}-{coding}", dumps(image, coding=coding, order=order)
    yield "order-1", dumps(pattern(1, 3, 4), order=np.zeros(1, np.int64))
    yield "order-rgba", dumps(with_alpha(blots(5, 20, 31)), order=np.array([4, 2, 0, 3, 1]))


def _files_described() -> Iterator[tuple[str, bytes]]:
    everything = Metadata(
        resolution=(300, Fraction(7200, 254)),
        exif=bytes.fromhex("49492a00 08000000 0000 00000000"),
        xmp=b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>",
        text=(("Title", "Dunes"), ("Title", "Dünen")),
    )
    yield "metadata", dumps(blots(16, 20, 31).with_metadata(everything))
    image = with_alpha(blots(17, 45, 67)).with_metadata(everything)
    yield "metadata-order-rgba", dumps(image, order=np.arange(17)[::-1])
    yield "metadata-unknown-kinds", described(bytes.fromhex("02 01 49  05 03 010203  ff 00"))
    yield "metadata-bad-checksum", described(b"\x02\x01I", crc=bytes(4))
    for name, block in {
        "cut": "02 02 49",
        "kind-zero": "00 00",
        "kinds-descending": "03 01 49 02 01 49",
        "exif-twice": "02 01 49 02 01 49",
        "unknown-twice": "07 00 07 00",
        "length-not-shortest": "02 81 00 49",
        "resolution-zero": "01 04 01 00 01 01",
        "resolution-too-long": "01 05 01 01 01 01 01",
        "resolution-too-large": "01 08 80 80 80 80 10 01 01 01",
        "text-without-keyword": "04 02 00 61",
        "text-without-zero": "04 01 61",
        "text-not-utf-8": "04 03 61 00 ff",
        "keyword-not-utf-8": "04 02 ff 00",
        "keyword-of-256-bytes": "04 81 02" + 256 * "61" + "00",
        "texts-1025": 1025 * "04 02 61 00",
        "texts-1024": 1024 * "04 02 61 00",
        "keyword-of-255-bytes": "04 80 02" + 255 * "61" + "00",
        "text-with-zeros": "04 83 02 61 00" + 255 * "62" + "00 63",
        "text-of-largest-characters": "04 0a 61 00 ef bf bf f4 8f bf bf 00",
        "text-beyond-unicode": "04 06 61 00 f4 90 80 80",
        "text-of-half-a-pair": "04 05 61 00 ed a0 80",
        "text-not-shortest": "04 04 61 00 c0 af",
        "resolution-largest": "01 08 ff ff ff ff 0f 01 01 01",
        "resolution-too-short": "01 03 01 01 01",
        "resolution-not-shortest": "01 05 81 00 01 01 01",
        "empty-payloads": "02 00 03 00 04 02 61 00",
    }.items():
        yield f"metadata-{name}", described(bytes.fromhex(block))


def with_alpha(image: IndexedImage) -> IndexedImage:
    """Return the image with an alpha for each entry, from clear for the first to opaque."""
    alpha = np.arange(len(image.palette)) * 255 // (len(image.palette) - 1)
    return IndexedImage(np.column_stack([image.palette, alpha]), image.indices)


def in_stripes(image: IndexedImage, rows: int, coding: int = PACKED) -> bytes:
    """Return a file with different stripes from kmq's, which any writer may make."""
    bands = [image.indices[first : first + rows] for first in range(0, image.height, rows)]
    if coding == PACKED:
        bodies = [packed.encode(band, len(image.palette)) for band in bands]
    else:
        bodies = [modelled.encode(band, image.palette) for band in bands]
    palette = image.palette.tobytes()
    table = [(coding, body) for body in bodies]
    head = write_head(image.width, image.height, RGB, palette, rows, table)
    return head + b"".join(body + checksum(body) for body in bodies)


def file_of(
    *,
    signature: bytes = SIGNATURE,
    version: int = 1,
    kind: int = 1,
    numbers: bytes = bytes((4, 2, 3, 2)),
    palette: bytes = bytes(range(9)),
    table: bytes = bytes((0, 8)),
    bodies: tuple[bytes, ...] = (_EXAMPLE_BODY,),
    head_checksum: bytes | None = None,
    body_checksum: bytes | None = None,
    behind: bytes = b"",
) -> bytes:
    """Return the specification's example with replaced parts and matching checksums."""
    head = signature + bytes((version, kind)) + numbers + palette + table
    head += _checksum(head) if head_checksum is None else head_checksum
    for body in bodies:
        head += body + (_checksum(body) if body_checksum is None else body_checksum)
    return head + behind


def described(block: bytes, length: int | None = None, crc: bytes | None = None) -> bytes:
    """Return the specification's example with metadata after it."""
    size = varint(len(block) if length is None else length)
    return file_of(
        kind=9,
        palette=bytes(range(9)) + size,
        behind=block + (_checksum(block) if crc is None else crc),
    )


def invalid_files() -> dict[str, bytes]:
    """Return every invalid file by the name of the rule that it breaks."""
    return dict(_broken_heads()) | dict(_broken_stripes())


def _broken_heads() -> Iterator[tuple[str, bytes]]:
    yield "empty", b""
    yield "signature", file_of(signature=b"\x09KMQ")
    yield "signature-last-byte", file_of(signature=b"\x89KMR")
    yield "version", file_of(version=2)
    yield "version-zero", file_of(version=0)
    yield "kind-bit-5", file_of(kind=0x21)
    yield "kind-bit-6", file_of(kind=0x41)
    yield "kind-labels-and-bit-5", file_of(kind=0x30, palette=bytes(6))
    yield "kind-labels-of-layout-2", file_of(kind=0x12, palette=bytes(6))
    yield "kind-high-bits", file_of(kind=0x11)
    yield "kind-highest-bit", file_of(kind=0x81)
    yield "kind-labels-of-a-layout", file_of(kind=0x13, palette=bytes(6))
    yield "width-zero", file_of(numbers=bytes((0, 2, 3, 2)), bodies=(struct.pack("<Q", START),))
    yield "height-zero", file_of(numbers=bytes((4, 0, 3, 1)))
    yield "width-too-large", file_of(numbers=b"\x81\x80\x80\x02" + bytes((2, 3, 2)))
    # 2^31 rows in 512 stripes, which breaks no other rule.
    rows = varint(1 << 22)
    yield (
        "height-too-large",
        file_of(numbers=b"\x01" + varint(1 << 31) + b"\x03" + rows, table=bytes((0, 8)) * 512),
    )
    yield "no-colours", file_of(numbers=bytes((4, 2, 0, 2)), palette=b"")
    yield (
        "too-many-colours",
        file_of(
            numbers=b"\x01\x01\x81\x80\x04\x01",
            palette=bytes(3 * 65_537),
            bodies=(struct.pack("<Q", (1 << 31) // 65_537 * 65_537**2),),
        ),
    )
    yield "stripe-rows-zero", file_of(numbers=bytes((4, 2, 3, 0)))
    yield "stripe-rows-above-height", file_of(numbers=bytes((4, 2, 3, 3)))
    yield "varint-not-shortest", file_of(numbers=b"\x84\x00" + bytes((2, 3, 2)))
    yield "varint-too-long", file_of(table=b"\x00" + b"\xff" * 9 + b"\x01")
    one_colour = {"palette": bytes(3)}
    yield (
        "too-many-stripes",
        file_of(
            numbers=varint(4096) + varint(65_537) + b"\x01\x01",
            **one_colour,
            table=bytes(2 * 65_537),
        ),
    )
    yield "table-longer-than-file", file_of(numbers=b"\x80\x20\x80\x80\x04\x03\x01")
    # 2048 x 2049 in one stripe; 4095 x 2 in rows; 64 x 78 in stripes of 4096, but 4097 colours.
    yield (
        "stripes-too-large",
        file_of(
            numbers=b"\x80\x10\x81\x10\x01\x81\x10",
            **one_colour,
            table=bytes(2),
            bodies=(b"",),
        ),
    )
    # 1 x 246,724 pixels, which a packed stripe may have and a modelled one may not.
    yield (
        "modelled-stripe-with-too-many-places",
        file_of(
            numbers=b"\x01\xc4\x87\x0f\x01\xc4\x87\x0f",
            **one_colour,
            table=b"\x01\x00",
            bodies=(b"",),
        ),
    )
    yield (
        "stripes-too-small",
        file_of(numbers=b"\xff\x1f\x02\x01\x01", **one_colour, table=bytes(4), bodies=(b"", b"")),
    )
    yield "stripes-smaller-than-the-palette", in_stripes(pattern(4097, 78, 64), 64)
    for name, order in {"twice": 0x14, "out-of-range": 0x34, "padding": 0x19}.items():
        # Two-bit fields: 0 1 1, 0 3 1 and 0 1 2, the last with nonzero padding.
        palette = bytes(range(9)) + bytes((order,))
        yield f"order-{name}", file_of(kind=5, palette=palette)
    yield "metadata-of-no-bytes", described(b"", 0, b"")
    yield "metadata-too-long", described(b"", (1 << 22) + 1)
    yield "metadata-cut", described(b"\x02\x01I")[:-1]
    yield "metadata-longer-than-file", described(b"", 1 << 22)
    yield "palette-cut", file_of()[:14]
    yield "head-checksum-cut", file_of()[:23]
    yield "head-checksum", file_of(head_checksum=bytes(4))


def _broken_stripes() -> Iterator[tuple[str, bytes]]:
    yield "file-cut", file_of()[:-1]
    yield "bytes-behind", file_of(behind=b"\0")
    yield "body-length-overflows", file_of(table=b"\x00" + b"\xff" * 8 + b"\x7f")
    yield "coding-unknown", file_of(table=bytes((255, 8)))
    yield "stripe-checksum", file_of(body_checksum=bytes(4))
    yield "state-too-small", file_of(bodies=(struct.pack("<Q", START - 1),))
    yield "state-too-large", file_of(bodies=(struct.pack("<Q", START << 32),))
    yield "state-left", file_of(bodies=(struct.pack("<Q", START * 3**8 + 3**8),))
    # Without the broken rule, these three would decode to the end without an error.
    one = {"numbers": bytes((1, 1, 3, 1)), "table": bytes((0, 12))}
    yield "state-too-small-with-a-word", file_of(**one, bodies=(struct.pack("<QI", 1, START),))
    fourteen = {"numbers": bytes((14, 1, 5, 1)), "palette": bytes(15)}
    state = (1 << 31) // 5 * 5 * 5**14
    yield "state-too-large-without-words", file_of(**fourteen, bodies=(struct.pack("<Q", state),))
    many = {"numbers": bytes((21, 1, 3, 1))}
    state = -(-START * 3**20 >> 32)  # times 2^32, at the top of 20 digits that end at START
    yield "word-missing-of-zeros", file_of(**many, bodies=(struct.pack("<Q", 3 * state),))
    yield "body-shorter-than-state", file_of(table=bytes((0, 4)), bodies=(bytes(4),))
    yield "body-not-whole-words", file_of(table=bytes((0, 9)), bodies=(bytes(9),))
    body = struct.pack("<QI", START * 3**8, 0)
    yield "word-left", file_of(table=bytes((0, 12)), bodies=(body,))
    yield "word-missing", file_of(bodies=(struct.pack("<Q", START),))
    four = {"numbers": bytes((3, 1, 4, 1)), "palette": bytes(12)}
    yield "fields-too-short", file_of(**four, table=bytes((0, 0)), bodies=(b"",))
    yield "fields-too-long", file_of(**four, table=bytes((0, 2)), bodies=(b"\x1b\x00",))
    yield "fields-padding", file_of(**four, table=bytes((0, 1)), bodies=(b"\x19",))
    yield "modelled-zero-at-the-end", file_of(table=bytes((1, 2)), bodies=(b"\x80\x00",))
    yield "modelled-too-long", file_of(table=bytes((1, 40)), bodies=(b"\x80" * 40,))
    noise = IndexedImage(pattern(3, 1, 1).palette, scrambled(np.arange(1640)).reshape(40, 41) % 3)
    body = modelled.encode(noise.indices, noise.palette)[:40]
    forty = {"numbers": bytes((41, 40, 3, 40))}
    yield "modelled-too-short", file_of(**forty, table=bytes((1, 40)), bodies=(body,))
    black_and_white = {"palette": bytes((0, 0, 0, 255, 255, 255))}
    height = height_of_noise(_NOISE_AND_ZEROS, 8)
    for name, body in {
        "too-short-by-1-byte": _NOISE_AND_ZEROS[:-1],
        "too-short-by-2-bytes": _NOISE_AND_ZEROS[:-2],
        "zero-and-7-missing": _NOISE_AND_ZEROS + bytes(1),
        "zero-and-6-missing": _NOISE_AND_ZEROS + bytes(2),
    }.items():
        yield f"modelled-{name}", modelled_file(5, height, 13, body)
    # One pixel, whose interval is from 0x80 to 0xFF in the first of the six bytes read.
    for name, body in {
        "junk-at-the-end": bytes.fromhex("80 01020304"),
        "surplus-word": bytes.fromhex("80 0000000000 0001"),
        "higher-end": bytes.fromhex("81"),
        "longer-end": bytes.fromhex("8001"),
        "last-end": bytes.fromhex("ffffffffffff"),
    }.items():
        numbers, table = bytes((1, 1, 2, 1)), bytes((MODELLED, len(body)))
        yield (
            f"modelled-{name}",
            file_of(**black_and_white, numbers=numbers, table=table, bodies=(body,)),
        )
    one = {"numbers": bytes((4, 2, 1, 2)), "palette": bytes(3)}
    yield "modelled-one-colour-with-a-body", file_of(**one, table=bytes((1, 1)), bodies=(b"\1",))
    yield "one-colour-with-a-body", file_of(**one, table=bytes((0, 1)), bodies=(b"\0",))


def manifest(valid: dict[str, bytes], invalid: dict[str, bytes]) -> dict[str, dict[str, object]]:
    """Return the expected results of decoding the files."""
    decoded = {}
    for name, data in valid.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", KmqWarning)  # about deliberately damaged metadata
            image = loads(data)
        stream = io.BytesIO(data)
        head = read_head(stream)
        block = data[head.metadata_start : head.metadata_start + head.metadata_bytes]
        decoded[name] = {
            "width": image.width,
            "height": image.height,
            "channels": 4 if image.has_alpha else 3,
            "sha256": _digest(image.to_rgba() if image.has_alpha else image.to_rgb()),
            "palette_sha256": _digest(rgba_of(image.palette)),
            "indices_sha256": _digest(image.indices.astype("<u2")),
            "metadata": items_of(block) if metadata_block.read(stream, head)[1] is None else None,
        }
        if image.labels is not None:
            decoded[name] |= {"labels_sha256": _digest(image.labels.astype("<u2"))}
    messages: dict[str, object] = {}
    for name, data in invalid.items():
        try:
            loads(data)
        except FormatError as error:
            messages[name] = str(error)
        else:
            raise AssertionError(f"{name} is valid")
    return {"valid": decoded, "invalid": messages}


def all_files() -> dict[str, bytes]:
    """Return every file of the folder by its path within the folder."""
    valid, invalid = valid_files(), invalid_files()
    files = {f"valid/{name}.kmq": data for name, data in valid.items()}
    files |= {f"invalid/{name}.kmq": data for name, data in invalid.items()}
    text = json.dumps(manifest(valid, invalid), indent=2, sort_keys=True) + "\n"
    return files | {"manifest.json": text.encode()}


def items_of(block: bytes) -> list[tuple[int, str]]:
    """Return the items of metadata as pairs of kind and hexadecimal payload."""
    reader = Reader(io.BytesIO(block))
    items = []
    while reader.count < len(block):
        kind = reader.byte("a kind")
        items.append((kind, reader.take(reader.varint("a length"), "an item").hex()))
    return items


def rgba_of(palette: np.ndarray) -> np.ndarray:
    """Return a palette with an alpha column."""
    return palette if palette.shape[1] == 4 else np.insert(palette, 3, 255, axis=1)


def _digest(array: np.ndarray) -> str:
    return hashlib.sha256(array.tobytes()).hexdigest()


def _checksum(data: bytes) -> bytes:
    return struct.pack("<I", zlib.crc32(data))


if __name__ == "__main__":
    for path, content in all_files().items():
        (VECTORS / path).parent.mkdir(parents=True, exist_ok=True)
        (VECTORS / path).write_bytes(content)
