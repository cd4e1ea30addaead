"""Perceived differences of pictures: S-CIELAB, Butteraugli, and the PSNR after blurring.

S-CIELAB is the mean colour difference after blurring as the eye does at 32 pixels per degree
(Zhang and Wandell, "A spatial extension of CIELAB for digital color-image reproduction", Journal
of the SID 5(1), 1997), and Butteraugli the 3-norm that libjxl's program prints.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Rgb: TypeAlias = NDArray[np.uint8]

PIXELS_PER_DEGREE = 32
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
TO_OPPONENT = np.array([[0.279, 0.72, -0.107], [-0.449, 0.29, -0.077], [0.086, -0.59, 0.501]])
BLURS = (
    ((0.921, 0.0283), (0.105, 0.133), (-0.108, 4.336)),
    ((0.531, 0.0392), (0.330, 0.494)),
    ((0.488, 0.0536), (0.371, 0.386)),
)
"""Weights and spreads in degrees, of luminance, red against green, and blue against yellow."""
WIDEST = 200
"""Pixels of padding that repeat a picture's edge, so that blurring does not wrap around."""


def light(rgb: Rgb) -> NDArray[np.float64]:
    """Return the linear light of sRGB samples, 0 to 1."""
    v = np.arange(256) / 255
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)[rgb]


@cache
def transfer(shape: tuple[int, int], blurs: tuple[tuple[float, float], ...]) -> NDArray[np.float64]:
    """Return what a sum of Gaussians, e^-(r / spread)^2 each, does to each frequency."""
    squared = np.add.outer(np.fft.fftfreq(shape[0]) ** 2, np.fft.rfftfreq(shape[1]) ** 2)
    total = sum(weight for weight, _ in blurs)
    return sum(
        weight / total * np.exp(-((np.pi * spread) ** 2) * squared) for weight, spread in blurs
    )


def blurred(
    plane: NDArray[np.float64], blurs: tuple[tuple[float, float], ...], margin: int
) -> NDArray[np.float64]:
    """Return a plane after blurring; spreads are in pixels."""
    wide = np.pad(plane, margin, mode="edge")
    spectrum = np.fft.rfft2(wide) * transfer(wide.shape, blurs)
    return np.fft.irfft2(spectrum, wide.shape)[margin:-margin, margin:-margin]


def as_seen(rgb: Rgb) -> NDArray[np.float64]:
    """Return a picture in CIELAB as S-CIELAB blurs it, (H, W, 3)."""
    opponent = light(rgb) @ TO_XYZ.T @ TO_OPPONENT.T
    for channel, blurs in enumerate(BLURS):
        in_pixels = tuple((weight, spread * PIXELS_PER_DEGREE) for weight, spread in blurs)
        opponent[..., channel] = blurred(opponent[..., channel], in_pixels, WIDEST)
    ratio = np.maximum(opponent @ np.linalg.inv(TO_OPPONENT).T / TO_XYZ.sum(axis=1), 0)
    f = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    return np.stack(
        [116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1
    )


def psnr_of_blurred(one: Rgb, other: Rgb) -> float:
    """Return the PSNR after blurring in linear light, with a standard deviation of 1.5 pixels."""
    sides = []
    for rgb in (one, other):
        planes = [
            blurred(light(rgb[..., channel]), ((1.0, 1.5 * 2**0.5),), 16) for channel in range(3)
        ]
        plane = np.maximum(np.stack(planes, -1), 0)
        curve = 1.055 * plane ** (1 / 2.4) - 0.055
        sides.append(255 * np.where(plane <= 0.0031308, 12.92 * plane, curve))
    error = np.square(sides[0] - sides[1]).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


class Judge:
    """Says how far pictures are from one original."""

    def __init__(self, original: Rgb) -> None:
        self.original = original
        self._seen = as_seen(original)

    def scielab(self, rgb: Rgb) -> float:
        """Return the mean difference in S-CIELAB."""
        return float(np.sqrt(np.square(as_seen(rgb) - self._seen).sum(axis=-1)).mean())

    def butteraugli(self, rgb: Rgb) -> float:
        """Return the 3-norm of the Butteraugli map, NaN where the program is not installed."""
        if shutil.which("butteraugli_main") is None:
            return float("nan")
        with tempfile.TemporaryDirectory() as name:
            files = [Path(name) / "original.png", Path(name) / "other.png"]
            for file, each in zip(files, (self.original, rgb), strict=True):
                Image.fromarray(each).save(file, compress_level=1)
            done = subprocess.run(
                ["butteraugli_main", *map(str, files)], capture_output=True, text=True, check=True
            )
        return float(done.stdout.rpartition("3-norm:")[2])
