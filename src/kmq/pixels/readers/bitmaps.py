"""Bitmaps of Windows and X11: alpha of few bits, and which of two values is black."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmq.pixels.readers.claims import read_claimed
from kmq.pixels.samples import Samples, of_image

_FILE_HEADER_BYTES = 14
_BITFIELDS = 3


def read_bmp(image: Any) -> Samples:
    """Return the samples of a BMP that Pillow has opened but not read yet.

    Pillow ignores the alpha bits of 16-bit pixels.
    """
    alpha = _alpha(image)
    samples = of_image(image)
    return samples if alpha is None else replace(samples, alpha=alpha)


def read_xbm(image: Any) -> Samples:
    """Return the samples of an XBM that Pillow has opened but not read yet.

    A bit of 1 means ink; Pillow shows it as white.
    """
    samples = of_image(image)
    return replace(samples, values=255 - samples.values)


def _alpha(image: Any) -> NDArray[np.uint8] | None:
    """Return the alpha of 16-bit pixels; None if there is none."""
    file = image.fp
    file.seek(_FILE_HEADER_BYTES if image.format == "BMP" else 0)
    header = file.read(56)
    if len(header) < 56 or struct.unpack_from("<I", header)[0] < 56:
        return None
    bits, compression = struct.unpack_from("<HI", header, 14)
    (mask,) = struct.unpack_from("<I", header, 52)
    if bits != 16 or compression != _BITFIELDS or mask == 0:
        return None
    _, _, offset, (_, stride, direction) = image.tile[0]
    file.seek(offset)
    stored = np.frombuffer(read_claimed(file, stride * image.height), "<u2")
    rows = stored.reshape(image.height, stride // 2)[::direction, : image.width]
    unit = mask & -mask
    levels = (rows & mask).astype(np.uint32) // unit
    most = mask // unit
    alpha: NDArray[np.uint8] = ((levels * 255 + most // 2) // most).astype(np.uint8)
    return alpha
