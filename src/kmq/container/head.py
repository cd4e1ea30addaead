"""The head of a `.kmq` file: sizes, palette, stripe table, checksum.

`formats/kmq-1.md` is the specification; this module is its first half. Every number
is checked before it sizes or indexes anything. It needs no NumPy, and its classes are
named tuples, which are made sooner than dataclasses, so that reading a head stays quick.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO, NamedTuple

from kmq.container.fields import CHECKSUM_BYTES, Reader, checksum, varint
from kmq.errors import FormatError, LimitError
from kmq.limits import MAX_COLORS

SIGNATURE = b"\x89KMQ"
VERSION = 1
MAX_HEIGHT = (1 << 31) - 1
MAX_STRIPES = 1 << 16
"""Bounds what a head can make a reader hold before its checksum has been seen."""
STRIPE_PIXELS = 1 << 20
"""Pixels that an encoder puts into one stripe, roughly."""
MOST_STRIPE_PIXELS = 1 << 22
"""Bounds the memory and the time that one stripe takes, and with it the width."""
LEAST_STRIPE_PIXELS = 1 << 12
"""Pixels of each stripe except the last, because each takes time to set up."""

GREY, RGB = 0, 1
ENTRY_BYTES = {GREY: 1, RGB: 3}
"""Layouts, and the bytes of a palette entry in each."""

PACKED, MODELLED = 0, 1
CODINGS = {PACKED: "packed", MODELLED: "modelled"}
"""The codings of a stripe that this version reads, by their number in the file."""


class Stripe(NamedTuple):
    """A band of whole rows: where it lies in the image and in the file."""

    first_row: int
    rows: int
    coding: int
    length: int
    """Bytes of the body, its checksum not counted."""


class Head(NamedTuple):
    """All that stands before the first stripe."""

    width: int
    height: int
    layout: int
    palette_size: int
    palette: bytes
    """`palette_size` entries in index order."""
    stripe_rows: int
    stripes: tuple[Stripe, ...]
    size: int
    """Bytes of the head itself."""

    @property
    def file_size(self) -> int:
        """Bytes of the whole file."""
        return self.size + sum(stripe.length + CHECKSUM_BYTES for stripe in self.stripes)


def stripe_rows_for(width: int, height: int) -> int:
    """Return the rows of each stripe but the last: stripes of about 2^20 pixels.

    Raises
    ------
    LimitError
        If the format has no room for an image of this size.
    """
    stripes = min(-(-width * height // STRIPE_PIXELS), MAX_STRIPES)
    rows = -(-height // stripes)
    if rows * width > MOST_STRIPE_PIXELS or height > MAX_HEIGHT:
        raise LimitError(
            f"{width:,} x {height:,} pixels do not fit into a .kmq file, which holds at most "
            f"{MOST_STRIPE_PIXELS:,} in a row and {MAX_STRIPES * MOST_STRIPE_PIXELS:,} in all"
        )
    return rows


def least_stripe_pixels(palette_size: int) -> int:
    """Return the least number of pixels of each stripe except the last.

    Setting up the modelled coding takes time that grows with the palette.
    """
    return max(LEAST_STRIPE_PIXELS, palette_size)


def write_head(
    width: int,
    height: int,
    layout: int,
    palette: bytes,
    stripe_rows: int,
    bodies: Iterable[tuple[int, bytes]],
) -> bytes:
    """Return the head for stripes given as (coding, body), top to bottom."""
    head = bytearray(SIGNATURE)
    head += bytes((VERSION, layout))
    for number in (width, height, len(palette) // ENTRY_BYTES[layout], stripe_rows):
        head += varint(number)
    head += palette
    for coding, body in bodies:
        head.append(coding)
        head += varint(len(body))
    return bytes(head) + checksum(head)


def read_head(stream: BinaryIO) -> Head:
    """Read the head and leave `stream` at the first stripe's body.

    Raises
    ------
    FormatError
        Naming the field that is cut short or wrong.
    """
    reader = Reader(stream)
    if reader.take(len(SIGNATURE), "the signature") != SIGNATURE:
        raise FormatError("not a .kmq file: its first four bytes are not 89 4B 4D 51")
    version = reader.byte("the version")
    if version != VERSION:
        raise FormatError(f"version {version} of the format is not known, only {VERSION}")
    layout = reader.byte("the layout")
    if layout not in ENTRY_BYTES:
        raise FormatError(f"layout {layout} is not known, only 0 (grey) and 1 (RGB)")
    width = reader.varint("the width", 1, MOST_STRIPE_PIXELS)
    height = reader.varint("the height", 1, MAX_HEIGHT)
    palette_size = reader.varint("the number of colours", 1, MAX_COLORS)
    stripe_rows = reader.varint("the number of stripe rows", 1, height)
    stripes = -(-height // stripe_rows)
    if stripes > MAX_STRIPES:
        raise FormatError(f"{stripes} stripes are more than {MAX_STRIPES}")
    if stripe_rows * width > MOST_STRIPE_PIXELS:
        raise FormatError(
            f"stripes of {stripe_rows * width} pixels are more than {MOST_STRIPE_PIXELS}"
        )
    if stripes > 1 and stripe_rows * width < least_stripe_pixels(palette_size):
        raise FormatError(
            f"stripes of {stripe_rows * width} pixels are less than "
            f"{least_stripe_pixels(palette_size)}, and only the last may be"
        )
    palette = reader.take(palette_size * ENTRY_BYTES[layout], "the palette")
    table: list[Stripe] = []
    for first_row in range(0, height, stripe_rows):
        where = f"the table entry of stripe {len(table) + 1}"
        rows = min(stripe_rows, height - first_row)
        table.append(Stripe(first_row, rows, reader.byte(where), reader.varint(where)))
    expected = reader.checksum()
    if reader.take(CHECKSUM_BYTES, "the head checksum") != expected:
        raise FormatError("the head checksum does not match: the head is damaged")
    return Head(
        width, height, layout, palette_size, palette, stripe_rows, tuple(table), reader.count
    )


def check_length(head: Head, length: int) -> None:
    """Raise FormatError unless a file of `length` bytes is as long as its head says."""
    if length < head.file_size:
        raise FormatError(f"the file is cut short: {length} of {head.file_size} bytes")
    if length > head.file_size:
        raise FormatError(f"bytes follow the last stripe: {length - head.file_size}")
