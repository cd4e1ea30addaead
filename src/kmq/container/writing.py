"""IndexedImage -> bytes: stripes are encoded, several at a time on several threads."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from kmq.container import metadata, packed
from kmq.container.fields import checksum
from kmq.container.head import MODELLED, PACKED, may_be_modelled, stripe_rows_for, write_head
from kmq.container.palette import stored, visible_colors
from kmq.image import IndexedImage, index_dtype
from kmq.threads import map_threads, stream_threads

_HELD_IN_MEMORY = 1 << 24
"""Bytes of coded stripes that are not worth a temporary file."""


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
