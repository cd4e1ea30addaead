"""JPEG of the original at several qualities: another kind of coding, to be honest about."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kmq.quality import psnr_of

QUALITIES = (5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95)

LONGEST_SIDE = 65_535
"""Pixels: the widest and highest image that JPEG holds."""


@dataclass(frozen=True)
class JpegPoint:
    """What one quality comes to."""

    quality: int
    bytes: int
    psnr: float
    """Decibels; infinity where nothing changed."""


def jpeg_curve(rgb: NDArray[np.uint8]) -> list[JpegPoint]:
    """Return size and PSNR at each of `QUALITIES` (Pillow, optimised, chroma halved)."""
    if max(rgb.shape) > LONGEST_SIDE:
        return []
    return [_point(rgb, quality) for quality in QUALITIES]


def _point(rgb: NDArray[np.uint8], quality: int) -> JpegPoint:
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "JPEG", quality=quality, optimize=True)
    with Image.open(file) as decoded:
        apart = np.asarray(decoded).astype(np.int32) - rgb
    squared_error = int((apart * apart).sum(dtype=np.int64))
    return JpegPoint(quality, len(file.getvalue()), psnr_of(squared_error, rgb.size))
