"""A target instead of a number of colours: a PSNR to reach or a file size to stay within.

With nearest colours, the search finds the fewest colours that reach the PSNR, or the most
that fit the size. Error and size are almost, but not quite, monotonic in K. So the result is
a K that meets the target next to one that does not; there may be others farther away.

With cheaper indices (`Options.rdo`), each trial processes the whole picture, so only few are
made. The histogram determines the error of nearest colours, and a sample of rows estimates
how much larger the error of cheaper indices is. Each trial corrects the estimate for the
next.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from fractions import Fraction
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kmq import clustering, quantizing
from kmq.clustering import Histogram
from kmq.errors import OptionError
from kmq.image import IndexedImage, Palette
from kmq.metadata import NOTHING, Metadata
from kmq.options import Options
from kmq.quality import psnr_of, squared_error
from kmq.targets import sample
from kmq.targets.sample import Sample
from kmq.targets.search import fewest

ToBytes: TypeAlias = Callable[[IndexedImage, Options], bytes]

_START = 64
"""The number of colours at which searches begin, if there are that many."""

_FINENESS = 64
"""The precision of a search, as a fraction of K, if a trial of the whole picture follows."""

_COARSE = 16
"""The same if each question is a trial of the whole picture."""

_USUAL_RISE = Fraction(9, 8)
"""The usual ratio of squared errors, cheaper indices to nearest colours: 0.5 dB."""

_TRIALS = 4
"""The most trials of the whole picture in a search with cheaper indices; usually two."""

_CLOSE_ENOUGH = Fraction(1, 64)
"""The unused share of the allowed error that is accepted: 0.07 dB, or 0.8 % of the bytes."""

_LARGE_ENOUGH = Fraction(1, 40)
"""The unused share of the allowed bytes that is accepted: 0.1 dB."""

_COMPARED_PIXELS = 1 << 20
"""Larger pictures, usually photographs or scans, are not searched a second time."""

_CLEARLY_SMALLER = Fraction(7, 8)
"""If a sample takes at most this share of the bytes, the whole files are not compared."""

_DECIMAL = Context(
    prec=28, rounding=ROUND_HALF_EVEN, Emin=-999_999, Emax=999_999, clamp=0, traps=[]
)
"""All settings are explicit, because a Context takes missing ones from a mutable default."""


class _Palettes:
    """The palettes that K-means finds for a histogram, and their errors, each computed once."""

    def __init__(self, histogram: Histogram, options: Options) -> None:
        self.histogram = histogram
        self.options = options
        self.most = min(options.most_colors, len(histogram))
        self._palettes: dict[int, Palette] = {}
        self._errors: dict[int, int | Fraction] = {}

    def palette(self, colors: int) -> Palette:
        """Return the palette of `colors` colours."""
        if colors not in self._palettes:
            self._palettes[colors] = quantizing.fit(self.histogram, colors, self.options)
        return self._palettes[colors]

    def error(self, colors: int) -> int | Fraction:
        """Return the picture's squared error with `colors` colours and nearest entries."""
        if colors not in self._errors:
            self._errors[colors] = clustering.squared_error(
                self.histogram, self.palette(colors), self.options.workers
            )
        return self._errors[colors]

    def fewest_within(self, allowed: int, fineness: int | None = None) -> int | None:
        """Return the fewest colours whose squared error is at most this, or None.

        `fineness` is that of `fewest`.
        """

        def closeness(colors: int) -> int:
            return allowed + 1 - math.ceil(self.error(colors))

        return fewest(
            closeness,
            self.most,
            min(_START, self.most),
            fineness=fineness,
            known=self._errors,
        )


def quantize_to_psnr(
    pixels: NDArray[np.uint8], psnr: float, options: Options, to_bytes: ToBytes
) -> IndexedImage:
    """Return the image with a PSNR of at least `psnr` decibels and a small file.

    It has the fewest colours that reach the PSNR with nearest entries. With `options.rdo`, it
    has a few more colours and cheaper indices if that makes the file from `to_bytes` smaller.
    Errors are those of `fit_to_psnr`.
    """
    histogram = Histogram.of_pixels(pixels)
    palettes = _Palettes(histogram, options)
    palette = _within(palettes, psnr)
    nearest = _in_nearest(pixels, palettes, palette)
    if options.rdo_strength == 0:
        return nearest
    allowed = largest_squared_error(psnr, 3 * histogram.pixel_count)
    found = _close_with_cheaper_indices(pixels, palettes, allowed)
    if found is None:
        return nearest
    rows = Sample.of(pixels, sample.FEW_PIXELS, options)
    if _is_clearly_smaller(rows, Palette(found.palette), palette, to_bytes):
        return found
    return min(found, nearest, key=lambda each: len(to_bytes(each, options)))


def _close_with_cheaper_indices(
    pixels: NDArray[np.uint8], palettes: _Palettes, allowed: int
) -> IndexedImage | None:
    """Return the image in few colours with a squared error of at most `allowed`, or None."""
    reached: dict[int, IndexedImage] = {}
    tried: set[int] = set()
    colors = palettes.fewest_within(math.floor(allowed / _USUAL_RISE), _FINENESS)
    if colors is None:
        return None
    rows = Sample.of(pixels, sample.MANY_PIXELS, palettes.options)
    rise = rows.rise_of_error(palettes.palette(colors))
    while len(tried) < _TRIALS:
        allowed_nearest = math.floor(allowed / rise * (1 - _CLOSE_ENOUGH / 4))
        colors = palettes.fewest_within(allowed_nearest, _FINENESS)
        if colors is None or colors in tried or palettes.error(colors) == 0:
            break
        tried.add(colors)
        indexed = _quantized(pixels, palettes, palettes.palette(colors))
        error = squared_error(pixels, indexed)
        rise = Fraction(error, palettes.error(colors))
        if error <= allowed:
            reached[colors] = indexed
            if error >= allowed * (1 - _CLOSE_ENOUGH):
                break
    return reached[min(reached)] if reached else None


def _is_clearly_smaller(rows: Sample, chosen: Palette, palette: Palette, to_bytes: ToBytes) -> bool:
    """Whether cheaper indices clearly make the file of a large picture smaller."""
    if rows.part == 1:
        return False
    before = rows.bytes_of_picture(rows.nearest(palette), to_bytes)
    after = rows.bytes_of_picture(rows.with_cheaper_indices(chosen), to_bytes)
    return after <= before * _CLEARLY_SMALLER


def fit_to_psnr(histogram: Histogram, psnr: float, options: Options) -> Palette:
    """Return the palette of fewest colours whose PSNR is at least `psnr` decibels.

    Raises
    ------
    OptionError
        If even `options.most_colors` colours fall short; the message gives their PSNR.
    """
    return _within(_Palettes(histogram, options), psnr)


def _within(palettes: _Palettes, psnr: float) -> Palette:
    samples = 3 * palettes.histogram.pixel_count
    found = palettes.fewest_within(largest_squared_error(psnr, samples))
    if found is None:
        error = palettes.error(palettes.most)
        raise OptionError(
            f"psnr: {psnr:g} dB is out of reach; "
            f"{palettes.most:,} colours give {psnr_of(error, samples):.2f}"
        )
    return palettes.palette(found)


def encode_to_size(
    pixels: NDArray[np.uint8],
    max_bytes: int,
    options: Options,
    to_bytes: ToBytes,
    metadata: Metadata = NOTHING,
) -> tuple[IndexedImage, bytes]:
    """Return the image with the most colours whose file has at most `max_bytes`, and the file.

    With `options.rdo`, it may have a few colours fewer than the most. For a picture of at most
    2^20 pixels, the file with nearest colours is returned if its error is lower.

    `to_bytes` encodes an image that has the metadata, whose bytes count as well.

    Raises
    ------
    OptionError
        If even the file with one colour is too large; the message gives its size.
    """
    histogram = Histogram.of_pixels(pixels)
    palettes = _Palettes(histogram, options)
    fitting: dict[int, tuple[IndexedImage, bytes]] = {}
    sizes: dict[int, int] = {}

    def excess(colors: int) -> int:
        if colors in sizes:
            return sizes[colors] - max_bytes
        indexed = _quantized(pixels, palettes, palettes.palette(colors)).with_metadata(metadata)
        data = to_bytes(indexed, options)
        sizes[colors] = len(data)
        if len(data) <= max_bytes and colors > max(fitting, default=0):
            fitting.clear()  # one is enough to keep
            fitting[colors] = indexed, data
        return len(data) - max_bytes

    is_large = options.rdo_strength > 0 and histogram.pixel_count > sample.FEW_PIXELS
    if not is_large or not _fills_by_sample(excess, pixels, max_bytes, palettes, to_bytes):
        if fitting:  # the next number of colours seldom fits as well
            best = max(fitting)
            excess(min(best + 1 + best // _COARSE, palettes.most))
        fewest(excess, palettes.most, fineness=_COARSE if is_large else None, known=list(sizes))
    if not fitting:
        way_out = "; strip=True or --strip leaves the metadata out" if metadata else ""
        raise OptionError(
            f"max_bytes: {max_bytes:,} is out of reach; "
            f"one colour takes {sizes[1]:,} bytes{way_out}"
        )
    found = fitting[max(fitting)]
    if options.rdo_strength == 0 or histogram.pixel_count > _COMPARED_PIXELS:
        return found
    # For some graphics, nearest colours have a lower error at the same size.
    plain = encode_to_size(pixels, max_bytes, replace(options, rdo=0.0), to_bytes, metadata)
    return min(found, plain, key=lambda each: squared_error(pixels, each[0]))


def _fills_by_sample(
    excess: Callable[[int], int],
    pixels: NDArray[np.uint8],
    max_bytes: int,
    palettes: _Palettes,
    to_bytes: ToBytes,
) -> bool:
    """Ask for the `excess` of a few numbers of colours, until one almost fills the limit.

    A sample of rows estimates the size of the picture's file. The estimate is corrected first
    by the file with nearest colours, which is cheap to make, and then by each answer.
    """
    rows = Sample.of(pixels, sample.FEW_PIXELS, palettes.options)
    known: dict[int, int] = {}

    def expected(colors: int) -> int:
        if colors not in known:
            chosen = rows.with_cheaper_indices(palettes.palette(colors))
            known[colors] = rows.bytes_of_picture(chosen, to_bytes)
        return known[colors]

    def most_within(allowed: int) -> int:
        too_many = fewest(
            lambda colors: expected(colors) - allowed,
            palettes.most,
            min(_START, palettes.most),
            fineness=_FINENESS,
            known=known,
        )
        return palettes.most if too_many is None else max(too_many - 1, 1)

    palette = palettes.palette(most_within(max_bytes))
    nearest = _in_nearest(pixels, palettes, palette)
    correction = Fraction(
        len(to_bytes(nearest, palettes.options)),
        rows.bytes_of_picture(rows.nearest(palette), to_bytes),
    )
    tried: set[int] = set()
    while len(tried) < _TRIALS:
        margin = _LARGE_ENOUGH * (1 + len(tried)) / 4
        colors = most_within(math.floor(max_bytes / correction * (1 - margin)))
        if colors in tried:
            break
        tried.add(colors)
        over = excess(colors)
        if over <= 0 and (colors == palettes.most or over >= -max_bytes * _LARGE_ENOUGH):
            return True
        correction = Fraction(max_bytes + over, expected(colors))
    return False


def _quantized(pixels: NDArray[np.uint8], palettes: _Palettes, palette: Palette) -> IndexedImage:
    """Return the image in a palette made for it, with the indices that the options select."""
    nearest = _in_nearest(pixels, palettes, palette)
    options = palettes.options
    return quantizing.with_chosen_indices(
        pixels, nearest, options, keeps_palette=options.is_constrained
    )


def _in_nearest(pixels: NDArray[np.uint8], palettes: _Palettes, palette: Palette) -> IndexedImage:
    """Return the image in a palette made for it, with each pixel's nearest entry."""
    threads = palettes.options.workers
    return clustering.apply(pixels, palette, palettes.histogram, is_chosen=True, threads=threads)


def largest_squared_error(psnr: float, samples: int) -> int:
    """Return the largest sum of squared differences that still reaches this PSNR.

    This is samples * 255^2 / 10^(psnr / 10), rounded down. Decimal arithmetic returns the
    same on every machine, unlike `pow`; it uses its own context because the host program may
    have changed the default one.
    """
    with localcontext(_DECIMAL):
        return math.floor(samples * 255**2 / Decimal(10) ** (Decimal(repr(psnr)) / 10))
