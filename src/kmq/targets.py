"""A target instead of a number of colours: the fewest that are close enough, the most that fit.

Both search over K by doubling and halving, on one histogram. Error and size follow K
almost, but not quite, in step, so what is found is a K that meets the target beside
one that does not; another may lie farther off.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext

import numpy as np
from numpy.typing import NDArray

from kmq import clustering
from kmq.clustering import Histogram
from kmq.errors import OptionError
from kmq.image import IndexedImage, Palette
from kmq.options import Options
from kmq.quality import psnr_of

_DECIMAL = Context(
    prec=28, rounding=ROUND_HALF_EVEN, Emin=-999_999, Emax=999_999, clamp=0, traps=[]
)
"""Spelt out: what a Context is not given it takes from a default that hosts may change."""


def quantize_to_psnr(pixels: NDArray[np.uint8], psnr: float, options: Options) -> IndexedImage:
    """Return the image in the fewest colours whose PSNR is at least `psnr` decibels.

    Raises
    ------
    OptionError
        If `options.most_colors` come less close, naming how close they come.
    """
    histogram = Histogram.of_pixels(pixels)
    samples = 3 * histogram.pixel_count
    allowed = largest_squared_error(psnr, samples)
    tried: dict[int, tuple[Palette, int]] = {}

    def is_close(colors: int) -> bool:
        palette = _fit(histogram, colors, options)
        tried[colors] = palette, clustering.squared_error(histogram, palette, options.workers)
        return tried[colors][1] <= allowed

    most = min(options.most_colors, len(histogram))
    found = fewest(is_close, most)
    if found is None:
        reached = psnr_of(tried[most][1], samples)
        raise OptionError(f"psnr: {psnr:g} dB is out of reach; {most:,} colours give {reached:.2f}")
    return clustering.apply(
        pixels, tried[found][0], histogram, is_chosen=True, threads=options.workers
    )


def encode_to_size(
    pixels: NDArray[np.uint8],
    max_bytes: int,
    options: Options,
    to_bytes: Callable[[IndexedImage, Options], bytes],
) -> tuple[IndexedImage, bytes]:
    """Return the image in the most colours whose file has at most `max_bytes`, and the file.

    `to_bytes` makes the file.

    Raises
    ------
    OptionError
        If one colour is too large, naming how large it is.
    """
    histogram = Histogram.of_pixels(pixels)
    fitting: dict[int, tuple[IndexedImage, bytes]] = {}
    sizes: dict[int, int] = {}

    def is_too_large(colors: int) -> bool:
        palette = _fit(histogram, colors, options)
        indexed = clustering.apply(
            pixels, palette, histogram, is_chosen=True, threads=options.workers
        )
        data = to_bytes(indexed, options)
        sizes[colors] = len(data)
        if len(data) > max_bytes:
            return True
        fitting.clear()  # what is asked for next is larger, or is not kept
        fitting[colors] = indexed, data
        return False

    most = min(options.most_colors, len(histogram))
    too_many = fewest(is_too_large, most)
    if too_many == 1:
        raise OptionError(
            f"max_bytes: {max_bytes:,} is out of reach; one colour takes {sizes[1]:,} bytes"
        )
    return fitting[most if too_many is None else too_many - 1]


def fewest(is_enough: Callable[[int], bool], most: int) -> int | None:
    """Return a K from 1 to `most` that is enough where K - 1 is not, None if `most` is not.

    `is_enough` is asked about 2 log2 K times, never about more than 2 K colours.
    """
    too_few, candidate = 0, 1
    while not is_enough(candidate):
        if candidate == most:
            return None
        too_few, candidate = candidate, min(2 * candidate, most)
    while candidate - too_few > 1:
        middle = (too_few + candidate) // 2
        if is_enough(middle):
            candidate = middle
        else:
            too_few = middle
    return candidate


def largest_squared_error(psnr: float, samples: int) -> int:
    """Return the largest sum of squared differences that still has this PSNR.

    samples * 255^2 / 10^(psnr / 10) rounded down, in decimal arithmetic, which is the
    same on every machine as `pow` is not, and in a context of its own, for the host may
    have set another.
    """
    with localcontext(_DECIMAL):
        return math.floor(samples * 255**2 / Decimal(10) ** (Decimal(repr(psnr)) / 10))


def _fit(histogram: Histogram, colors: int, options: Options) -> Palette:
    return clustering.fit(
        histogram,
        colors,
        effort=options.effort,
        seed=options.seed,
        max_iter=options.max_iter,
        threads=options.workers,
    )
