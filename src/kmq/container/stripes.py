"""IndexedImage <-> bytes: stripes coded and decoded, on several threads if there are several."""

from __future__ import annotations

import io
import operator
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from kmq.container import packed
from kmq.container.fields import CHECKSUM_BYTES, checksum
from kmq.container.head import (
    ENTRY_BYTES,
    GREY,
    MODELLED,
    PACKED,
    RGB,
    Head,
    Stripe,
    check_length,
    read_head,
    stripe_rows_for,
    write_head,
)
from kmq.errors import FormatError, OptionError
from kmq.files import at_its_beginning
from kmq.image import IndexedImage, index_dtype
from kmq.limits import DEFAULT_MAX_PIXELS, check_pixel_count
from kmq.threads import map_threads


def dumps(indexed: IndexedImage, *, coding: str = "auto", threads: int = 1) -> bytes:
    """Return the `.kmq` file of an indexed image.

    Parameters
    ----------
    coding
        "auto" keeps the smaller body of each stripe, "packed" takes coding 0;
        "modelled" takes coding 1 but where coding 0 is no larger, which is the same
        as "auto" as long as there are two codings.
    threads
        Stripes that are coded at a time; it never changes the result.

    Raises
    ------
    OptionError
        If the palette has alpha.
    """
    if indexed.has_alpha:
        raise OptionError("image: its palette has alpha, which this version cannot store")
    stripe_rows = stripe_rows_for(indexed.width, indexed.height)

    def body_from(first_row: int) -> tuple[int, bytes]:
        rows = indexed.indices[first_row : first_row + stripe_rows]
        return _encode_stripe(rows, indexed.palette, coding)

    bodies = map_threads(body_from, range(0, indexed.height, stripe_rows), threads)
    layout, entries = RGB, indexed.palette
    if indexed.is_grey_picture:
        layout, entries = GREY, indexed.palette[:, 0]
    head = write_head(indexed.width, indexed.height, layout, entries.tobytes(), stripe_rows, bodies)
    parts = [head]
    for _, body in bodies:
        parts += body, checksum(body)
    return b"".join(parts)


def loads(
    data: bytes,
    *,
    rows: tuple[int, int] | None = None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    threads: int = 1,
) -> IndexedImage:
    """Return the indexed image that the bytes of a `.kmq` file hold; see `load`."""
    return load(io.BytesIO(data), rows=rows, max_pixels=max_pixels, threads=threads)


def load(
    stream: BinaryIO,
    *,
    rows: tuple[int, int] | None = None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    threads: int = 1,
) -> IndexedImage:
    """Return the indexed image that a `.kmq` file holds, or a band of its rows.

    Parameters
    ----------
    stream
        The file; read whole where it cannot be sought in, as a pipe cannot.
    rows
        (first, end): only rows `first` to `end` - 1. Only the stripes that hold any
        of them are read and decoded.
    max_pixels
        Refuse to decode more pixels than these.
    threads
        Stripes that are decoded at a time; it never changes the result.

    Raises
    ------
    FormatError
        If anything that is read is wrong, naming what and where.
    LimitError
        If more than `max_pixels` pixels would be decoded; nothing has been allocated.
    OptionError
        If the image has no such rows.
    """
    stream = at_its_beginning(stream)
    head = read_head(stream)
    check_length(head, stream.seek(0, io.SEEK_END))
    first, end = (0, head.height) if rows is None else _checked_rows(rows, head.height)
    top = first // head.stripe_rows * head.stripe_rows
    bottom = min(-(-end // head.stripe_rows) * head.stripe_rows, head.height)
    stripes = range(top // head.stripe_rows, -(-bottom // head.stripe_rows))
    check_pixel_count(head.width, bottom - top, max_pixels)
    palette = palette_of(head)
    indices = np.empty((bottom - top, head.width), index_dtype(len(palette)))

    def fill(item: tuple[Stripe, bytes]) -> None:
        stripe, stored = item
        place = stripe.first_row - top
        indices[place : place + stripe.rows] = _decode_stripe(head, palette, stripe, stored)

    map_threads(fill, _read_stripes(stream, head, stripes), threads)
    return IndexedImage.owning(
        palette, indices[first - top : end - top], is_grey_picture=head.layout == GREY
    )


def faults(data: bytes, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> list[FormatError]:
    """Return everything that is wrong with a `.kmq` file: each damaged stripe by itself.

    Raises
    ------
    LimitError
        If it has more than `max_pixels` pixels.
    """
    stream = io.BytesIO(data)
    try:
        head = read_head(stream)
        check_length(head, len(data))
        check_pixel_count(head.width, head.height, max_pixels)
    except FormatError as error:
        return [error]
    stripes = range(len(head.stripes))
    found = []
    palette = palette_of(head)
    for stripe, stored in _read_stripes(stream, head, stripes):
        try:
            _decode_stripe(head, palette, stripe, stored)
        except FormatError as error:
            found.append(error)
    return found


def palette_of(head: Head) -> NDArray[np.uint8]:
    """Return a head's palette, (K, 3), whatever its layout."""
    entries = np.frombuffer(head.palette, np.uint8).reshape(-1, ENTRY_BYTES[head.layout])
    return np.ascontiguousarray(np.broadcast_to(entries, (head.palette_size, 3)))


def _encode_stripe(
    indices: NDArray[Any], palette: NDArray[np.uint8], coding: str
) -> tuple[int, bytes]:
    """Return the number of the coding and the body, the smaller unless packed is asked for."""
    if coding == "packed" or len(palette) == 1:
        return PACKED, packed.encode(indices, len(palette))
    from kmq.container import modelled

    body = modelled.encode(indices, palette)
    if len(body) >= packed.least_bytes(indices.size, len(palette)):
        packed_body = packed.encode(indices, len(palette))
        if len(packed_body) <= len(body):
            return PACKED, packed_body
    return MODELLED, body


def _checked_rows(rows: tuple[int, int], height: int) -> tuple[int, int]:
    try:
        first, end = (operator.index(row) for row in rows)
    except (TypeError, ValueError):
        first, end = 0, 0
    if not 0 <= first < end <= height:
        raise OptionError(f"rows: expected 0 <= first < end <= {height}, got {rows!r}")
    return first, end


def _read_stripes(stream: BinaryIO, head: Head, wanted: range) -> list[tuple[Stripe, bytes]]:
    """Return neighbouring stripes, each with its body and checksum."""
    lengths = [stripe.length + CHECKSUM_BYTES for stripe in head.stripes]
    stream.seek(head.size + sum(lengths[: wanted.start]))
    return [(head.stripes[number], stream.read(lengths[number])) for number in wanted]


def _decode_stripe(
    head: Head, palette: NDArray[np.uint8], stripe: Stripe, stored: bytes
) -> NDArray[Any]:
    """Return the stripe's indices, (rows, width)."""
    body, expected = stored[: stripe.length], stored[stripe.length :]
    try:
        return _decode_body(body, expected, stripe, head.width, palette)
    except FormatError as error:
        last_row = stripe.first_row + stripe.rows - 1
        raise FormatError(f"rows {stripe.first_row} to {last_row}: {error}") from error


def _decode_body(
    body: bytes, expected: bytes, stripe: Stripe, width: int, palette: NDArray[np.uint8]
) -> NDArray[Any]:
    if checksum(body) != expected:
        raise FormatError("the checksum does not match: the stripe is damaged")
    if stripe.coding == PACKED:
        indices = packed.decode(body, stripe.rows * width, len(palette))
        return indices.reshape(stripe.rows, width)
    if stripe.coding == MODELLED:
        from kmq.container import modelled

        return modelled.decode(body, stripe.rows, width, palette)
    raise FormatError(f"coding {stripe.coding} is not known to this version of kmq")
