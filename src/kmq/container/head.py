"""The head of a `.kmq` file: sizes, palette, stripe table, checksum.

`formats/kmq-1.md` is the specification; this module implements its first half. Every number
is checked before it sizes or indexes anything. To keep reading a head fast, the module does
not load NumPy, and its classes are named tuples, which define faster than dataclasses.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import BinaryIO, NamedTuple

from kmq.container.fields import CHECKSUM_BYTES, Reader, checksum, varint
from kmq.errors import FormatError, LimitError
from kmq.limits import MAX_COLORS, MAX_METADATA

SIGNATURE = b"\x89KMQ"
VERSION = 1
MAX_HEIGHT = (1 << 31) - 1
MAX_STRIPES = 1 << 16
"""Bounds the memory that a head can claim before its checksum has been read."""
STRIPE_PIXELS = 1 << 20
"""Approximate number of pixels that the encoder puts into one stripe."""
MOST_STRIPE_PIXELS = 1 << 22
"""Bounds the memory and time that one stripe takes, and therefore also the width."""
MARGINS = 16
"""Columns that the modelled coding adds to a stripe. They count towards the bound above;
otherwise a stripe one pixel wide would take 17 times its size."""
LEAST_STRIPE_PIXELS = 1 << 12
"""Minimum number of pixels in each stripe except the last, because each takes time to set up."""

GREY, RGB, RGBA, GREY_ALPHA = 0, 1, 2, 3
LABELS = 16
ENTRY_BYTES = {GREY: 1, RGB: 3, RGBA: 4, GREY_ALPHA: 2, LABELS: 2}
"""Layouts, and the bytes of a palette entry in each: bits 0, 1 and 4 of the kind."""
ORDERED, DESCRIBED = 4, 8
"""Bits of the kind: its order follows the palette; metadata follow the last stripe."""

PACKED, MODELLED = 0, 1
CODINGS = {PACKED: "packed", MODELLED: "modelled"}
"""The codings of a stripe that this version reads, by their number in the file."""


class Stripe(NamedTuple):
    """A band of whole rows: where it lies in the image and in the file."""

    first_row: int
    rows: int
    coding: int
    length: int
    """Bytes of the body, without its checksum."""


class Head(NamedTuple):
    """Everything before the first stripe."""

    width: int
    height: int
    layout: int
    palette_size: int
    coded_palette: bytes
    """`palette_size` entries in the order in which the stripes number them."""
    order: tuple[int, ...] | None
    """The image index of each coded entry; None where they are the same."""
    metadata_bytes: int
    """Bytes of the metadata after the last stripe, without their checksum; often 0."""
    stripe_rows: int
    stripes: tuple[Stripe, ...]
    size: int
    """Bytes of the head itself."""

    @property
    def palette(self) -> bytes:
        """`palette_size` entries in index order."""
        if self.order is None:
            return self.coded_palette
        size = ENTRY_BYTES[self.layout]
        entries = [b""] * self.palette_size
        for coded, index in enumerate(self.order):
            entries[index] = self.coded_palette[coded * size : (coded + 1) * size]
        return b"".join(entries)

    @property
    def channels(self) -> tuple[bytes, bytes, bytes, bytes]:
        """Red, green, blue and alpha of each entry, in index order."""
        size = ENTRY_BYTES[self.layout]
        columns = [self.palette[channel::size] for channel in range(size)]
        if self.layout == LABELS:
            columns = [columns[1] if any(columns[1]) else columns[0]]
        alpha = columns.pop() if self.has_alpha else b"\xff" * self.palette_size
        red, green, blue = columns if len(columns) == 3 else columns * 3
        return red, green, blue, alpha

    @property
    def has_alpha(self) -> bool:
        """Whether palette entries have an alpha sample."""
        return self.layout in (RGBA, GREY_ALPHA)

    @property
    def metadata_start(self) -> int:
        """Bytes before the metadata: the head and the stripes."""
        return self.size + sum(stripe.length + CHECKSUM_BYTES for stripe in self.stripes)

    @property
    def file_size(self) -> int:
        """Bytes of the whole file."""
        described = self.metadata_bytes + CHECKSUM_BYTES if self.metadata_bytes else 0
        return self.metadata_start + described


def stripe_rows_for(width: int, height: int, *, may_be_modelled: bool = True) -> int:
    """Return the rows per stripe (the last may have fewer) for stripes of about 2^20 pixels.

    Stripes that may be modelled are smaller if the image is less than six pixels wide.

    Raises
    ------
    LimitError
        If the image is too large for the format.
    """
    stripes = min(-(-width * height // STRIPE_PIXELS), MAX_STRIPES)
    rows = -(-height // stripes)
    if rows * width > MOST_STRIPE_PIXELS or height > MAX_HEIGHT:
        raise LimitError(
            f"{width:,} x {height:,} pixels do not fit into a .kmq file, which holds at most "
            f"{MOST_STRIPE_PIXELS:,} in a row and {MAX_STRIPES * MOST_STRIPE_PIXELS:,} in all"
        )
    modelled_rows = MOST_STRIPE_PIXELS // (width + MARGINS)
    if may_be_modelled and 0 < modelled_rows < rows and height <= MAX_STRIPES * modelled_rows:
        return modelled_rows
    return rows


def may_be_modelled(rows: int, width: int) -> bool:
    """Whether a stripe of this size may have the modelled coding."""
    return rows * (width + MARGINS) <= MOST_STRIPE_PIXELS


def least_stripe_pixels(palette_size: int) -> int:
    """Return the minimum number of pixels in each stripe except the last.

    Setting up the modelled coding takes time that grows with the palette.
    """
    return max(LEAST_STRIPE_PIXELS, palette_size)


def write_head(
    width: int,
    height: int,
    layout: int,
    palette: bytes,
    stripe_rows: int,
    bodies: Iterable[tuple[int, bytes | int]],
    *,
    order: Sequence[int] | None = None,
    metadata_bytes: int = 0,
) -> bytes:
    """Return the head for stripes given as (coding, body or its length), top to bottom.

    `palette` and `order` are as in `Head.coded_palette` and `Head.order`.
    """
    kind = layout | (ORDERED if order is not None else 0) | (DESCRIBED if metadata_bytes else 0)
    head = bytearray(SIGNATURE)
    head += bytes((VERSION, kind))
    for number in (width, height, len(palette) // ENTRY_BYTES[layout], stripe_rows):
        head += varint(number)
    head += palette
    if order is not None:
        head += _write_order(order)
    if metadata_bytes:
        head += varint(metadata_bytes)
    for coding, body in bodies:
        head.append(coding)
        head += varint(body if isinstance(body, int) else len(body))
    return bytes(head) + checksum(head)


def read_head(stream: BinaryIO) -> Head:
    """Read the head and leave `stream` at the first stripe's body.

    Raises
    ------
    FormatError
        If a field is cut short or wrong; the message names it.
    """
    reader = Reader(stream)
    if reader.take(len(SIGNATURE), "the signature") != SIGNATURE:
        raise FormatError("not a .kmq file: its first four bytes are not 89 4B 4D 51")
    version = reader.byte("the version")
    if version != VERSION:
        raise FormatError(f"version {version} of the format is not known, only {VERSION}")
    kind = reader.byte("the kind")
    layout = kind & ~(ORDERED | DESCRIBED)
    if layout not in ENTRY_BYTES:
        raise FormatError(f"kind {kind} is not known")
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
    order = _read_order(reader, palette_size) if kind & ORDERED else None
    metadata_bytes = 0
    if kind & DESCRIBED:
        metadata_bytes = reader.varint("the length of the metadata", 1, MAX_METADATA)
    table: list[Stripe] = []
    for first_row in range(0, height, stripe_rows):
        where = f"the table entry of stripe {len(table) + 1}"
        rows = min(stripe_rows, height - first_row)
        coding, length = reader.byte(where), reader.varint(where)
        if coding == MODELLED and not may_be_modelled(rows, width):
            raise FormatError(
                f"stripe {len(table) + 1}: {rows} x {width} pixels are too many to be modelled"
            )
        table.append(Stripe(first_row, rows, coding, length))
    expected = reader.checksum()
    if reader.take(CHECKSUM_BYTES, "the head checksum") != expected:
        raise FormatError("the head checksum does not match: the head is damaged")
    return Head(
        width,
        height,
        layout,
        palette_size,
        palette,
        order,
        metadata_bytes,
        stripe_rows,
        tuple(table),
        reader.count,
    )


def check_length(head: Head, length: int) -> None:
    """Raise FormatError unless a file of `length` bytes is as long as its head says."""
    if length < head.file_size:
        raise FormatError(f"the file is cut short: {length} of {head.file_size} bytes")
    if length > head.file_size:
        raise FormatError(f"bytes follow the end of the file: {length - head.file_size}")


def _write_order(order: Sequence[int]) -> bytes:
    bits = (len(order) - 1).bit_length()
    packed = "".join(f"{index:0{bits}b}" for index in order) if bits else ""
    padding = -len(packed) % 8
    return int(packed + "0" * padding or "0", 2).to_bytes((len(packed) + padding) // 8, "big")


def _read_order(reader: Reader, palette_size: int) -> tuple[int, ...]:
    """Return a permutation of the entries, read as fields of equal width, high bits first."""
    bits = (palette_size - 1).bit_length()
    stored = reader.take(-(-palette_size * bits // 8), "the order of the palette")
    digits = f"{int.from_bytes(stored, 'big'):0{8 * len(stored)}b}" if stored else ""
    end = palette_size * bits
    if "1" in digits[end:]:
        raise FormatError("the padding of the palette's order is not zero")
    order = tuple(int(digits[place : place + bits] or "0", 2) for place in range(0, end, bits or 1))
    order = order if bits else (0,)
    if sorted(order) != list(range(palette_size)):
        raise FormatError("the order of the palette does not name each entry once")
    return order
