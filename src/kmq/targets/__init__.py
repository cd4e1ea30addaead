"""A target instead of a number of colours: small files that are close enough, or that fit.

With each pixel in its nearest colour these are the fewest colours that are close enough, and
the most that fit. Error and size follow K almost, but not quite, in step, so what is found is
a K that meets the target beside one that does not; another may lie farther off.

With cheaper indices (`Options.rdo`) a trial takes the whole picture, so few are made. The
error of nearest colours follows from the histogram, and a sample of the rows says how much
larger that of cheaper indices is. What a trial of the whole picture shows to be off corrects
the next.
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
"""The number of colours where searches begin, if there are that many."""

_FINENESS = 64
"""Into how many parts of K to search where a whole picture is tried next."""

_COARSE = 16
"""The same, where each question takes a whole picture."""

_USUAL_RISE = Fraction(9, 8)
"""How many times the squared error of nearest colours that of cheaper indices is: 0.5 dB."""

_TRIALS = 4
"""Whole pictures that a search with cheaper indices looks at, at most; two are the rule."""

_CLOSE_ENOUGH = Fraction(1, 64)
"""What may be left of the error that is allowed: 0.07 dB, which are 0.8 % of the bytes."""

_LARGE_ENOUGH = Fraction(1, 40)
"""What may be left of the bytes that are allowed, which are 0.1 dB."""

_COMPARED_PIXELS = 1 << 20
"""Larger pictures, which are photographs or scans, are not searched a second time."""

_CLEARLY_SMALLER = Fraction(7, 8)
"""If this share of the bytes is enough on a sample, the whole files need not be compared."""

_DECIMAL = Context(
    prec=28, rounding=ROUND_HALF_EVEN, Emin=-999_999, Emax=999_999, clamp=0, traps=[]
)
"""Spelt out: what a Context is not given it takes from a default that hosts may change."""


class _Palettes:
    """The palettes that K-means finds for a histogram, and their errors, each found once."""

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
        """Return the picture's squared error with each pixel in the nearest of `colors` colours."""
        if colors not in self._errors:
            self._errors[colors] = clustering.squared_error(
                self.histogram, self.palette(colors), self.options.workers
            )
        return self._errors[colors]

    def fewest_within(self, allowed: int, fineness: int | None = None) -> int | None:
        """Return the fewest colours whose squared error is at most this; None if there are none.

        `fineness` as `fewest` has it.
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
    """Return the image with a PSNR of at least `psnr` decibels, in a file that is small.

    It has the fewest colours in which each pixel can have its nearest. With `options.rdo`
    it has a few more colours and cheaper indices, if `to_bytes` then makes a smaller file.
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
    """Return the image in few colours whose squared error is at most `allowed`, if any is found."""
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
    """Whether cheaper indices surely make the smaller file, in a large picture."""
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
        If even `options.most_colors` colours fall short, naming how close they come.
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
    """Return the image in the most colours whose file has at most `max_bytes`, and the file.

    With `options.rdo` a few colours less than the most may be taken, and of a picture of at
    most 2^20 pixels the file with nearest colours is returned where that comes closer.

    `to_bytes` makes the file of an image that has the metadata, whose bytes count too.

    Raises
    ------
    OptionError
        If one colour is too large, naming how large it is.
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
        if fitting:  # a step away there is seldom one that fits too
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
    # On some graphics nearest colours come closer in as many bytes.
    plain = encode_to_size(pixels, max_bytes, replace(options, rdo=0.0), to_bytes, metadata)
    return min(found, plain, key=lambda each: squared_error(pixels, each[0]))


def _fills_by_sample(
    excess: Callable[[int], int],
    pixels: NDArray[np.uint8],
    max_bytes: int,
    palettes: _Palettes,
    to_bytes: ToBytes,
) -> bool:
    """Ask for the `excess` of a few numbers of colours, and return if one nearly fills it.

    A sample says how large the picture's file is. How far that is off is seen with each
    pixel in its nearest colour first, which costs little, and then in each answer.
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
    """Return the image in a palette of its own, with the indices that the options ask for."""
    nearest = _in_nearest(pixels, palettes, palette)
    options = palettes.options
    return quantizing.with_chosen_indices(
        pixels, nearest, options, keeps_palette=options.is_constrained
    )


def _in_nearest(pixels: NDArray[np.uint8], palettes: _Palettes, palette: Palette) -> IndexedImage:
    """Return the image in a palette of its own, with each pixel in its nearest entry."""
    threads = palettes.options.workers
    return clustering.apply(pixels, palette, palettes.histogram, is_chosen=True, threads=threads)


def largest_squared_error(psnr: float, samples: int) -> int:
    """Return the largest sum of squared differences that still has this PSNR.

    samples * 255^2 / 10^(psnr / 10) rounded down, in decimal arithmetic, which is the
    same on every machine as `pow` is not, and in a context of its own, because the host
    may have set another.
    """
    with localcontext(_DECIMAL):
        return math.floor(samples * 255**2 / Decimal(10) ** (Decimal(repr(psnr)) / 10))
