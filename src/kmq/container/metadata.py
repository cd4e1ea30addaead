"""The metadata block of a `.kmq` file: `kmq.metadata.Metadata` <-> bytes.

The head contains the block's length; the block follows the last stripe and has its own
checksum, so damage to it never costs the picture.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from fractions import Fraction
from typing import BinaryIO

from kmq.container.fields import CHECKSUM_BYTES, Reader, checksum, varint
from kmq.container.head import Head
from kmq.errors import FormatError, OptionError
from kmq.limits import MAX_METADATA
from kmq.metadata import MAX_RESOLUTION_PART, MAX_TEXTS, NOTHING, Metadata

RESOLUTION, EXIF, XMP, TEXT = 1, 2, 3, 4
"""Kinds of items. An item consists of its kind (one byte), the length of its payload (a
varint) and the payload."""


def to_bytes(metadata: Metadata) -> bytes:
    """Return the block, without its checksum.

    Raises
    ------
    OptionError
        If it would be longer than `MAX_METADATA`.
    """
    block = b"".join(
        bytes((kind,)) + varint(len(payload)) + payload for kind, payload in _items(metadata)
    )
    if len(block) > MAX_METADATA:
        raise OptionError(
            f"metadata: {len(block):,} bytes are more than the {MAX_METADATA:,} that a file holds; "
            "encode with strip=True, or set less with with_metadata"
        )
    return block


def from_bytes(block: bytes) -> Metadata:
    """Return the metadata in a block; items of unknown kinds are skipped.

    Raises
    ------
    FormatError
        If an item is cut short, out of order, present twice or malformed.
    """
    found: dict[int, bytes] = {}
    pairs: list[tuple[str, str]] = []
    try:
        for kind, payload in _read_items(block):
            if kind == TEXT:
                pairs.append(_pair(payload))
            else:
                found[kind] = payload
        return Metadata(
            resolution=_resolution(found[RESOLUTION]) if RESOLUTION in found else None,
            exif=found.get(EXIF, b""),
            xmp=found.get(XMP, b""),
            text=tuple(pairs),
        )
    except (FormatError, OptionError) as error:
        raise FormatError(f"metadata: {error}") from error


def read(stream: BinaryIO, head: Head) -> tuple[Metadata, FormatError | None]:
    """Return a file's metadata; if they are damaged, return empty metadata and the error.

    `stream` contains the whole file, and its length matches the head.
    """
    if not head.metadata_bytes:
        return NOTHING, None
    stream.seek(head.metadata_start)
    block = stream.read(head.metadata_bytes)
    if stream.read(CHECKSUM_BYTES) != checksum(block):
        return NOTHING, FormatError("metadata: the checksum does not match")
    try:
        return from_bytes(block), None
    except FormatError as error:
        return NOTHING, error


def _read_items(block: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (kind, payload). Kinds ascend and only texts repeat, which bounds their number."""
    reader = Reader(io.BytesIO(block))
    last = texts = 0
    while reader.count < len(block):
        kind = reader.byte("an item's kind")
        payload = reader.take(reader.varint("an item's length", 0, len(block)), "an item")
        if kind < last or (kind == last and kind != TEXT):
            raise FormatError(f"an item of kind {kind} follows one of kind {last}")
        texts += kind == TEXT
        if texts > MAX_TEXTS:
            raise FormatError(f"more than {MAX_TEXTS:,} texts")
        last = kind
        yield kind, payload


def _items(metadata: Metadata) -> Iterator[tuple[int, bytes]]:
    if metadata.resolution is not None:
        parts = (part for axis in metadata.resolution for part in axis.as_integer_ratio())
        yield RESOLUTION, b"".join(varint(part) for part in parts)
    if metadata.exif:
        yield EXIF, metadata.exif
    if metadata.xmp:
        yield XMP, metadata.xmp
    for keyword, text in metadata.text:
        yield TEXT, keyword.encode() + b"\0" + text.encode()


def _resolution(payload: bytes) -> tuple[Fraction, Fraction]:
    reader = Reader(io.BytesIO(payload))
    parts = [reader.varint("the resolution", 1, MAX_RESOLUTION_PART) for _ in range(4)]
    if reader.count < len(payload):
        raise FormatError("bytes follow the resolution")
    return Fraction(parts[0], parts[1]), Fraction(parts[2], parts[3])


def _pair(payload: bytes) -> tuple[str, str]:
    keyword, separator, text = payload.partition(b"\0")
    try:
        if separator:
            return keyword.decode(), text.decode()
    except UnicodeDecodeError:
        pass
    raise FormatError("a text is not a keyword, a zero byte and UTF-8")
