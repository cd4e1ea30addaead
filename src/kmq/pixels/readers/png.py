"""PNG beyond Pillow: 16 bits, transparent greys of few bits, colour chunks, cut data (PNG 3).

Pillow shows rows without data as black, reduces 16-bit colours to their upper 8 bits, and
leaves gAMA, cHRM and cICP to its caller.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kmq.errors import FormatError
from kmq.pixels import code_points
from kmq.pixels.readers.claims import read_claimed
from kmq.pixels.readers.png_file import PngFile
from kmq.pixels.samples import Samples, from_key, of_image, orientation
from kmq.pixels.spaces import (
    SRGB_CHROMATICITIES,
    Curve,
    Space,
    power_curve,
    srgb_curve,
    xyz_of_primaries,
)

_SIGNATURE_BYTES = 8
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples per pixel of each colour type."""

_WHOLE = ((0, 0, 1, 1),)
_ADAM7 = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
"""First column, first row, and steps of each pass."""

_AT_ONCE = 1 << 20
_SRGB_GAMMA = 0.45455
_GAMMA_TOLERANCE = 0.005
_CHROMATICITY_TOLERANCE = 0.005
_GREY_AND_ALPHA = "LA;16B"
_NO_PROFILE = object()


@dataclass(frozen=True)
class _Head:
    """The part of a PNG before the image data."""

    width: int
    height: int
    depth: int
    color_type: int
    is_interlaced: bool
    chunks: dict[bytes, bytes] = field(default_factory=dict)
    """The palette, and the chunks that define the meaning of colours."""

    @property
    def data_bytes(self) -> int:
        """Bytes of the uncompressed image data."""
        bits = self.depth * _CHANNELS[self.color_type]
        total = 0
        for left, top, across, down in _ADAM7 if self.is_interlaced else _WHOLE:
            columns = max(0, -(-(self.width - left) // across))
            rows = max(0, -(-(self.height - top) // down))
            if columns:
                total += rows * (1 + -(-columns * bits // 8))
        return total


def read(image: Image.Image) -> Samples:
    """Return the samples of a PNG that Pillow has opened but not read yet.

    Raises
    ------
    FormatError
        If its image data end early or are damaged, which is checked before memory for the
        pixels is allocated. If its colours have a high dynamic range.
    """
    if image.tell() > 0:
        return of_image(image)  # a frame that the caller chose
    file: Any = image
    head = _checked(file.fp)
    colour, notes = _colour(head.chunks, image.info.get("icc_profile", _NO_PROFILE))
    key = _key(head)
    if head.depth == 16 and head.color_type != 0:
        samples = _deep(image, head.color_type, key)
    else:
        samples = of_image(image)
        if key is not None and samples.kind == "L":
            samples = replace(samples, alpha=from_key(samples.values, key))
    return replace(samples, colour=colour, notes=notes)


def _checked(file: IO[bytes]) -> _Head:
    """Check that a PNG's image data are complete; return its head and restore the position."""
    position = file.tell()
    file.seek(_SIGNATURE_BYTES)
    head: _Head | None = None
    for kind, length in _chunk_heads(file):
        if kind == b"IHDR":
            head = _Head(*struct.unpack(">IIBBxx?", read_claimed(file, length)[:13]))
        elif kind == b"IDAT":
            file.seek(-8, io.SEEK_CUR)
            break
        elif kind in (b"cICP", b"sRGB", b"gAMA", b"cHRM", b"PLTE", b"tRNS") and head is not None:
            head.chunks[kind] = read_claimed(file, length)
        else:
            file.seek(length, io.SEEK_CUR)
        file.seek(4, io.SEEK_CUR)
    if head is None or head.color_type not in _CHANNELS:
        raise FormatError("a PNG that cannot be read: its header is damaged")
    if head.color_type == 3 and not head.chunks.get(b"PLTE"):
        raise FormatError("a PNG that cannot be read: it has indices but no palette")
    _check_data(file, head.data_bytes)
    file.seek(position)
    return head


def _chunk_heads(file: IO[bytes]) -> Iterator[tuple[bytes, int]]:
    """Yield the kind and length of each chunk; the caller reads or skips the rest of it."""
    while len(start := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", start)
        yield kind, length


def _check_data(file: IO[bytes], expected: int) -> None:
    """Raise FormatError unless `expected` bytes of image data follow in the file."""
    inflate = zlib.decompressobj()
    missing = expected
    try:
        for part in _data_parts(file):
            waiting = part
            while waiting and missing > 0:
                missing -= len(inflate.decompress(waiting, _AT_ONCE))
                waiting = inflate.unconsumed_tail
    except zlib.error as error:
        raise FormatError(
            f"a PNG that cannot be read: its image data are damaged ({error})"
        ) from error
    if missing > 0:
        raise FormatError(
            "a PNG that cannot be read: its image data end early, "
            f"after {expected - missing:,} of {expected:,} bytes"
        )


def _data_parts(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the image data piece by piece, and check the checksum of each chunk."""
    for kind, length in _chunk_heads(file):
        if kind != b"IDAT":
            return
        crc = zlib.crc32(kind)
        while length and (part := file.read(min(length, _AT_ONCE))):
            crc = zlib.crc32(part, crc)
            length -= len(part)
            yield part
        stored = file.read(4)
        if len(stored) == 4 and stored != struct.pack(">I", crc):
            raise FormatError("a PNG that cannot be read: the checksum of its image data is wrong")


def _key(head: _Head) -> NDArray[np.uint16] | None:
    """Return the transparent grey or colour on the scale of the samples."""
    stored = head.chunks.get(b"tRNS")
    channels = _CHANNELS[head.color_type]
    if stored is None or head.color_type not in (0, 2):
        return None
    most = (1 << head.depth) - 1
    key = np.frombuffer(stored, ">u2", channels).astype(np.uint32) & most
    return (key if head.depth == 16 else key * 255 // most).astype(np.uint16)


def _deep(image: Image.Image, color_type: int, key: NDArray[np.uint16] | None) -> Samples:
    """Return 16-bit samples.

    Pillow has no such mode, but two ways to unpack colours: the upper bytes, and (as if
    samples were little-endian) the lower ones. So the file is decoded twice. Grey with alpha
    has four bytes per pixel, each unpacked as if it were a sample.
    """
    file: Any = image
    position = file.fp.tell()
    file.fp.seek(0)
    stored = file.fp.read()
    file.fp.seek(position)
    raw_mode = file.tile[0].args
    if raw_mode == _GREY_AND_ALPHA:
        parts, turn = _unpacked(image, "RGBA")
        both = parts[..., ::2] * np.uint16(256) + parts[..., 1::2]
        return Samples(both[..., 0], "L", both[..., 1]).turned(turn)
    upper, turn = _unpacked(image, raw_mode)
    lower, _ = _unpacked(PngFile(io.BytesIO(stored)), raw_mode.replace("16B", "16L"))
    deep = upper * np.uint16(256) + lower
    if color_type == 6:
        return Samples(deep[..., :3], "RGB", deep[..., 3]).turned(turn)
    return Samples(deep, "RGB", from_key(deep, key)).turned(turn)


def _unpacked(image: Any, raw_mode: str) -> tuple[NDArray[np.uint16], int]:
    """Load a PNG; return the samples unpacked with a raw mode, and the file's orientation."""
    image.tile = [tile._replace(args=raw_mode) for tile in image.tile]
    image.load()
    return np.asarray(image, np.uint16), orientation(image)


def _colour(
    chunks: dict[bytes, bytes], profile: Any
) -> tuple[bytes | Space | None, tuple[str, ...]]:
    """Return the colour space: from cICP, else iCCP, else sRGB, else gAMA and cHRM."""
    notes: tuple[str, ...] = ()
    if len(chunks.get(b"cICP", b"")) == 4:
        primaries, transfer, matrix, is_full = chunks[b"cICP"]
        space, notes = code_points.space_of(primaries, transfer)
        if matrix != 0 or is_full != 1:
            raise FormatError(
                "its samples are Y'CbCr or of narrow range, which kmq does not read in a PNG; "
                "convert it to an sRGB PNG first"
            )
        if space is not None or not notes:
            return space, notes
    if profile is not _NO_PROFILE:  # None if Pillow cannot inflate it
        return profile or b"damaged", notes
    if b"sRGB" in chunks:
        return None, notes
    try:
        return _space(chunks), notes
    except (ValueError, struct.error, np.linalg.LinAlgError):
        return None, (*notes, "its colour chunks cannot be used: taken as sRGB")


def _space(chunks: dict[bytes, bytes]) -> Space | None:
    """Return the space of gAMA and cHRM; missing or nearly equal values become sRGB's."""
    chromaticities = SRGB_CHROMATICITIES
    if b"cHRM" in chunks:
        given = [number / 100_000 for number in struct.unpack_from(">8I", chunks[b"cHRM"])]
        differences = (abs(a - b) for a, b in zip(given, SRGB_CHROMATICITIES, strict=True))
        if max(differences) > _CHROMATICITY_TOLERANCE:
            chromaticities = tuple(given)
    curve: Curve = srgb_curve
    if b"gAMA" in chunks:
        gamma = struct.unpack_from(">I", chunks[b"gAMA"])[0] / 100_000
        if gamma == 0:
            raise ValueError("a gamma of 0")
        is_srgb = abs(gamma - _SRGB_GAMMA) <= _GAMMA_TOLERANCE
        if not is_srgb or chromaticities != SRGB_CHROMATICITIES:
            curve = power_curve(1 / gamma)
    if curve is srgb_curve and chromaticities == SRGB_CHROMATICITIES:
        return None
    return Space((curve,), xyz_of_primaries(chromaticities))
