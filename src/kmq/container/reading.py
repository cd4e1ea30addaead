"""Bytes -> IndexedImage: stripes are decoded, several at a time on several threads."""

from __future__ import annotations

import io
import operator
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from kmq.container import metadata, packed
from kmq.container.fields import CHECKSUM_BYTES, checksum
from kmq.container.head import GREY, MODELLED, PACKED, Head, Stripe, check_length, read_head
from kmq.container.palette import labels_of, palette_of, samples, visible_colors
from kmq.errors import FormatError, OptionError, warn
from kmq.files import at_its_beginning
from kmq.image import IndexedImage, Palette, index_dtype
from kmq.limits import DEFAULT_MAX_PIXELS, check_pixel_count
from kmq.threads import stream_threads

WITHOUT_METADATA = "the picture is read without them"
"""The consequence of damaged metadata."""


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


def read_stripes(
    stream: BinaryIO, head: Head, wanted: Iterable[int]
) -> Iterator[tuple[Stripe, bytes]]:
    """Yield the stripes of these numbers, each with its body and checksum, in this order."""
    lengths = [stripe.length + CHECKSUM_BYTES for stripe in head.stripes]
    places = list(accumulate(lengths, initial=head.size))
    for number in wanted:
        stream.seek(places[number])
        yield head.stripes[number], stream.read(lengths[number])


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


def _checked_rows(rows: tuple[int, int], height: int) -> tuple[int, int]:
    try:
        first, end = (operator.index(row) for row in rows)
    except (TypeError, ValueError):
        first, end = 0, 0
    if not 0 <= first < end <= height:
        raise OptionError(f"rows: expected 0 <= first < end <= {height}, got {rows!r}")
    return first, end


def _decoded_stripes(
    stream: BinaryIO, head: Head, wanted: range, threads: int
) -> Iterator[tuple[Stripe, NDArray[Any]]]:
    """Yield adjacent stripes, each with its indices, (rows, width)."""
    bodies = read_stripes(stream, head, wanted)
    yield from stream_threads(stripe_decoder(head), bodies, min(threads, len(wanted)))


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
