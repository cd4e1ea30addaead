"""Reference decoder of the .kmq image format, version 1, written from kmq-1.md alone.

It favours clarity over speed and needs nothing but the standard library. Coding 1 is in
reference_modelled.py beside it. Comments give the section of the specification.

    python reference_decoder.py picture.kmq picture.ppm    # "-" is standard input or output
"""

import struct
import sys
import zlib
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import reference_modelled

Palette = list[tuple[int, int, int]]


class FormatError(ValueError):
    """The data breaks a rule of the format."""


class LimitError(Exception):
    """The image has more pixels than the caller cares to hold."""


class Image(NamedTuple):
    """A palette of (red, green, blue) and, row by row, the index of each pixel's colour."""

    width: int
    height: int
    palette: Palette
    indices: "array[int]"  # of type "H", 16 bits: an index is at most 65,535

    def rgb(self) -> bytes:
        """Return the pixels, row by row, as red, green and blue bytes."""
        pixels = bytearray(3 * len(self.indices))
        for channel in range(3):
            samples = [colour[channel] for colour in self.palette]
            pixels[channel::3] = bytes(samples[index] for index in self.indices)
        return bytes(pixels)


def require(rule_holds: bool, complaint: str) -> None:
    """Refuse the file if a rule of the specification is broken."""
    if not rule_holds:
        raise FormatError(complaint)


class Cursor:
    """Takes fields off the front of the data; `field` is what an error calls them."""

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


# 3.1 Head
def read_head(cursor: Cursor) -> tuple[Image, int, list[tuple[int, int]]]:
    """Return the image, still without indices, the stripe rows, and each (coding, body length)."""
    require(cursor.take(4, "the signature") == b"\x89KMQ", "the signature is not 89 4B 4D 51")
    (version,) = cursor.take(1, "the version")
    require(version == 1, f"the version is {version}, not 1")
    (layout,) = cursor.take(1, "the layout")
    require(layout in (0, 1), f"the layout is {layout}, not 0 or 1")
    width = cursor.varint("the width", 1, 2**22)
    height = cursor.varint("the height", 1, 2**31 - 1)
    colours = cursor.varint("the number of colours", 1, 65_536)
    stripe_rows = cursor.varint("the number of stripe rows", 1, height)
    samples = cursor.take(colours * (1 if layout == 0 else 3), "the palette")
    channels = (samples,) * 3 if layout == 0 else (samples[0::3], samples[1::3], samples[2::3])
    palette = list(zip(*channels, strict=True))
    stripe_count = (height + stripe_rows - 1) // stripe_rows
    require(stripe_count <= 65_536, f"there are {stripe_count} stripes, more than 65536")
    stripe_pixels = stripe_rows * width
    require(stripe_pixels <= 2**22, f"stripes of {stripe_pixels} pixels are too large")
    large_enough = stripe_count == 1 or stripe_pixels >= max(2**12, colours)
    require(large_enough, f"stripes of {stripe_pixels} pixels are too small")
    stripes = []
    for number in range(1, stripe_count + 1):
        (coding,) = cursor.take(1, f"the coding of stripe {number}")
        length = cursor.varint(f"the body length of stripe {number}", 0, 2**63 - 1)
        stripes.append((coding, length))
    cursor.checksum(0, "the head checksum")
    return Image(width, height, palette, array("H")), stripe_rows, stripes


# 4 Coding 0: packed
def decode_packed(body: bytes, pixels: int, width: int, palette: Palette) -> "array[int]":
    """Coding 0: bits where K is a power of two, else digits in base K."""
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
    """Take an index off the state by dividing by K; a word refills a state that gets small."""
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


# By coding: functions of a stripe's body, its number of pixels, the image's width and palette.
Decoder = Callable[[bytes, int, int, Palette], "array[int]"]
CODINGS: dict[int, Decoder] = {0: decode_packed, 1: reference_modelled.decode_stripe}


def decode(data: bytes, max_pixels: int = 2**28) -> Image:
    """Decode a whole file, or raise FormatError, or LimitError above `max_pixels` pixels."""
    cursor = Cursor(data)
    image, stripe_rows, stripes = read_head(cursor)
    if image.width * image.height > max_pixels:
        raise LimitError(f"{image.width} x {image.height} pixels are more than {max_pixels}")
    # 3.2 Stripes
    for number, (coding, length) in enumerate(stripes):
        name = f"stripe {number + 1}"
        require(coding in CODINGS, f"{name}: the coding {coding} is not known")
        pixels = image.width * min(stripe_rows, image.height - number * stripe_rows)
        start = cursor.position
        body = cursor.take(length, f"the body of {name}")
        cursor.checksum(start, f"the checksum of {name}")
        try:
            image.indices.extend(CODINGS[coding](body, pixels, image.width, image.palette))
        except ValueError as error:
            raise FormatError(f"{name}: {error}") from None
    require(cursor.position == len(data), "bytes follow the last stripe")
    return image


def main(source: str, target: str) -> None:
    """Decode the file `source` into the binary PPM `target`; "-" is standard input or output."""
    try:
        image = decode(sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes())
    except (FormatError, LimitError) as error:
        sys.exit(f"{source}: {error}")  # to standard error, with exit status 1
    picture = b"P6\n%d %d\n255\n" % (image.width, image.height) + image.rgb()
    if target == "-":
        sys.stdout.buffer.write(picture)
    else:
        Path(target).write_bytes(picture)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python reference_decoder.py FILE.kmq OUT.ppm")
    main(sys.argv[1], sys.argv[2])
