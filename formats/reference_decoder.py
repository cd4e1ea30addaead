"""Reference decoder of the .kmq image format, version 1, written from kmq-1.md alone.

It favours clarity over speed and needs nothing but the standard library. Coding 1 is in
reference_modelled.py beside it. Comments give the section of the specification.

    python reference_decoder.py picture.kmq picture.ppm    # "-" is standard input or output

Pictures with alpha become PAM, which is PPM with a longer head.
"""

import struct
import sys
import zlib
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import reference_modelled

Palette = list[tuple[int, ...]]


class FormatError(ValueError):
    """The data breaks a rule of the format."""


class LimitError(Exception):
    """The image has more pixels than the caller allows."""


class Image(NamedTuple):
    """A palette of (red, green, blue, alpha) and, row by row, the index of each pixel's entry."""

    width: int
    height: int
    palette: Palette
    indices: "array[int]"  # of type "H", 16 bits: an index is at most 65,535
    metadata: "list[tuple[int, bytes]] | None"  # items (kind, payload); None if damaged
    labels: list[int]  # of the entries; none if they are colours

    def channels(self) -> int:
        """Return 4 if some entry is not opaque, otherwise 3."""
        return 4 if any(entry[3] < 255 for entry in self.palette) else 3

    def pixels(self) -> bytes:
        """Return the pixels, row by row: red, green, blue and, with 4 channels, alpha."""
        channels = self.channels()
        pixels = bytearray(channels * len(self.indices))
        for channel in range(channels):
            samples = [entry[channel] for entry in self.palette]
            pixels[channel::channels] = bytes(samples[index] for index in self.indices)
        return bytes(pixels)


def require(rule_holds: bool, complaint: str) -> None:
    """Refuse the file if a rule of the specification is broken."""
    if not rule_holds:
        raise FormatError(complaint)


class Cursor:
    """Takes fields off the front of the data; `field` is their name in errors."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def take(self, count: int, field: str) -> bytes:
        """Take `count` bytes."""
        require(count <= len(self.data) - self.position, f"the file ends within {field}")
        self.position += count
        return self.data[self.position - count : self.position]

    # 2 Notation: varint
    def varint(self, field: str, lowest: int, highest: int) -> int:
        """Take an unsigned LEB128 number from `lowest` to `highest`, in its shortest form."""
        value = place = 0
        byte = 0x80
        while byte >= 0x80:
            require(place < 9, f"{field} takes more than 9 bytes")
            (byte,) = self.take(1, field)
            value |= (byte & 0x7F) << (7 * place)
            place += 1
        require(byte > 0 or place == 1, f"{field} is not in its shortest form")
        require(lowest <= value <= highest, f"{field} is {value}, not {lowest} to {highest}")
        return value

    # 2 Notation: CRC-32
    def checksum(self, start: int, field: str) -> None:
        """Take the CRC-32 of the bytes from `start` up to here, and check it."""
        crc = zlib.crc32(self.data[start : self.position])
        require(int.from_bytes(self.take(4, field), "little") == crc, f"{field} does not match")


class Head(NamedTuple):
    """The part of a file before the stripes."""

    width: int
    height: int
    stripe_rows: int
    palette: Palette  # in the order of the stripes
    labels: tuple[int, ...]  # in the same order; none if the entries are colours
    order: list[int]  # the index of each of these entries
    metadata_length: int  # -1 if there are none
    stripes: list[tuple[int, int]]  # (coding, body length)


# 3.1 Head
def read_head(cursor: Cursor) -> Head:
    """Take the head."""
    require(cursor.take(4, "the signature") == b"\x89KMQ", "the signature is not 89 4B 4D 51")
    (version,) = cursor.take(1, "the version")
    require(version == 1, f"the version is {version}, not 1")
    (kind,) = cursor.take(1, "the kind")
    require(kind < 16 or kind & 0xF3 == 16, f"the kind is {kind}")
    width = cursor.varint("the width", 1, 2**22)
    height = cursor.varint("the height", 1, 2**31 - 1)
    colours = cursor.varint("the number of colours", 1, 65_536)
    stripe_rows = cursor.varint("the number of stripe rows", 1, height)
    stripe_count = (height + stripe_rows - 1) // stripe_rows
    require(stripe_count <= 65_536, f"there are {stripe_count} stripes, more than 65536")
    stripe_pixels = stripe_rows * width
    require(stripe_pixels <= 2**22, f"stripes of {stripe_pixels} pixels are too large")
    large_enough = stripe_count == 1 or stripe_pixels >= max(2**12, colours)
    require(large_enough, f"stripes of {stripe_pixels} pixels are too small")
    labels = struct.unpack(f"<{colours}H", cursor.take(2 * colours, "labels")) if kind & 16 else ()
    shift = 0 if max(labels, default=0) < 256 else 8
    greys: Palette = [(label >> shift,) * 3 + (255,) for label in labels]
    palette = greys or read_palette(cursor, kind & 3, colours)
    order = read_order(cursor, colours) if kind & 4 else list(range(colours))
    metadata_length = cursor.varint("the length of the metadata", 1, 2**22) if kind & 8 else -1
    stripes = []
    for number in range(1, stripe_count + 1):
        (coding,) = cursor.take(1, f"the coding of stripe {number}")
        length = cursor.varint(f"the body length of stripe {number}", 0, 2**63 - 1)
        rows = min(stripe_rows, height - (number - 1) * stripe_rows)
        require(coding != 1 or rows * (width + 16) <= 2**22, f"stripe {number} has too many places")
        stripes.append((coding, length))
    cursor.checksum(0, "the head checksum")
    return Head(width, height, stripe_rows, palette, labels, order, metadata_length, stripes)


# 3.2 Palette
def read_palette(cursor: Cursor, layout: int, colours: int) -> Palette:
    """Take the entries, as (red, green, blue, alpha)."""
    size = (1, 3, 4, 2)[layout]
    samples = cursor.take(colours * size, "the palette")
    entries = [samples[place : place + size] for place in range(0, colours * size, size)]
    if layout in (0, 3):
        return [(entry[0], entry[0], entry[0], *entry[1:], 255)[:4] for entry in entries]
    return [(*entry, 255)[:4] for entry in entries]


def read_order(cursor: Cursor, colours: int) -> list[int]:
    """Take the index of each entry."""
    index_bits = (colours - 1).bit_length()
    packed = cursor.take((colours * index_bits + 7) // 8, "the order")
    order = list(unpack_bits(packed, colours, index_bits))
    require(sorted(order) == list(range(colours)), "the order is no permutation")
    return order


# 3.4 Metadata
def read_metadata(cursor: Cursor, length: int) -> "list[tuple[int, bytes]] | None":
    """Take the metadata, and return its items; None if they are damaged."""
    start = cursor.position
    block = Cursor(cursor.take(length, "the metadata"))
    stored_checksum = cursor.take(4, "the checksum of the metadata")
    items: list[tuple[int, bytes]] = []
    try:
        crc = zlib.crc32(cursor.data[start : start + length])
        require(int.from_bytes(stored_checksum, "little") == crc, "the checksum does not match")
        while block.position < length:
            (kind,) = block.take(1, "a kind")
            size = block.varint("a length", 0, length)
            items.append((kind, block.take(size, "an item")))
            check_item(items)
    except FormatError:
        return None
    return items


def check_item(items: list[tuple[int, bytes]]) -> None:
    """Check the last item against the rules on its kind."""
    (before, _), (kind, payload) = ((0, b""), *items)[-2:]
    require(kind > before or kind == before == 4, "the kinds do not ascend")
    if kind == 1:
        numbers = Cursor(payload)
        for _ in range(4):
            numbers.varint("a part of the resolution", 1, 2**32 - 1)
        require(numbers.position == len(payload), "the resolution has more than four numbers")
    if kind == 4:
        require(sum(kind == 4 for kind, _ in items) <= 1024, "there are more than 1024 texts")
        keyword, zero, text = payload.partition(b"\0")
        require(zero == b"\0" and 1 <= len(keyword) <= 255, "a text has no keyword")
        try:
            keyword.decode(), text.decode()
        except UnicodeDecodeError:
            raise FormatError("a text is not UTF-8") from None


# 4 Coding 0: packed
def decode_packed(body: bytes, pixels: int, width: int, palette: Palette) -> "array[int]":
    """Coding 0: bits if K is a power of two, otherwise digits in base K."""
    index_bits = (len(palette) - 1).bit_length()
    if len(palette) == 1 << index_bits:
        return unpack_bits(body, pixels, index_bits)
    return unpack_digits(body, pixels, len(palette))


# 4.1 K is a power of two
def unpack_bits(body: bytes, pixels: int, index_bits: int) -> "array[int]":
    """Read indices of `index_bits` bits each, the most significant bit first."""
    size = (pixels * index_bits + 7) // 8
    require(len(body) == size, f"the body has {len(body)} bytes, not {size}")
    indices = array("H")
    remaining = iter(body)
    held, held_bits = 0, 0  # bits taken from the body that no index has used yet
    for _ in range(pixels):
        while held_bits < index_bits:
            held = held << 8 | next(remaining)
            held_bits += 8
        held_bits -= index_bits
        indices.append(held >> held_bits)
        held &= (1 << held_bits) - 1
    require(held == 0, "the bits left in the last byte of the body are not zero")
    return indices


# 4.2 Any other K
def unpack_digits(body: bytes, pixels: int, colours: int) -> "array[int]":
    """Take each index off the state by dividing by K; a word refills the state if it is small."""
    require(len(body) >= 8 and len(body) % 4 == 0, f"the body cannot have {len(body)} bytes")
    state, *words = struct.unpack(f"<Q{len(body) // 4 - 2}I", body)
    words.reverse()  # so that pop() takes them in the order of the body
    low = 2**31 // colours * colours
    require(
        low <= state < low << 32, f"the state starts at {state}, not {low} to {(low << 32) - 1}"
    )
    indices = array("H")
    for _ in range(pixels):
        state, index = divmod(state, colours)
        indices.append(index)
        if state < low:
            require(len(words) > 0, "the body lacks a word")
            state = state << 32 | words.pop()
    require(state == low, f"the state ends at {state}, not {low}")
    require(len(words) == 0, f"{len(words)} words of the body are left")
    return indices


# 5 Coding 1: modelled
def decode_modelled(body: bytes, pixels: int, width: int, palette: Palette) -> "array[int]":
    """Coding 1: nothing if there is one colour, otherwise a range coder's words."""
    if len(palette) == 1:
        require(body == b"", "the body of one colour is not empty")
        return array("H", bytes(2 * pixels))
    plane = reference_modelled.decode(body, pixels // width, width, palette)
    return array("H", (index for row in plane for index in row))


# By coding: functions of a stripe's body, its number of pixels, the image's width and palette.
Decoder = Callable[[bytes, int, int, Palette], "array[int]"]
CODINGS: dict[int, Decoder] = {0: decode_packed, 1: decode_modelled}


def decode(data: bytes, max_pixels: int = 2**28) -> Image:
    """Decode a whole file, or raise FormatError, or LimitError above `max_pixels` pixels."""
    cursor = Cursor(data)
    head = read_head(cursor)
    if head.width * head.height > max_pixels:
        raise LimitError(f"{head.width} x {head.height} pixels are more than {max_pixels}")
    # 3.2 Palette: what coding 1 compares
    colors = [
        tuple((a * c + (255 - a) * 128 + 127) // 255 for c in rgb) for *rgb, a in head.palette
    ]
    indices = array("H")
    # 3.3 Stripes
    for number, (coding, length) in enumerate(head.stripes):
        name = f"stripe {number + 1}"
        require(coding in CODINGS, f"{name}: the coding {coding} is not known")
        pixels = head.width * min(head.stripe_rows, head.height - number * head.stripe_rows)
        start = cursor.position
        body = cursor.take(length, f"the body of {name}")
        cursor.checksum(start, f"the checksum of {name}")
        try:
            indices.extend(CODINGS[coding](body, pixels, head.width, colors))
        except ValueError as error:
            raise FormatError(f"{name}: {error}") from None
    metadata = read_metadata(cursor, head.metadata_length) if head.metadata_length > 0 else []
    require(cursor.position == len(data), "bytes follow the end of the file")
    palette = [entry for _, entry in sorted(zip(head.order, head.palette, strict=True))]
    restored = array("H", (head.order[index] for index in indices))
    labels = [label for _, label in sorted(zip(head.order, head.labels, strict=False))]
    return Image(head.width, head.height, palette, restored, metadata, labels)


def main(source: str, target: str) -> None:
    """Decode the file `source` into the binary PPM `target`; "-" is standard input or output."""
    try:
        image = decode(sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes())
    except (FormatError, LimitError) as error:
        sys.exit(f"{source}: {error}")  # to standard error, with exit status 1
    size = image.width, image.height
    start = b"P6\n%d %d\n255\n" % size
    if image.channels() == 4:
        start = b"P7\nWIDTH %d\nHEIGHT %d\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n" % size
    picture = start + image.pixels()
    if target == "-":
        sys.stdout.buffer.write(picture)
    else:
        Path(target).write_bytes(picture)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python reference_decoder.py FILE.kmq OUT.ppm")
    main(sys.argv[1], sys.argv[2])
