"""The original in lossy transform coders at several qualities, for an honest comparison."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, features

from kmq.quality import psnr_of

QUALITIES = (5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95)


@dataclass(frozen=True)
class Coder:
    """One of Pillow's lossy coders.

    Attributes
    ----------
    name, kind
        The displayed name, and Pillow's name.
    longest_side
        The largest width and height in pixels.
    how
        Further options for Pillow.
    """

    name: str
    kind: str
    longest_side: int
    how: dict[str, Any]


CODERS = (
    Coder("JPEG", "JPEG", 65_535, {"optimize": True}),
    Coder("WebP lossy", "WEBP", 16_383, {}),
    Coder("AVIF", "AVIF", 65_535, {"speed": 8}),
)


@dataclass(frozen=True)
class Point:
    """The result of one quality setting."""

    quality: int
    bytes: int
    psnr: float
    """Decibels; infinity if nothing changed."""


def curves(rgb: NDArray[np.uint8]) -> dict[str, list[Point]]:
    """Return size and PSNR at each of `QUALITIES`, per coder that can store (H, W, 3) pixels."""
    able = [
        coder
        for coder in CODERS
        if max(rgb.shape) <= coder.longest_side
        and (coder.kind == "JPEG" or features.check(coder.kind.lower()))
    ]
    return {coder.name: [_point(rgb, coder, quality) for quality in QUALITIES] for coder in able}


def smallest_that_reaches(points: list[Point], psnr: float) -> float | None:
    """Return the bytes at which a curve reaches a PSNR, interpolated; None outside the curve."""
    ordered = sorted(points, key=lambda point: point.bytes)
    for before, after in pairwise(ordered):
        if before.psnr <= psnr <= after.psnr < math.inf and before.psnr < after.psnr:
            share = (psnr - before.psnr) / (after.psnr - before.psnr)
            return before.bytes * math.pow(after.bytes / before.bytes, share)
    return None


def _point(rgb: NDArray[np.uint8], coder: Coder, quality: int) -> Point:
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, coder.kind, quality=quality, **coder.how)
    with Image.open(file) as decoded:
        apart = np.asarray(decoded.convert("RGB")).astype(np.int32) - rgb
    squared_error = int((apart * apart).sum(dtype=np.int64))
    return Point(quality, len(file.getvalue()), psnr_of(squared_error, rgb.size))
