"""What Pillow gives otherwise than the file means it: orientation, samples of 12 and 16 bits."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes a picture of an EXIF orientation upright; 1 is so already."""

_GREY_AND_ALPHA = "LA;16B"


def upright(image: Image.Image) -> Image.Image:
    """Apply the EXIF orientation; an image that needs no turning is not copied."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except MemoryError:
        raise
    except Exception:  # what is no EXIF turns nothing
        return image
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def tiff_levels(deep: NDArray[np.uint16], tags: Mapping[int, Any]) -> NDArray[np.uint16]:
    """Return the samples of a TIFF of one channel as 0..65535, black to white.

    Those of 8 bits Pillow makes so itself, those of 12 and 16 it gives as they are stored.
    """
    bits = tags.get(ExifTags.Base.BitsPerSample)
    if bits == (12,):
        return ((deep.astype(np.uint32) * 0xFFFF + 2047) // 4095).astype(np.uint16)
    if bits == (16,) and tags.get(ExifTags.Base.PhotometricInterpretation) == 0:
        return np.uint16(0xFFFF) - deep  # white is zero
    return deep


def is_sixteen_bit_png(image: Image.Image) -> bool:
    """Whether Pillow would cut 16 bits a channel down to the upper 8."""
    return image.format == "PNG" and any(
        isinstance(tile[3], str) and tile[3] in ("RGB;16B", "RGBA;16B", _GREY_AND_ALPHA)
        for tile in getattr(image, "tile", ())
    )


def deep_samples(image: Image.Image) -> NDArray[np.uint16]:
    """Return the 16-bit samples of a PNG, upright, (H, W, 3) or (H, W, 4).

    Pillow has no such mode, but two ways to unpack colours: the upper bytes, and (as if
    the samples were little-endian) the lower ones. So the file is decoded twice. Grey and
    alpha together are four bytes, unpacked as if each were a sample.
    """
    file: Any = image
    file.fp.seek(0)
    stored = file.fp.read()
    raw_mode = file.tile[0].args
    if raw_mode == _GREY_AND_ALPHA:
        parts = _unpacked(stored, "RGBA")
        upper, lower = parts[..., [0, 0, 0, 2]], parts[..., [1, 1, 1, 3]]
    else:
        upper = _unpacked(stored, raw_mode)
        lower = _unpacked(stored, raw_mode.replace("16B", "16L"))
    return upper * np.uint16(256) + lower


def _unpacked(stored: bytes, raw_mode: str) -> NDArray[np.uint16]:
    image: Any = Image.open(io.BytesIO(stored))
    image.tile = [tile._replace(args=raw_mode) for tile in image.tile]
    image.load()
    return np.asarray(upright(image), np.uint16)
