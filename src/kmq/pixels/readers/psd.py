"""PSD beyond Pillow: further channels, 16 bits, bitmaps (Adobe's file format specification).

This reads the merged picture, which follows the layers. Pillow treats any fourth channel as
transparency, loses its place in compressed files with more channels, and shows bitmaps as
negatives.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from kmq.errors import FormatError
from kmq.pixels.readers.claims import read_claimed
from kmq.pixels.samples import Kind, Samples, of_image, too_deep

_BITMAP, _GREY, _INDEXED, _RGB, _CMYK, _DUOTONE, _LAB = 0, 1, 2, 3, 4, 8, 9
_COLOR_CHANNELS = {_BITMAP: 1, _GREY: 1, _INDEXED: 1, _RGB: 3, _CMYK: 4, _DUOTONE: 1, _LAB: 3}
_KINDS: dict[int, Kind] = {_RGB: "RGB", _CMYK: "CMYK", _LAB: "LAB"}
_ICC_PROFILE = 1039
_RAW, _PACKED = 0, 1
_BLOCKS_OF_LAYERS = (b"Lr16", b"Lr32", b"Layr")
_BLOCKS_OF_TRANSPARENCY = (b"Mtrn", b"Mt16", b"Mt32")
_WAY_OUT = "convert it to PNG first"


@dataclass(frozen=True)
class _Head:
    channels: int
    height: int
    width: int
    bits: int
    mode: int

    @property
    def colors(self) -> int:
        return _COLOR_CHANNELS[self.mode]

    @property
    def row_bytes(self) -> int:
        return -(-self.width * self.bits // 8)


class PsdFile(ImageFile.ImageFile):
    """An opened PSD; only its size is known until `read` reads its samples."""

    format = "PSD"
    format_description = "Adobe Photoshop"

    def _open(self) -> None:
        assert self.fp is not None
        head = _head(self.fp)
        self._mode, self._size = "RGB", (head.width, head.height)


def read(image: ImageFile.ImageFile) -> Samples:
    """Return the samples of the merged picture of a PSD that is opened but not read yet.

    Raises
    ------
    FormatError
        If its kind is not supported, which the message names, or its data end early.
    """
    if image.tell() != getattr(image, "_min_frame", 0):
        return of_image(image)  # a layer that the caller chose
    file = image.fp
    assert file is not None
    head = _head(file)
    color_map = _block(file)
    profile = _profile(_block(file))
    is_transparent = _tells_of_transparency(_block(file)) and head.channels > head.colors
    planes = _planes(file, head, head.colors + is_transparent)
    alpha = planes[-1] if is_transparent else None
    colors = np.stack(planes[: head.colors], axis=2)
    notes: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    if head.channels > len(planes):
        notes, lost = ("it has further channels: they are left out",), ("further channels",)
    if head.mode == _DUOTONE:
        notes += ("its inks are taken as black",)
    if head.mode == _INDEXED:
        palette = np.frombuffer(color_map, np.uint8, 768).reshape(3, 256).T
        return Samples(palette[colors[..., 0]], "RGB", alpha, profile, notes, lost)
    if head.mode in (_BITMAP, _CMYK):  # 0 means full ink
        colors = np.iinfo(colors.dtype).max - colors
    if head.mode == _LAB:  # to signed numbers
        colors ^= np.array([0, 128, 128], np.uint8)
    if head.colors == 1:
        return Samples(colors[..., 0], "L", alpha, profile, notes, lost)
    return Samples(colors, _KINDS[head.mode], alpha, profile, notes, lost)


def _head(file: IO[bytes]) -> _Head:
    file.seek(0)
    mark, version, *numbers = struct.unpack(">4sH6xHIIHH", file.read(26))
    if mark != b"8BPS" or version != 1:
        raise SyntaxError("not a PSD file")
    head = _Head(*numbers)
    if head.bits == 32:
        raise too_deep("samples of 32 bits")
    kinds = {_BITMAP: (1,), _INDEXED: (8,), _LAB: (8,)}
    if head.mode not in _COLOR_CHANNELS or head.bits not in kinds.get(head.mode, (8, 16)):
        raise _unsupported(f"colour mode {head.mode} with samples of {head.bits} bits is")
    if head.channels < head.colors:
        raise FormatError("a PSD that cannot be read: its colours lack some of their channels")
    return head


def _block(file: IO[bytes]) -> bytes:
    """Return a block of bytes, which follows its length."""
    (length,) = struct.unpack(">I", file.read(4))
    return read_claimed(file, length)


def _profile(resources: bytes) -> bytes | None:
    """Return the ICC profile among the image resources."""
    file = io.BytesIO(resources)
    while len(start := file.read(7)) == 7:
        number, name_length = struct.unpack(">4xHB", start)
        file.seek(name_length + (name_length + 1) % 2, io.SEEK_CUR)
        length = int.from_bytes(file.read(4), "big")
        data = read_claimed(file, length)
        if number == _ICC_PROFILE:
            return data
        file.seek(length % 2, io.SEEK_CUR)
    return None


def _tells_of_transparency(layers: bytes) -> bool:
    """Whether the first channel after the colours is the merged picture's transparency.

    If so, the number of layers is negative. With 16-bit samples it is in a separate block.
    """
    file = io.BytesIO(layers)
    if _is_negative_count(_block_or_nothing(file)):
        return True
    _block_or_nothing(file)  # the global mask
    while len(start := file.read(8)) == 8:
        key, data = start[4:], _block_or_nothing(file)
        if key in _BLOCKS_OF_TRANSPARENCY or (
            key in _BLOCKS_OF_LAYERS and _is_negative_count(data)
        ):
            return True
        file.seek(-len(data) % 4, io.SEEK_CUR)
    return False


def _block_or_nothing(file: IO[bytes]) -> bytes:
    return read_claimed(file, int.from_bytes(file.read(4), "big"))


def _is_negative_count(layers: bytes) -> bool:
    return int.from_bytes(layers[:2], "big", signed=True) < 0


def _planes(file: IO[bytes], head: _Head, count: int) -> list[NDArray[Any]]:
    """Return the first channels, (H, W) each."""
    (compression,) = struct.unpack(">H", file.read(2))
    size = head.row_bytes * head.height
    if compression == _RAW:
        stored = [read_claimed(file, size) for _ in range(count)]
    elif compression == _PACKED:
        table = read_claimed(file, 2 * head.channels * head.height)
        lengths = np.frombuffer(table, ">u2").reshape(head.channels, head.height)
        packed = [read_claimed(file, int(rows.sum())) for rows in lengths[:count]]
        shape = (head.row_bytes, head.height)
        stored = [Image.frombytes("L", shape, data, "packbits", "L").tobytes() for data in packed]
    else:
        raise _unsupported("its compression is")
    if any(len(plane) < size for plane in stored):
        raise FormatError("a PSD that cannot be read: its image data end early")
    return [_plane(plane, head) for plane in stored]


def _plane(stored: bytes, head: _Head) -> NDArray[Any]:
    if head.bits == 16:
        return np.frombuffer(stored, ">u2").astype(np.uint16).reshape(head.height, head.width)
    rows = np.frombuffer(stored, np.uint8).reshape(head.height, head.row_bytes)
    return np.unpackbits(rows, axis=1)[:, : head.width] * np.uint8(255) if head.bits == 1 else rows


def _unsupported(what: str) -> FormatError:
    return FormatError(f"a PSD that cannot be read: {what} not supported; {_WAY_OUT}")
