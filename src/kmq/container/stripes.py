"""IndexedImage <-> bytes: stripes are coded and decoded, several at a time on several threads."""

from __future__ import annotations

import io
import operator
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from kmq.container import metadata, packed
from kmq.container.fields import CHECKSUM_BYTES, checksum
from kmq.container.head import (
    GREY,
    MODELLED,
    PACKED,
    Head,
    Stripe,
    check_length,
    may_be_modelled,
    read_head,
    stripe_rows_for,
    write_head,
)
from kmq.container.palette import labels_of, palette_of, samples, stored, visible_colors
from kmq.errors import FormatError, OptionError, warn
from kmq.files import at_its_beginning
from kmq.image import IndexedImage, Palette, index_dtype
from kmq.limits import DEFAULT_MAX_PIXELS, check_pixel_count
from kmq.threads import map_threads, stream_threads

_HELD_IN_MEMORY = 1 << 24
"""Bytes of coded stripes that are not worth a temporary file."""

WITHOUT_METADATA = "the picture is read without them"
"""The consequence of damaged metadata."""


def dumps(
    indexed: IndexedImage,
    *,
    coding: str = "auto",
    order: NDArray[Any] | None = None,
    threads: int = 1,
) -> bytes:
    """Return the `.kmq` file of an indexed image and its metadata.

    Parameters
    ----------
    coding
        "auto" keeps the smaller body of each stripe; "packed" uses coding 0; "modelled"
        uses coding 1 except where coding 0 is no larger, which is the same as "auto" as long
        as there are only two codings.
    order
        (K,), each index once: the order in which the stripes number the palette's
        entries. The file then stores how to restore the image's order.
    threads
        Stripes coded at a time; it never changes the result.
    """
    stripe_rows = stripe_rows_for(indexed.width, indexed.height, may_be_modelled=coding != "packed")
    rows = range(0, indexed.height, stripe_rows)
    coder = stripe_coder(indexed.palette, coding, order)
    bodies = map_threads(
        lambda first: coder(indexed.indices[first : first + stripe_rows]), rows, threads
    )
    described = metadata.to_bytes(indexed.metadata)
    parts = [_head_of(indexed, indexed.height, stripe_rows, bodies, order, described)]
    for _, body in bodies:
        parts += body, checksum(body)
    if described:
        parts += described, checksum(described)
    return b"".join(parts)


def write(
    file: BinaryIO,
    stripes: Iterable[NDArray[Any]],
    height: int,
    like: IndexedImage,
    *,
    coding: str = "auto",
    order: NDArray[Any] | None = None,
    threads: int = 1,
) -> int:
    """Write the `.kmq` file that `dumps` would return, from stripes; return its size.

    Parameters
    ----------
    file
        Open for writing bytes.
    stripes
        The indices from top to bottom in arrays of `stripe_rows_for` rows each; the last
        array has the remaining rows.
    height, like
        As in `write_bodies`.
    coding, order, threads
        As in `dumps`.
    """
    coder = stripe_coder(like.palette, coding, order)
    bodies = stream_threads(coder, stripes, threads)
    return write_bodies(file, bodies, height, like, coding=coding, order=order)


def write_bodies(
    file: BinaryIO,
    bodies: Iterable[tuple[int, bytes]],
    height: int,
    like: IndexedImage,
    *,
    coding: str = "auto",
    order: NDArray[Any] | None = None,
) -> int:
    """Write a `.kmq` file of coded stripes; return its size.

    Parameters
    ----------
    file
        Open for writing bytes. Nothing is written to it before the last body has arrived;
        until then they are kept in a temporary file, or in memory if small.
    bodies
        The result of `stripe_coder` for each stripe, from top to bottom.
    height
        Rows of the whole image.
    like
        Any image with the palette, width and metadata of the whole image.
    coding, order
        As in `dumps`.
    """
    stripe_rows = stripe_rows_for(like.width, height, may_be_modelled=coding != "packed")
    described = metadata.to_bytes(like.metadata)
    table: list[tuple[int, int]] = []
    with tempfile.SpooledTemporaryFile(_HELD_IN_MEMORY) as spool:
        for number, body in bodies:
            table.append((number, len(body)))
            spool.write(body)
            spool.write(checksum(body))
        size = file.write(_head_of(like, height, stripe_rows, table, order, described))
        size += spool.tell()
        spool.seek(0)
        shutil.copyfileobj(spool, file)
    if described:
        size += file.write(described + checksum(described))
    return size


def stripe_coder(
    palette: NDArray[np.uint8], coding: str, order: NDArray[Any] | None
) -> Callable[[NDArray[Any]], tuple[int, bytes]]:
    """Return a function that maps a stripe's indices to the number of its coding and its body."""
    if order is None:
        colors = visible_colors(palette)
        return lambda rows: _encode_stripe(rows, colors, coding)
    colors = visible_colors(palette[order])
    coded_index = np.empty(len(order), index_dtype(len(order)))
    coded_index[order] = np.arange(len(order))
    return lambda rows: _encode_stripe(coded_index[rows], colors, coding)


def _head_of(
    image: IndexedImage,
    height: int,
    stripe_rows: int,
    bodies: Iterable[tuple[int, bytes | int]],
    order: NDArray[Any] | None,
    described: bytes,
) -> bytes:
    """Return the head of a file of `height` rows; `bodies` are those of `write_head`."""
    palette, labels = image.palette, image.labels
    if order is not None:
        palette, labels = palette[order], None if labels is None else labels[order]
    layout, entries = stored(palette, labels, is_grey_picture=image.is_grey_picture)
    return write_head(
        image.width,
        height,
        layout,
        entries,
        stripe_rows,
        bodies,
        order=None if order is None else order.tolist(),
        metadata_bytes=len(described),
    )


def loads(
    data: bytes,
    *,
    rows: tuple[int, int] | None = None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    threads: int = 1,
) -> IndexedImage:
    """Return the indexed image in the bytes of a `.kmq` file; see `load`."""
    return load(io.BytesIO(data), rows=rows, max_pixels=max_pixels, threads=threads)


def load(
    stream: BinaryIO,
    *,
    rows: tuple[int, int] | None = None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    threads: int = 1,
) -> IndexedImage:
    """Return the indexed image in a `.kmq` file, or a band of its rows.

    Damaged metadata are dropped with a KmqWarning.

    Parameters
    ----------
    stream
        The file. A stream that cannot seek, such as a pipe, is read completely.
    rows
        (first, end): only rows `first` to `end` - 1. Only the stripes that contain any
        of them are read and decoded.
    max_pixels
        Refuse to decode more pixels than this.
    threads
        Stripes decoded at a time; it never changes the result.

    Raises
    ------
    FormatError
        If any part that is read is wrong; the message says which part and how.
    LimitError
        If more than `max_pixels` pixels would be decoded. It is raised before any memory is
        allocated.
    OptionError
        If the image has no such rows.
    """
    image, fault = load_with_fault(stream, rows=rows, max_pixels=max_pixels, threads=threads)
    if fault is not None:
        warn(f"{fault}; {WITHOUT_METADATA}")
    return image


def load_with_fault(
    stream: BinaryIO,
    *,
    rows: tuple[int, int] | None = None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    threads: int = 1,
) -> tuple[IndexedImage, FormatError | None]:
    """Do what `load` does, but return damage to the metadata instead of warning about it."""
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
    for stripe, decoded in _decoded_stripes(stream, head, stripes, threads):
        place = stripe.first_row - top
        indices[place : place + stripe.rows] = decoded
    found, fault = metadata.read(stream, head)
    image = IndexedImage.owning(
        palette,
        indices[first - top : end - top],
        is_grey_picture=head.layout == GREY,
        metadata=found,
        labels=labels_of(head),
    )
    return image, fault


def bands(
    stream: BinaryIO, *, max_pixels: int = DEFAULT_MAX_PIXELS, threads: int = 1
) -> Iterator[tuple[int, IndexedImage]]:
    """Yield a file's stripes from top to bottom: the first row, and the stripe as an image.

    Only a few stripes are in memory at a time. Parameters and errors are those of `load`; a
    damaged stripe raises its error when the iteration reaches it.
    """
    stream = at_its_beginning(stream)
    head = read_head(stream)
    check_length(head, stream.seek(0, io.SEEK_END))
    check_pixel_count(head.width, head.height, max_pixels)
    palette = Palette(palette_of(head))
    is_grey_picture, labels = head.layout == GREY, labels_of(head)
    for stripe, indices in _decoded_stripes(stream, head, range(len(head.stripes)), threads):
        image = IndexedImage.owning(
            palette, indices, is_grey_picture=is_grey_picture, labels=labels
        )
        yield stripe.first_row, image


def faults(data: bytes, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> list[FormatError]:
    """Return every fault of a `.kmq` file, one error per damaged stripe.

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
    decode = stripe_decoder(head)
    for item in read_stripes(stream, head, stripes):
        try:
            decode(item)
        except FormatError as error:
            found.append(error)
    _, fault = metadata.read(stream, head)
    return found if fault is None else [*found, fault]


def _encode_stripe(
    indices: NDArray[Any], palette: NDArray[np.uint8], coding: str
) -> tuple[int, bytes]:
    """Return the number of the coding and the body: the smaller one, or packed if requested."""
    if coding == "packed" or len(palette) == 1 or not may_be_modelled(*indices.shape):
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


def read_stripes(
    stream: BinaryIO, head: Head, wanted: Iterable[int]
) -> Iterator[tuple[Stripe, bytes]]:
    """Yield the stripes of these numbers, each with its body and checksum, in this order."""
    lengths = [stripe.length + CHECKSUM_BYTES for stripe in head.stripes]
    places = list(accumulate(lengths, initial=head.size))
    for number in wanted:
        stream.seek(places[number])
        yield head.stripes[number], stream.read(lengths[number])


def _decoded_stripes(
    stream: BinaryIO, head: Head, wanted: range, threads: int
) -> Iterator[tuple[Stripe, NDArray[Any]]]:
    """Yield adjacent stripes, each with its indices, (rows, width)."""
    bodies = read_stripes(stream, head, wanted)
    yield from stream_threads(stripe_decoder(head), bodies, min(threads, len(wanted)))


def stripe_decoder(
    head: Head,
) -> Callable[[tuple[Stripe, bytes]], tuple[Stripe, NDArray[Any]]]:
    """Return a function that maps a stripe and its stored bytes to the stripe and its indices.

    Everything that depends only on the head is computed here, once.
    """
    colors = visible_colors(samples(head.coded_palette, head.layout))
    order = None
    if head.order is not None:
        order = np.array(head.order, index_dtype(head.palette_size))

    def decode(item: tuple[Stripe, bytes]) -> tuple[Stripe, NDArray[Any]]:
        stripe, data = item
        body, expected = data[: stripe.length], data[stripe.length :]
        try:
            indices = _decode_body(body, expected, stripe, head.width, colors)
        except FormatError as error:
            last_row = stripe.first_row + stripe.rows - 1
            raise FormatError(f"rows {stripe.first_row} to {last_row}: {error}") from error
        return stripe, indices if order is None else order[indices]

    return decode


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
