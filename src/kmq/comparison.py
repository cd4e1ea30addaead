"""One image in several numbers of colours: how large, how close, how long.

Beside each `.kmq` file stand the same pixels as PNG with a palette and as lossless
WebP. `kmq compare` prints these rows, its report draws them.
"""

from __future__ import annotations

import io
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kmq import codec, quality, quantizing
from kmq.container.summary import bits_in_theory
from kmq.image import IndexedImage
from kmq.options import Options
from kmq.threads import map_threads

PNG_MOST_COLORS = 256
"""The largest palette of a PNG: an index has 8 bits."""

WEBP_LONGEST_SIDE = 16_383
"""Pixels: the widest and highest image that WebP holds."""


@dataclass(frozen=True)
class OtherIndices:
    """What the same palette comes to with `Options.rdo` or `Options.dither`.

    Attributes
    ----------
    bytes
        The whole `.kmq` file.
    psnr, ssim
        As `Row` has them.
    seconds
        The time of the choice, after clustering.
    """

    bytes: int
    psnr: float
    ssim: float | None
    seconds: float


@dataclass(frozen=True)
class Row:
    """What an image comes to in one number of colours.

    Attributes
    ----------
    colors
        K as it was asked for.
    indexed
        The image in K colours, or in all its colours where it has fewer.
    seconds
        Time of clustering and of finding each pixel's colour, kernels loaded before.
    theoretical_bytes
        24 K + N log2 K bits for N pixels and the colours there are, in bytes; 32 K for
        colours with alpha.
    packed_bytes, modelled_bytes
        The whole `.kmq` file packed, and with each stripe modelled where that is smaller.
    png_bytes, webp_bytes
        The same pixels as PNG with a palette (Pillow, optimised) and as lossless WebP
        (the slowest and smallest it offers); None where the format cannot hold them.
    psnr
        Peak signal-to-noise ratio in decibels, infinity where nothing changed.
    ssim
        Structural similarity, at most 1; None without scikit-image, or where it is
        undefined.
    rdo, dithered
        The same with `Options.rdo`, or with `Options.dither`, if that is above 0.
    lost
        What the file held and the pixels compared do not, as in `kmq.pixels.Pixels`.
    """

    colors: int
    indexed: IndexedImage = field(repr=False)
    seconds: float
    theoretical_bytes: float
    packed_bytes: int
    modelled_bytes: int
    png_bytes: int | None
    webp_bytes: int | None
    psnr: float
    ssim: float | None
    rdo: OtherIndices | None = None
    dithered: OtherIndices | None = None
    lost: tuple[str, ...] = ()

    @property
    def used(self) -> int:
        """How many colours there are: `colors`, or as many as the image has."""
        return len(self.indexed.palette)

    @property
    def is_exact(self) -> bool:
        """Whether every pixel that was compared kept its colour."""
        return math.isinf(self.psnr)

    def closeness(self, psnr: float) -> str:
        """Return a PSNR for people: "exact" only if the file itself lost nothing."""
        if not math.isinf(psnr):
            return f"{psnr:.2f}"
        return "lossless" if self.lost else "exact"

    def to_dict(self, file_bytes: int) -> dict[str, Any]:
        """Return plain values for JSON and CSV; `file_bytes` is the original's size."""
        described = {
            "colors": self.colors,
            "used": self.used,
            "theoretical_bytes": self.theoretical_bytes,
            "packed_bytes": self.packed_bytes,
            "modelled_bytes": self.modelled_bytes,
            "share": self.modelled_bytes / file_bytes,
            "png_bytes": self.png_bytes,
            "webp_bytes": self.webp_bytes,
            "exact": self.is_exact and not self.lost,
            "psnr": None if self.is_exact else self.psnr,
            "ssim": self.ssim,
            "seconds": self.seconds,
        }
        for name, other in self.others.items():
            described |= {
                f"{name}_bytes": other.bytes,
                f"{name}_psnr": None if math.isinf(other.psnr) else other.psnr,
                f"{name}_ssim": other.ssim,
                f"{name}_seconds": other.seconds,
            }
        return described

    @property
    def others(self) -> dict[str, OtherIndices]:
        """`rdo` and `dithered`, as far as they were asked for, by their names."""
        both = {"rdo": self.rdo, "dithered": self.dithered}
        return {name: other for name, other in both.items() if other is not None}


def compare(
    pixels: NDArray[np.uint8],
    colors: Sequence[int],
    options: Options,
    lost: tuple[str, ...] = (),
) -> list[Row]:
    """Return a row for each number of colours, in the order given.

    Parameters
    ----------
    pixels
        (H, W, 3) or (H, W, 4), each at least 1.
    colors
        The numbers of colours, each 1 to 65,536.
    options
        How to cluster; its own `colors`, and its targets, are left aside.
    lost
        What the file held and `pixels` do not.

    Raises
    ------
    OptionError
        If a number of colours is out of its range.
    """
    plain = replace(options, psnr=None, max_bytes=None, rdo=None, dither=None, dither_method=None)
    choices = [replace(plain, colors=each) for each in colors]
    for first in choices[:1]:
        codec.quantize_pixels(pixels, first)  # loads the kernels, which no time includes
    quantized = [_timed_quantize(pixels, each) for each in choices]

    def row(number: int) -> Row:
        indexed, seconds = quantized[number]
        return Row(
            colors=colors[number],
            indexed=indexed,
            seconds=seconds,
            theoretical_bytes=theoretical_bytes(indexed),
            packed_bytes=len(codec.encode(indexed, coding="packed", threads=1)),
            modelled_bytes=len(codec.encode(indexed, coding="modelled", threads=1)),
            png_bytes=png_bytes(indexed),
            webp_bytes=webp_bytes(indexed),
            psnr=quality.psnr(pixels, indexed),
            ssim=quality.ssim(pixels, indexed) if has_ssim() else None,
            rdo=other_indices(pixels, indexed, options) if options.rdo_strength else None,
            dithered=other_indices(pixels, indexed, options) if options.dither_strength else None,
            lost=lost,
        )

    return map_threads(row, range(len(choices)), options.workers)


def other_indices(
    pixels: NDArray[np.uint8], indexed: IndexedImage, options: Options
) -> OtherIndices:
    """Return what an image that is given in nearest colours comes to with the options."""
    started = time.perf_counter()
    chosen = quantizing.with_chosen_indices(pixels, indexed, options.with_threads(1))
    return OtherIndices(
        seconds=time.perf_counter() - started,
        bytes=len(codec.encode(chosen, threads=1)),
        psnr=quality.psnr(pixels, chosen),
        ssim=quality.ssim(pixels, chosen) if has_ssim() else None,
    )


def theoretical_bytes(indexed: IndexedImage) -> float:
    """Return 24 K + N log2 K bits, for K colours and N pixels, in bytes."""
    pixels = indexed.width * indexed.height
    return bits_in_theory(len(indexed.palette), pixels, has_alpha=indexed.has_alpha) / 8


def png_bytes(indexed: IndexedImage) -> int | None:
    """Return the bytes of the same pixels as PNG with a palette; None above 256 colours."""
    if len(indexed.palette) > PNG_MOST_COLORS:
        return None
    image = Image.frombytes("P", (indexed.width, indexed.height), indexed.indices.tobytes())
    image.putpalette(indexed.palette[:, :3].tobytes(), "RGB")
    if indexed.has_alpha:
        image.info["transparency"] = indexed.palette[:, 3].tobytes()
    return _saved_bytes(image, format="PNG", optimize=True)


def webp_bytes(indexed: IndexedImage) -> int | None:
    """Return the bytes of the same pixels as lossless WebP; None if that is too large for it."""
    if max(indexed.width, indexed.height) > WEBP_LONGEST_SIDE:
        return None
    image = Image.fromarray(indexed.to_pixels())
    return _saved_bytes(image, format="WEBP", lossless=True, quality=100, method=6, exact=True)


def has_ssim() -> bool:
    """Whether scikit-image is there to compute the structural similarity."""
    return find_spec("skimage") is not None


def _timed_quantize(pixels: NDArray[np.uint8], options: Options) -> tuple[IndexedImage, float]:
    started = time.perf_counter()
    indexed = codec.quantize_pixels(pixels, options)
    return indexed, time.perf_counter() - started


def _saved_bytes(image: Image.Image, **how: Any) -> int:
    file = io.BytesIO()
    image.save(file, **how)
    return file.tell()
