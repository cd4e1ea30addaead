"""Damaged `.kmq` files with correct checksums, so that every other check is tested."""

from __future__ import annotations

import io
import random
import zlib
from collections.abc import Iterator, Sequence

from kmq.container.fields import CHECKSUM_BYTES, checksum
from kmq.container.head import (
    CODINGS,
    DESCRIBED,
    ENTRY_BYTES,
    GREY_ALPHA,
    LABELS,
    MAX_STRIPES,
    ORDERED,
    SIGNATURE,
    read_head,
    write_head,
)
from kmq.errors import FormatError

INTERESTING = (0, 1, 2, 3, 0x7F, 0x80, 0xFF)


def mutations(seeds: Sequence[bytes], chance: random.Random) -> Iterator[bytes]:
    """Yield damaged files without end, made by the three functions below."""
    kinds = (damaged, with_other_stripes, with_other_extras)
    while True:
        [kind] = chance.choices(kinds, weights=(2, 2, 1))
        yield kind(chance.choice(seeds), chance, seeds)


def damaged(seed: bytes, chance: random.Random, seeds: Sequence[bytes]) -> bytes:
    """Return a damaged file: cut, spliced, or with changed bits or bytes; mostly mended."""
    data = bytearray(seed)
    for _ in range(chance.choice((1, 1, 2, 4))):
        # The head has the numbers, so half of the damage goes there.
        end = min(len(data), 40) if chance.random() < 0.5 else len(data)
        _damage(data, end, chance, seeds)
    return bytes(data) if chance.random() < 0.1 else mended(bytes(data))


def with_other_stripes(seed: bytes, chance: random.Random, seeds: Sequence[bytes]) -> bytes:
    """Return a file whose head is valid but does not describe its stripes.

    So the decoders of stripes have to notice, or decode a picture that nobody wrote. A seed
    that is not a valid file is returned unchanged.
    """
    stream = io.BytesIO(seed)
    try:
        head = read_head(stream)
    except FormatError:
        return seed
    bodies = []
    for stripe in head.stripes:
        body = bytearray(stream.read(stripe.length + CHECKSUM_BYTES)[: stripe.length])
        if chance.random() < 0.9:
            _damage(body, len(body), chance, seeds)
        coding = stripe.coding if chance.random() < 0.9 else chance.choice(list(CODINGS))
        bodies.append((coding, bytes(body)))
    width = max(1, head.width + chance.choice((0, 0, 0, -1, 1, 40)))
    entry_bytes = ENTRY_BYTES[head.layout]
    colors = head.palette_size if chance.random() < 0.8 else chance.randint(1, head.palette_size)
    palette = head.coded_palette[: colors * entry_bytes]
    order = head.order if colors == head.palette_size else None
    described = stream.read(head.metadata_bytes)
    made = write_head(
        width,
        head.height,
        head.layout,
        palette,
        head.stripe_rows,
        bodies,
        order=order,
        metadata_bytes=len(described),
    )
    made += b"".join(body + checksum(body) for _, body in bodies)
    return made + (described + checksum(described) if described else b"")


def with_other_extras(seed: bytes, chance: random.Random, seeds: Sequence[bytes]) -> bytes:
    """Return a file with unchanged stripes, another order, and damaged metadata.

    Its modelled stripes stay valid, unlike after almost any other damage.
    """
    stream = io.BytesIO(seed)
    try:
        head = read_head(stream)
    except FormatError:
        return seed
    stored = [stream.read(stripe.length + CHECKSUM_BYTES) for stripe in head.stripes]
    order = list(range(head.palette_size))
    chance.shuffle(order)
    described = bytearray(stream.read(head.metadata_bytes))
    _damage(described, len(described), chance, seeds)
    made = write_head(
        head.width,
        head.height,
        head.layout,
        head.coded_palette,
        head.stripe_rows,
        [
            (stripe.coding, body[: stripe.length])
            for stripe, body in zip(head.stripes, stored, strict=True)
        ],
        order=order if chance.random() < 0.8 else None,
        metadata_bytes=len(described),
    )
    made += b"".join(stored)
    return made + (bytes(described) + checksum(described) if described else b"")


def _damage(data: bytearray, end: int, chance: random.Random, seeds: Sequence[bytes]) -> None:
    """Apply one change before `end`."""
    at = chance.randrange(end) if end else 0
    kind = chance.randrange(6)
    if kind == 0:
        del data[at:]
    elif kind == 1:
        other = chance.choice(seeds)
        data[at:] = other[chance.randrange(len(other)) :]
    elif kind == 2 and data:
        data[at] ^= 1 << chance.randrange(8)
    elif kind == 3 and data:
        data[at] = chance.choice(INTERESTING)
    elif kind == 4:
        data[at:at] = data[at : at + chance.randrange(1, 9)]
    else:
        del data[at : at + chance.randrange(1, 9)]


def mended(data: bytes) -> bytes:
    """Return a file with corrected checksums, as far as its head can be parsed."""
    end_of_head, lengths = _followed(data)
    if end_of_head is None:
        return data
    mended_file = bytearray(data)
    _put_checksum(mended_file, 0, end_of_head)
    start = end_of_head + CHECKSUM_BYTES
    for length in lengths:
        if start + length > len(data):
            break
        _put_checksum(mended_file, start, start + length)
        start += length + CHECKSUM_BYTES
    return bytes(mended_file)


def _put_checksum(data: bytearray, start: int, end: int) -> None:
    data[end : end + CHECKSUM_BYTES] = zlib.crc32(data[start:end]).to_bytes(4, "little")


def _followed(data: bytes) -> tuple[int | None, list[int]]:
    """Return the place of the head's checksum, or None, and the lengths of what follows it.

    These are the lengths of the bodies and of the metadata.
    """
    position = len(SIGNATURE) + 2

    def varint() -> int:
        nonlocal position
        number = shift = 0
        while True:
            byte = data[position]
            position += 1
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80 or shift > 63:
                return number

    lengths = []
    try:
        kind = data[position - 1]
        entry_bytes = ENTRY_BYTES[LABELS if kind & LABELS else kind & GREY_ALPHA]
        _, height, colors, stripe_rows = varint(), varint(), varint(), varint()
        position += colors * entry_bytes
        if kind & ORDERED:
            position += (colors * (colors - 1).bit_length() + 7) // 8
        described = [varint()] if kind & DESCRIBED else []
        for _ in range(min(-(-height // max(1, stripe_rows)), MAX_STRIPES)):
            position += 1
            lengths.append(varint())
    except IndexError:
        return None, []
    return position, lengths + described
