"""Read the pictures that decoders write: PNG, PGM, PPM, PAM and raw samples.

check.py uses it. It needs only the standard library and reads the pictures that a decoder of
.kmq files may reasonably write: 8-bit samples, or 16-bit greys.
"""

import re
import struct
import zlib
from array import array
from collections.abc import Iterator
from typing import NamedTuple

GAP = rb"(?:\s|#[^\n]*\n)+"
PGM_OR_PPM = re.compile(rb"P[56]" + GAP + rb"(\d+)" + GAP + rb"(\d+)" + GAP + rb"(\d+)\s")


class PictureError(ValueError):
    """The data are not a picture that this module reads."""


class Picture(NamedTuple):
    """Samples from left to right and top to bottom, interleaved by pixel."""

    width: int
    height: int
    channels: int  # 1 grey; 2 grey, alpha; 3 red, green, blue; 4 red, green, blue, alpha
    samples: "bytes | array[int]"  # bytes; or, for 16-bit greys, an array of type "H"

    def rgba(self) -> bytes:
        """Return red, green, blue and alpha of each pixel, 8 bits each."""
        if not isinstance(self.samples, bytes):
            raise PictureError("it has samples of 16 bits")
        rgba = bytearray(b"\xff" * (4 * self.width * self.height))
        has_alpha = self.channels in (2, 4)
        for channel in range(4 if has_alpha else 3):
            source = self.channels - 1 if channel == 3 else min(channel, (self.channels - 1) & 2)
            rgba[channel::4] = self.samples[source :: self.channels]
        return bytes(rgba)


def read(data: bytes, width: int, height: int) -> Picture:
    """Read a picture of any kind; without a head, it is raw RGB or RGBA of the expected size."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return read_png(data)
    for channels in (3, 4):
        if len(data) == channels * width * height:
            return Picture(width, height, channels, data)
    if data[:2] in (b"P5", b"P6", b"P7"):
        return read_netpbm(data)
    raise PictureError(
        f"its {len(data)} bytes are no PNG, PGM, PPM or PAM, and as raw samples not "
        f"{width} x {height} pixels of 3 or 4 bytes"
    )


def read_netpbm(data: bytes) -> Picture:
    """Read a binary PGM, PPM or PAM file."""
    try:
        if data.startswith(b"P7"):
            head, _, samples = data.partition(b"ENDHDR\n")
            fields = dict(line.split(None, 1) for line in head.splitlines()[1:] if line.strip())
            names = (b"WIDTH", b"HEIGHT", b"DEPTH", b"MAXVAL")
            width, height, channels, highest = (int(fields[name]) for name in names)
        else:
            numbers = PGM_OR_PPM.match(data)
            width, height, highest = map(int, numbers.groups()) if numbers else (0, 0, 0)
            channels = 3 if data.startswith(b"P6") else 1
            samples = data[numbers.end() :] if numbers else b""
    except (KeyError, ValueError):
        raise PictureError("the head of its PAM cannot be read") from None
    if channels not in (1, 2, 3, 4) or highest not in (255, 65535):
        raise PictureError(f"its {channels} channels up to {highest} cannot be compared")
    return picture_of(width, height, channels, 16 if highest > 255 else 8, samples)


def picture_of(width: int, height: int, channels: int, depth: int, samples: bytes) -> Picture:
    """Return a picture from 8-bit samples, or big-endian 16-bit greys."""
    if len(samples) != width * height * channels * depth // 8:
        raise PictureError(f"it has not as many samples as {width} x {height} pixels need")
    if depth == 8:
        return Picture(width, height, channels, samples)
    if channels > 1:
        raise PictureError("it has colours with samples of 16 bits")
    greys = array("H", struct.unpack(f">{width * height}H", samples))
    return Picture(width, height, channels, greys)


def read_png(data: bytes) -> Picture:
    """Read a PNG file that is not interlaced."""
    parts: dict[bytes, bytes] = {}
    for kind, content in chunks(data):
        parts[kind] = parts.get(kind, b"") + content
    try:
        width, height, depth, kind_of_color, *_, interlace = struct.unpack(
            ">IIBBBBB", parts[b"IHDR"]
        )
        filtered = zlib.decompress(parts[b"IDAT"])
    except (KeyError, struct.error, zlib.error):
        raise PictureError("its PNG is damaged") from None
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(kind_of_color, 0)
    if channels == 0 or interlace or (b"tRNS" in parts and kind_of_color != 3):
        raise PictureError("its PNG is interlaced, or of a kind that is not compared")
    row_bytes = (width * channels * depth + 7) // 8
    if len(filtered) != height * (row_bytes + 1):
        raise PictureError("its PNG has too many bytes, or too few")
    rows = list(unfiltered(filtered, row_bytes, max(1, channels * depth // 8)))
    if depth < 8:
        rows = spread(rows, width, depth)
    samples = b"".join(rows)
    if kind_of_color == 3:
        return with_palette(width, height, samples, parts)
    if depth < 8:
        samples = samples.translate(bytes(min(s * 255 // (2**depth - 1), 255) for s in range(256)))
    return picture_of(width, height, channels, max(depth, 8), samples)


def chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the kind and contents of each chunk of a PNG file."""
    position = 8
    while position + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        content = data[position + 8 : position + 8 + length]
        stored = data[position + 8 + length : position + 12 + length]
        if stored != zlib.crc32(kind + content).to_bytes(4, "big"):
            raise PictureError("a checksum of its PNG does not match")
        yield kind, content
        position += 12 + length


def unfiltered(data: bytes, row_bytes: int, pixel_bytes: int) -> Iterator[bytes]:
    """Undo PNG's filters and yield the rows (PNG specification, section 9)."""
    above = bytearray(row_bytes)
    for start in range(0, len(data), row_bytes + 1):
        kind, row = data[start], bytearray(data[start + 1 : start + 1 + row_bytes])
        if kind > 4:
            raise PictureError("its PNG has a filter that does not exist")
        for i in range(row_bytes if kind else 0):
            has_left = i >= pixel_bytes
            left, corner = (row[i - pixel_bytes], above[i - pixel_bytes]) if has_left else (0, 0)
            predictions = (0, left, above[i], (left + above[i]) // 2, 0)
            guess = paeth(left, above[i], corner) if kind == 4 else predictions[kind]
            row[i] = (row[i] + guess) & 0xFF
        yield bytes(row)
        above = row


def paeth(left: int, above: int, corner: int) -> int:
    """Return the neighbour that is nearest to left + above - corner."""
    guess = left + above - corner
    return min((left, above, corner), key=lambda neighbor: abs(guess - neighbor))


def spread(rows: list[bytes], width: int, depth: int) -> list[bytes]:
    """Return rows with each sample of 1, 2 or 4 bits in its own byte."""
    lowest = (1 << depth) - 1
    table = [
        bytes(byte >> shift & lowest for shift in range(8 - depth, -1, -depth))
        for byte in range(256)
    ]
    return [b"".join(map(table.__getitem__, row))[:width] for row in rows]


def with_palette(width: int, height: int, indices: bytes, parts: dict[bytes, bytes]) -> Picture:
    """Return the colours of a PNG's indices."""
    palette = parts.get(b"PLTE", b"")
    if max(indices) >= len(palette) // 3:
        raise PictureError("its PNG has an index without a palette entry")
    alphas = parts.get(b"tRNS")
    tables = [palette[channel::3].ljust(256, b"\0") for channel in range(3)]
    tables += [] if alphas is None else [alphas.ljust(256, b"\xff")]
    samples = bytearray(len(tables) * len(indices))
    for channel, table in enumerate(tables):
        samples[channel :: len(tables)] = indices.translate(table)
    return Picture(width, height, len(tables), bytes(samples))
