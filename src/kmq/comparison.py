"""One image at several numbers of colours: size, quality, time.

Each `.kmq` file is compared with the same pixels as PNG with a palette and as lossless WebP.
`kmq compare` prints these rows; its report plots them.
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
"""The largest width and height of a WebP image, in pixels."""


@dataclass(frozen=True)
class OtherIndices:
    """The result with the same palette and `Options.rdo` or `Options.dither`.

    Attributes
    ----------
    bytes
        The whole `.kmq` file.
    psnr, ssim
        Those of `Row`.
    seconds
        The time for choosing indices, after clustering.
    """

    bytes: int
    psnr: float
    ssim: float | None
    seconds: float


@dataclass(frozen=True)
class Row:
    """The result for one image at one number of colours.

    Attributes
    ----------
    colors
        The requested K.
    indexed
        The image in K colours, or in all its colours if it has fewer.
    seconds
        Time for clustering and for finding each pixel's colour, without loading kernels.
    theoretical_bytes
        24 K + N log2 K bits for N pixels and the actual number of colours, in bytes; 32 K for
        colours with alpha.
    packed_bytes, modelled_bytes
        The whole `.kmq` file, packed, and with each stripe modelled if that is smaller.
    png_bytes, webp_bytes
        The same pixels as PNG with a palette (Pillow, optimised) and as lossless WebP
        (slowest and smallest setting); None if the format cannot store them.
    psnr
        Peak signal-to-noise ratio in decibels; infinity if nothing changed.
    ssim
        Structural similarity, at most 1; None without scikit-image, or if it is undefined.
    rdo, dithered
        The results with `Options.rdo` and with `Options.dither`, if above 0.
    lost
        Properties of the file that the compared pixels lack, as in `kmq.pixels.Pixels`.
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
        """The actual number of colours: `colors`, or fewer if the image has fewer."""
        return len(self.indexed.palette)

    @property
    def is_exact(self) -> bool:
        """Whether every compared pixel kept its colour."""
        return math.isinf(self.psnr)

    def closeness(self, psnr: float) -> str:
        """Return a readable PSNR; "exact" only if reading the file lost nothing either."""
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
        """`rdo` and `dithered` by name, if requested."""
        both = {"rdo": self.rdo, "dithered": self.dithered}
        return {name: other for name, other in both.items() if other is not None}


def compare(
    pixels: NDArray[np.uint8],
    colors: Sequence[int],
    options: Options,
    lost: tuple[str, ...] = (),
) -> list[Row]:
    """Return one row per number of colours, in the given order.

    Parameters
    ----------
    pixels
        (H, W, 3) or (H, W, 4), each at least 1.
    colors
        The numbers of colours, each 1 to 65,536.
    options
        How to cluster; `colors` and targets are ignored.
    lost
        Properties of the file that `pixels` lack.

    Raises
    ------
    OptionError
        If a number of colours is out of range.
    """
    plain = replace(options, psnr=None, max_bytes=None, rdo=None, dither=None, dither_method=None)
    choices = [replace(plain, colors=each) for each in colors]
    for first in choices[:1]:
        codec.quantize_pixels(pixels, first)  # loads the kernels, so that no timing includes this
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
    """Return the result with these options for an image given in nearest colours."""
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
    """Return the bytes of the same pixels as lossless WebP; None if the image is too large."""
    if max(indexed.width, indexed.height) > WEBP_LONGEST_SIDE:
        return None
    image = Image.fromarray(indexed.to_pixels())
    return _saved_bytes(image, format="WEBP", lossless=True, quality=100, method=6, exact=True)


def has_ssim() -> bool:
    """Whether scikit-image is installed, which computes the structural similarity."""
    return find_spec("skimage") is not None


def _timed_quantize(pixels: NDArray[np.uint8], options: Options) -> tuple[IndexedImage, float]:
    started = time.perf_counter()
    indexed = codec.quantize_pixels(pixels, options)
    return indexed, time.perf_counter() - started


def _saved_bytes(image: Image.Image, **how: Any) -> int:
    file = io.BytesIO()
    image.save(file, **how)
    return file.tell()
