"""TIFF beyond Pillow: separate planes, 16 bits per channel, colour maps of 8 bits (TIFF 6.0).

Pillow unpacks a fixed list of layouts, some of them wrongly. libtiff, which it calls,
decompresses them all. So Pillow gets each plane as a separate grey TIFF, with interleaved
channels as one wide row, and this module interprets the samples. Pictures with lossy or fax
compression are left entirely to Pillow.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, TiffImagePlugin

from kmq.alpha import with_alpha
from kmq.errors import FormatError
from kmq.pixels.readers.claims import read_claimed
from kmq.pixels.readers.tiff_parts import tiff_of
from kmq.pixels.samples import Kind, Levels, Samples, of_image, too_deep

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER = 256, 257, 258, 259, 262, 266
_STRIP_OFFSETS, _ORIENTATION, _SAMPLES, _ROWS_PER_STRIP, _STRIP_BYTES = 273, 274, 277, 278, 279
_PLANAR, _PREDICTOR, _COLOR_MAP = 284, 317, 320
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_BYTES = 322, 323, 324, 325
_INK_SET, _EXTRA_SAMPLES, _SAMPLE_FORMAT, _SUBSAMPLING, _ICC_PROFILE = 332, 338, 339, 530, 34675

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR, _LAB, _ICC_LAB = (
    0,
    1,
    2,
    3,
    5,
    6,
    8,
    9,
)
_COLOR_CHANNELS = {
    _WHITE_IS_ZERO: 1,
    _BLACK_IS_ZERO: 1,
    _RGB: 3,
    _PALETTE: 1,
    _CMYK: 4,
    _YCBCR: 3,
    _LAB: 3,
    _ICC_LAB: 3,
}
"""The supported photometric interpretations, and the number of their colour channels."""

_KINDS: dict[int, Kind] = {_CMYK: "CMYK", _LAB: "LAB", _ICC_LAB: "LAB"}

_UNCOMPRESSED = 1
_WITHOUT_LOSS = (_UNCOMPRESSED, 5, 8, 32773, 32946, 34925, 50000)
"""None, LZW, Deflate, PackBits, old-style Deflate, LZMA, Zstandard."""

_MOST_EXPANSION = 1 << 16
"""Bytes that a byte of the file can expand to; Zstandard's runs expand the most."""

_UNSPECIFIED, _PREMULTIPLIED = 0, 1
_WAY_OUT = "convert it to PNG first"


class TiffFile(TiffImagePlugin.TiffImageFile):
    """A TIFF opened by Pillow even if Pillow does not know the layout of its samples."""

    def _setup(self) -> None:
        try:
            super()._setup()
        except (SyntaxError, LookupError):
            width, height = self.tag_v2.get(_WIDTH), self.tag_v2.get(_HEIGHT)
            if not isinstance(width, int) or not isinstance(height, int):
                raise
            self._mode, self._size, self.tile = "L", (width, height), []


class _Plane(TiffImagePlugin.TiffImageFile):
    """A plane of a picture whose size has already been checked."""

    def load_prepare(self) -> None:
        self.im = Image.core.new(self.mode, self.size)  # type: ignore[attr-defined]
        ImageFile.ImageFile.load_prepare(self)


@dataclass(frozen=True)
class _Layout:
    """The layout of a picture's samples in its file."""

    width: int
    height: int
    bits: int
    channels: int
    is_planar: bool
    compression: int
    photometric: int
    extras: tuple[int, ...]
    """The meaning of each channel after the colours."""

    @property
    def colors(self) -> int:
        return _COLOR_CHANNELS[self.photometric]


def read(image: Image.Image) -> Samples:
    """Return the samples of a TIFF that Pillow has opened but not read yet.

    Raises
    ------
    FormatError
        If its layout is not supported, which the message names, or its data end early.
    """
    file: Any = image
    tags: Mapping[int, Any] = file.tag_v2
    layout = _layout(tags)
    if layout.compression not in _WITHOUT_LOSS or _is_compressed_ycbcr(layout):
        if layout.is_planar or not file.tile:
            raise _unsupported(f"its layout with compression {layout.compression}")
        return of_image(image)
    _check_meaning(layout, tags)
    samples = _samples(_channels(file.fp, tags, layout), layout, tags)
    return samples.turned(tags.get(_ORIENTATION, 1))


def _layout(tags: Mapping[int, Any]) -> _Layout:
    compression = tags.get(_COMPRESSION, _UNCOMPRESSED)
    photometric = tags.get(_PHOTOMETRIC, _WHITE_IS_ZERO)
    if photometric not in _COLOR_CHANNELS:
        raise _unsupported(f"its kind of colours (photometric interpretation {photometric})")
    bits: tuple[int, ...] = tags.get(_BITS, (1,))
    formats: tuple[int, ...] = tags.get(_SAMPLE_FORMAT, (1,))
    if 3 in formats:
        raise too_deep("floating-point samples")
    if max(bits) > 16:
        raise too_deep(f"samples of {max(bits)} bits")
    if not set(formats) <= {1, 4}:
        raise too_deep("signed samples")
    channels = tags.get(_SAMPLES, len(bits))
    if min(bits) != max(bits) or bits[0] not in (1, 2, 4, 8, 12, 16):
        raise _unsupported(f"its samples of {', '.join(map(str, bits))} bits")
    extra = channels - _COLOR_CHANNELS[photometric]
    if extra < 0 and compression in _WITHOUT_LOSS:
        raise FormatError(
            f"a TIFF that cannot be read: its colours lack {-extra} of their channels"
        )
    extras = tuple(tags.get(_EXTRA_SAMPLES, (2,) if extra == 1 else ()))
    return _Layout(
        width=tags[_WIDTH],
        height=tags[_HEIGHT],
        bits=bits[0],
        channels=channels,
        is_planar=channels > 1 and tags.get(_PLANAR, 1) == 2,
        compression=compression,
        photometric=photometric,
        extras=(extras + (_UNSPECIFIED,) * max(extra, 0))[: max(extra, 0)],
    )


def _is_compressed_ycbcr(layout: _Layout) -> bool:
    """Whether libtiff converts the picture to RGB, whatever its subsampling."""
    return layout.photometric == _YCBCR and layout.compression != _UNCOMPRESSED


def _check_meaning(layout: _Layout, tags: Mapping[int, Any]) -> None:
    """Raise FormatError if the meaning of the channels is unknown or not supported."""
    if layout.photometric in (_LAB, _ICC_LAB, _YCBCR) and layout.bits != 8:
        raise _unsupported(f"its L*a*b* or YCbCr colours of {layout.bits} bits")
    if layout.photometric == _YCBCR and tuple(tags.get(_SUBSAMPLING, (2, 2))) != (1, 1):
        raise _unsupported("its subsampled YCbCr colours without compression")
    if layout.photometric == _CMYK and tags.get(_INK_SET, 1) != 1:
        raise _unsupported("its inks other than CMYK")
    if layout.colors == 1 and layout.extras and set(layout.extras) == {_UNSPECIFIED}:
        raise _unsupported(f"its {layout.channels} channels, whose colours it does not tell,")


def _channels(file: IO[bytes], tags: Mapping[int, Any], layout: _Layout) -> NDArray[Any]:
    """Return (H, W, channels) as stored: uint16 for 12 and 16 bits, otherwise uint8.

    Samples of 1, 2 and 4 bits are spread over 0 to 255.
    """
    if layout.is_planar:
        planes = [_plane(file, tags, layout, plane) for plane in range(layout.channels)]
        return np.stack(planes, axis=2)
    wide = _plane(file, tags, layout, 0)
    return wide.reshape(layout.height, layout.width, layout.channels)


def _plane(file: IO[bytes], tags: Mapping[int, Any], layout: _Layout, plane: int) -> NDArray[Any]:
    """Return one plane, (H, W), or (H, W * channels) if channels are interleaved."""
    together = 1 if layout.is_planar else layout.channels
    predictor = tags.get(_PREDICTOR, 1) if layout.compression != _UNCOMPRESSED else 1
    if predictor not in (1, 2):
        raise _unsupported(f"its predictor {predictor}")
    own: dict[int, list[int]] = {
        _WIDTH: [layout.width * together],
        _HEIGHT: [layout.height],
        _BITS: [layout.bits],
        _COMPRESSION: [layout.compression],
        _PHOTOMETRIC: [_BLACK_IS_ZERO],
        _FILL_ORDER: [tags.get(_FILL_ORDER, 1)],
        _SAMPLES: [1],
        _PREDICTOR: [predictor if together == 1 else 1],
    }
    tile_width = tags[_TILE_WIDTH] if _TILE_OFFSETS in tags else layout.width
    if _TILE_OFFSETS in tags:
        own |= {_TILE_WIDTH: [tile_width * together], _TILE_HEIGHT: [tags[_TILE_HEIGHT]]}
    else:
        own[_ROWS_PER_STRIP] = [min(tags.get(_ROWS_PER_STRIP, layout.height), layout.height)]
    parts = _parts(file, tags, layout, plane, together)
    # Byte order matters for 16-bit samples; Pillow supports 12-bit samples only in one order.
    order = ">" if layout.bits == 16 and tags.prefix == b"MM" else "<"  # type: ignore[attr-defined]
    image = _Plane(io.BytesIO(tiff_of(own, parts, order)))
    image.load()
    values = np.asarray(image)
    if values.dtype == bool:
        values = values * np.uint8(255)
    values = values.astype(np.uint16 if layout.bits > 8 else np.uint8)
    if predictor == 2 and together > 1:
        values = _summed(values, tile_width, together)
    return values


def _parts(
    file: IO[bytes], tags: Mapping[int, Any], layout: _Layout, plane: int, together: int
) -> list[bytes]:
    """Return the strips or tiles of one plane as stored."""
    is_tiled = _TILE_OFFSETS in tags
    offsets: Sequence[int] = tags[_TILE_OFFSETS if is_tiled else _STRIP_OFFSETS]
    if is_tiled:
        width, height = tags[_TILE_WIDTH], tags[_TILE_HEIGHT]
        count = -(-layout.width // width) * -(-layout.height // height)
    else:
        width, height = layout.width, min(tags.get(_ROWS_PER_STRIP, layout.height), layout.height)
        count = -(-layout.height // height)
    row_bytes = -(-width * together * layout.bits // 8)
    sizes = tags.get(_TILE_BYTES if is_tiled else _STRIP_BYTES, [row_bytes * height] * len(offsets))
    parts = []
    for i in range(plane * count, (plane + 1) * count):
        rows = height if is_tiled else min(height, layout.height - (i % count) * height)
        whole = row_bytes * rows
        size = whole if layout.compression == _UNCOMPRESSED else sizes[i]
        file.seek(offsets[i])
        parts.append(read_claimed(file, size))
        if len(parts[-1]) < size or _MOST_EXPANSION * len(parts[-1]) < whole:
            raise FormatError("a TIFF that cannot be read: its image data end early")
    return parts


def _summed(values: NDArray[Any], tile_width: int, channels: int) -> NDArray[Any]:
    """Undo predictor 2: each sample was stored minus its left neighbour of the same channel."""
    pixels = values.reshape(len(values), -1, channels)
    for left in range(0, pixels.shape[1], tile_width):
        tile = pixels[:, left : left + tile_width]
        np.cumsum(tile, axis=1, dtype=tile.dtype, out=tile)
    return values


def _samples(channels: NDArray[Any], layout: _Layout, tags: Mapping[int, Any]) -> Samples:
    """Return the samples that the channels represent."""
    colors: Levels = channels[..., : layout.colors]
    notes: tuple[str, ...] = ()
    alpha = None
    for i, meaning in enumerate(layout.extras):
        if meaning == _UNSPECIFIED or alpha is not None:
            notes = ("it has further channels: they are left out",)
            continue
        alpha = _spread(channels[..., layout.colors + i], layout.bits)
        if meaning == _PREMULTIPLIED:
            colors = _divided(colors, alpha)
    lost: tuple[str, ...] = ("further channels",) if notes else ()
    profile = tags.get(_ICC_PROFILE)
    if layout.photometric == _PALETTE:
        palette = _colors_of_map(tags, layout.bits)
        indices = colors[..., 0] // (255 // (len(palette) - 1))
        if alpha is None:
            return Samples(
                indices, "P", colour=profile, notes=notes, lost=lost, palette=with_alpha(palette)
            )
        return Samples(palette[indices], "RGB", alpha, profile, notes, lost)
    colors = _spread(colors, layout.bits)
    if layout.photometric == _WHITE_IS_ZERO:
        colors = np.iinfo(colors.dtype).max - colors
    if layout.photometric == _YCBCR:
        image = Image.fromarray(np.ascontiguousarray(colors), "YCbCr")
        colors = np.asarray(image.convert("RGB"))
        lost += ("colours as YCbCr",)
    if layout.photometric == _ICC_LAB:  # the other kind, and Pillow's mode, have signed a* and b*
        colors = colors ^ np.array([0, 128, 128], np.uint8)
    if layout.colors == 1:
        return Samples(colors[..., 0], "L", alpha, profile, notes, lost)
    kind = _KINDS.get(layout.photometric, "RGB")
    return Samples(np.ascontiguousarray(colors), kind, alpha, profile, notes, lost)


def _spread(values: NDArray[Any], bits: int) -> Levels:
    """Return 12-bit samples scaled to 16 bits; others are already scaled."""
    if bits != 12:
        return values
    return ((values.astype(np.uint32) * 0xFFFF + 2047) // 4095).astype(np.uint16)


def _divided(colors: Levels, alpha: Levels) -> Levels:
    """Undo the multiplication of colours by alpha."""
    largest = np.iinfo(colors.dtype).max
    weight = np.maximum(alpha, 1)[..., None].astype(np.uint64)
    divided = (colors.astype(np.uint64) * largest + weight // 2) // weight
    nearest: Levels = np.minimum(divided, largest).astype(colors.dtype)
    return nearest


def _colors_of_map(tags: Mapping[int, Any], bits: int) -> NDArray[np.uint8]:
    """Return the colours of a palette, (K, 3), and detect palettes of 8 bits.

    A colour map has 16 bits per channel, but some programs write 8; libtiff handles them too.
    """
    count = 1 << bits
    given = np.array(tags.get(_COLOR_MAP, ()), np.int64)
    if bits > 8 or len(given) != 3 * count:
        raise FormatError(f"a TIFF that cannot be read: its palette has not {count} colours")
    colors = given.reshape(3, count).T
    if colors.max() > 0xFF:
        colors = colors // 256
    return colors.astype(np.uint8)


def _unsupported(what: str) -> FormatError:
    return FormatError(f"a TIFF that cannot be read: {what} are not supported; {_WAY_OUT}")
