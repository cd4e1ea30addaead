"""IndexedImage <-> bytes: stripes coded and decoded, on several threads if there are several."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmq.container import packed
from kmq.container.layout import (
    CHECKSUM_BYTES,
    CODINGS,
    ENTRY_BYTES,
    GREY,
    RGB,
    Head,
    Stripe,
    check_length,
    checksum,
    read_head,
    stripe_rows_for,
    write_head,
)
from kmq.errors import FormatError
from kmq.image import IndexedImage, index_dtype
from kmq.limits import DEFAULT_MAX_PIXELS, check_pixel_count
from kmq.threads import map_threads


def dumps(indexed: IndexedImage, *, threads: int = 1) -> bytes:
    """Return the `.kmq` file of an indexed image."""
    stripe_rows = stripe_rows_for(indexed.width, indexed.height)

    def body_from(first_row: int) -> tuple[int, bytes]:
        rows = indexed.indices[first_row : first_row + stripe_rows]
        return 0, packed.encode(rows, len(indexed.palette))

    bodies = map_threads(body_from, range(0, indexed.height, stripe_rows), threads)
    layout, entries = RGB, indexed.palette
    if indexed.is_grey:
        layout, entries = GREY, indexed.palette[:, 0]
    head = write_head(indexed.width, indexed.height, layout, entries.tobytes(), stripe_rows, bodies)
    parts = [head]
    for _, body in bodies:
        parts += body, checksum(body)
    return b"".join(parts)


def loads(data: bytes, *, max_pixels: int = DEFAULT_MAX_PIXELS, threads: int = 1) -> IndexedImage:
    """Return the indexed image that a `.kmq` file holds.

    Raises
    ------
    FormatError
        If anything in the file is wrong, naming what and where.
    LimitError
        If it has more than `max_pixels` pixels; nothing has been allocated then.
    """
    head = read_head(io.BytesIO(data))
    check_pixel_count(head.width, head.height, max_pixels)
    check_length(head, len(data))
    indices = np.empty((head.height, head.width), index_dtype(head.palette_size))

    def fill(item: tuple[Stripe, memoryview]) -> None:
        stripe, stored = item
        rows = indices[stripe.first_row : stripe.first_row + stripe.rows]
        rows[...] = _decode_stripe(head, stripe, stored)

    map_threads(fill, _stored_stripes(head, data), threads)
    return IndexedImage(_palette_of(head), indices)


def faults(data: bytes, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> list[FormatError]:
    """Return everything that is wrong with a `.kmq` file: each damaged stripe by itself.

    Raises
    ------
    LimitError
        If it has more than `max_pixels` pixels.
    """
    try:
        head = read_head(io.BytesIO(data))
        check_pixel_count(head.width, head.height, max_pixels)
        check_length(head, len(data))
    except FormatError as error:
        return [error]
    found = []
    for stripe, stored in _stored_stripes(head, data):
        try:
            _decode_stripe(head, stripe, stored)
        except FormatError as error:
            found.append(error)
    return found


def _palette_of(head: Head) -> NDArray[np.uint8]:
    entries = np.frombuffer(head.palette, np.uint8).reshape(-1, ENTRY_BYTES[head.layout])
    return np.broadcast_to(entries, (head.palette_size, 3))


def _stored_stripes(head: Head, data: bytes) -> Iterator[tuple[Stripe, memoryview]]:
    """Yield each stripe with its body and checksum."""
    view = memoryview(data)
    start = head.size
    for stripe in head.stripes:
        end = start + stripe.length + CHECKSUM_BYTES
        yield stripe, view[start:end]
        start = end


def _decode_stripe(head: Head, stripe: Stripe, stored: memoryview) -> NDArray[Any]:
    """Return the stripe's indices, (rows, width)."""
    try:
        indices = _decode_body(head, stripe, stored[: stripe.length], stored[stripe.length :])
    except FormatError as error:
        last_row = stripe.first_row + stripe.rows - 1
        raise FormatError(f"rows {stripe.first_row} to {last_row}: {error}") from error
    return indices.reshape(stripe.rows, head.width)


def _decode_body(
    head: Head, stripe: Stripe, body: memoryview, expected: memoryview
) -> NDArray[Any]:
    if checksum(body) != expected:
        raise FormatError("the checksum does not match: the stripe is damaged")
    if stripe.coding not in CODINGS:
        raise FormatError(f"coding {stripe.coding} is not known to this version of kmq")
    return packed.decode(body, stripe.rows * head.width, head.palette_size)
