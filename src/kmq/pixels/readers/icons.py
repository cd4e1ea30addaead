"""Icons and cursors with their transparency.

Pillow drops the mask of a cursor, trusts the bits per pixel in an icon's directory, which may
be wrong, and takes the one of fewer colours if two pictures have the same size.
"""

from __future__ import annotations

import io
import struct
from typing import IO, Any

from PIL import IcoImagePlugin, ImageFile, PngImagePlugin

from kmq.pixels.readers.claims import read_claimed
from kmq.pixels.samples import Samples, of_image

_PNG = b"\x89PNG\r\n\x1a\n"
_HEAD_BYTES = 26
"""Bytes that are enough to find the bits per pixel of a PNG or a bitmap."""


def open_icon(file: IO[bytes], filename: str = "") -> ImageFile.ImageFile:
    """Return the largest picture in an icon or cursor; on ties, the one with most colours.

    Raises
    ------
    SyntaxError, struct.error, ValueError
        If there is none.
    """
    file.seek(0)
    start = file.read(6)
    kind, count = struct.unpack("<2xHH", start)
    entries = [struct.unpack("<BB6xII", file.read(16)) for _ in range(count)]
    pictures = []
    for width, height, length, offset in entries:
        file.seek(offset)
        bits = _bits(file.read(_HEAD_BYTES))
        pictures.append(((width or 256) * (height or 256), bits, offset, length))
    _, bits, offset, length = max(pictures, key=lambda picture: picture[:2])
    file.seek(offset)
    data = read_claimed(file, length)
    if data.startswith(_PNG):
        return PngImagePlugin.PngImageFile(io.BytesIO(data), filename)
    image = IcoImagePlugin.IcoImageFile(io.BytesIO(_icon(data, bits)), filename)
    image.format = "ICO" if kind == 1 else "CUR"
    return image


def read(image: Any) -> Samples:
    """Return the samples of a cursor that Pillow has opened but not read yet."""
    return of_image(open_icon(image.fp))


def _bits(data: bytes) -> int:
    """Return the bits per pixel according to the picture itself."""
    if data.startswith(_PNG):
        return data[24] * (4 if data[25] == 6 else 3)
    header_bytes, *_ = struct.unpack_from("<I", data)
    at = 10 if header_bytes == 12 else 14
    return int.from_bytes(data[at : at + 2], "little")


def _icon(data: bytes, bits: int) -> bytes:
    """Return an icon of one picture with a correct directory."""
    header_bytes, width, height = struct.unpack_from("<IiI", data)
    if width * (height // 2) * bits // 8 > len(data):  # none of these is compressed
        raise ValueError("its image data end early")
    alpha = data[header_bytes:][3 : width * height // 2 * 4 : 4]
    if bits == 32 and not any(alpha):
        bits = 24  # it has a mask instead of alpha; Pillow reads masks unless there are 32 bits
    sides = [side if side < 256 else 0 for side in (width, height // 2)]
    entry = struct.pack("<BBBBHHII", *sides, 0, 0, 1, bits, len(data), 22)
    return struct.pack("<HHH", 0, 1, 1) + entry + data
