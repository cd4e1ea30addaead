"""A target instead of a number of colours: small files that are close enough, or that fit.

With each pixel in its nearest colour these are the fewest colours that are close enough, and
the most that fit. Both searches over K go by doubling and by secants, on one histogram. Error
and size follow K almost, but not quite, in step, so what is found is a K that meets the target
beside one that does not; another may lie farther off.

With cheaper indices (`Options.rdo`) a trial takes the whole picture, so few are made of a large
one: the search starts near the answer, and ends within a sixteenth of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from kmq import clustering, quantizing
from kmq.clustering import Histogram
from kmq.errors import OptionError
from kmq.image import IndexedImage, Palette
from kmq.metadata import NOTHING, Metadata
from kmq.options import Options
from kmq.quality import psnr_of, squared_error

_SPARE_QUESTIONS = 2
"""How many more questions than halving asks a search may take where interpolation fails."""

_MANY = 32
"""Colours so many that with one less the error is nearly the same."""

_MANY_PIXELS = 1 << 21
"""Pixels above which a trial takes seconds."""

_SAMPLE_PIXELS = 1 << 18
_SAMPLE_BANDS = 8
"""Bands of rows, and their pixels, by which the number of colours that fit is guessed."""

_DECIMAL = Context(
    prec=28, rounding=ROUND_HALF_EVEN, Emin=-999_999, Emax=999_999, clamp=0, traps=[]
)
"""Spelt out: what a Context is not given it takes from a default that hosts may change."""


def quantize_to_psnr(
    pixels: NDArray[np.uint8],
    psnr: float,
    options: Options,
    to_bytes: Callable[[IndexedImage, Options], bytes],
) -> IndexedImage:
    """Return the image with a PSNR of at least `psnr` decibels, in a file that is small.

    It has the fewest colours in which each pixel can have its nearest. With `options.rdo`
    it has a few more colours and cheaper indices, if `to_bytes` then makes a smaller file.
    Errors are those of `fit_to_psnr`.
    """
    histogram = Histogram.of_pixels(pixels)
    palette = fit_to_psnr(histogram, psnr, options)
    nearest = clustering.apply(pixels, palette, histogram, is_chosen=True, threads=options.workers)
    if options.rdo_strength == 0:
        return nearest
    allowed = largest_squared_error(psnr, 3 * histogram.pixel_count)
    reached: dict[int, IndexedImage] = {}

    def how_close(colors: int) -> int:
        indexed = quantizing.quantize(pixels, colors, options, histogram)
        closeness = allowed + 1 - math.ceil(squared_error(pixels, indexed))
        if closeness > 0:
            reached[colors] = indexed
        return closeness

    fewest_nearest = len(palette)
    most = min(options.most_colors, len(histogram))
    start = min(fewest_nearest + fewest_nearest // 16, most)
    # Where colours are few, those may be much closer than is asked for.
    low = fewest_nearest - (1 if fewest_nearest < _MANY or start == fewest_nearest else 0)
    _, found = around(how_close, start, low, most, _fineness(histogram))
    if found > most:
        return nearest
    return min(reached[found], nearest, key=lambda each: len(to_bytes(each, options)))


def fit_to_psnr(histogram: Histogram, psnr: float, options: Options) -> Palette:
    """Return the palette of fewest colours whose PSNR is at least `psnr` decibels.

    Raises
    ------
    OptionError
        If `options.most_colors` come less close, naming how close they come.
    """
    samples = 3 * histogram.pixel_count
    allowed = largest_squared_error(psnr, samples)
    tried: dict[int, tuple[Palette, int | Fraction]] = {}

    def how_close(colors: int) -> int:
        palette = quantizing.fit(histogram, colors, options)
        tried[colors] = palette, clustering.squared_error(histogram, palette, options.workers)
        return allowed + 1 - math.ceil(tried[colors][1])

    most = min(options.most_colors, len(histogram))
    found = fewest(how_close, most)
    if found is None:
        reached = psnr_of(tried[most][1], samples)
        raise OptionError(f"psnr: {psnr:g} dB is out of reach; {most:,} colours give {reached:.2f}")
    return tried[found][0]


def encode_to_size(
    pixels: NDArray[np.uint8],
    max_bytes: int,
    options: Options,
    to_bytes: Callable[[IndexedImage, Options], bytes],
    metadata: Metadata = NOTHING,
) -> tuple[IndexedImage, bytes]:
    """Return the image in the most colours whose file has at most `max_bytes`, and the file.

    With `options.rdo` a few colours less than the most may be taken.

    `to_bytes` makes the file of an image that has the metadata, whose bytes count too.

    Raises
    ------
    OptionError
        If one colour is too large, naming how large it is.
    """
    histogram = Histogram.of_pixels(pixels)
    fitting: dict[int, tuple[IndexedImage, bytes]] = {}
    sizes: dict[int, int] = {}

    def excess(colors: int) -> int:
        indexed = quantizing.quantize(pixels, colors, options, histogram).with_metadata(metadata)
        data = to_bytes(indexed, options)
        sizes[colors] = len(data)
        if len(data) <= max_bytes:
            fitting.clear()  # what is asked for next is larger, or is not kept
            fitting[colors] = indexed, data
        return len(data) - max_bytes

    most = min(options.most_colors, len(histogram))
    if options.rdo_strength == 0 or histogram.pixel_count <= _SAMPLE_PIXELS:
        too_many = fewest(excess, most)
        fits = most if too_many is None else too_many - 1
    else:
        start = _most_that_may_fit(pixels, max_bytes, most, options, to_bytes)
        fits, _ = around(excess, start, 0, most, _fineness(histogram))
    if fits == 0:
        way_out = "; strip=True or --strip leaves the metadata out" if metadata else ""
        raise OptionError(
            f"max_bytes: {max_bytes:,} is out of reach; "
            f"one colour takes {sizes[1]:,} bytes{way_out}"
        )
    return fitting[fits]


def _most_that_may_fit(
    pixels: NDArray[np.uint8],
    max_bytes: int,
    most: int,
    options: Options,
    to_bytes: Callable[[IndexedImage, Options], bytes],
) -> int:
    """Return about how many colours fit, from 1 to `most`, by a sample of a large image's rows."""
    height, width = pixels.shape[:2]
    rows = max(_SAMPLE_PIXELS // _SAMPLE_BANDS // width, 1)
    starts = range(0, height, -(-height // _SAMPLE_BANDS))
    sample = np.concatenate([pixels[start : start + rows] for start in starts])
    histogram = Histogram.of_pixels(sample)

    def excess(colors: int) -> int:
        data = to_bytes(quantizing.quantize(sample, colors, options, histogram), options)
        entries = 3 * colors  # which do not grow with the picture
        rest: int = (len(data) - entries) * height // len(sample)
        return rest + entries - max_bytes

    of_sample = min(most, len(histogram))
    too_many = fewest(excess, of_sample)
    return of_sample if too_many is None else max(too_many - 1, 1)


def _fineness(histogram: Histogram) -> int:
    """Return into how many parts of K to search where a trial takes a whole picture."""
    return 16 if histogram.pixel_count > _MANY_PIXELS else 32


def around(
    surplus: Callable[[int], int], start: int, low: int, most: int, fineness: int
) -> tuple[int, int]:
    """Return a K above `low` whose surplus is not above 0 and a larger one whose surplus is.

    They are at most 1 + K / `fineness` apart. The first is `low` if there is none, and the
    second `most` + 1. The surplus grows with K, almost. Steps from `start`, which is above
    `low`, grow until both are known; halving then closes in.
    """
    least, high = low, most + 1
    place, step = start, max(start // 16, 1)
    while high - low > 1 + low // fineness:
        if surplus(place) > 0:
            high = place
        else:
            low = place
        if high > most:
            place = min(low + step, most)
        elif low == least:
            place = max(high - step, low + 1)
        else:
            place = (low + high) // 2
        step *= 2
    return low, high


def fewest(surplus: Callable[[int], int], most: int) -> int | None:
    """Return a K from 1 to `most` whose surplus is above 0 where that of K - 1 is not.

    None if the surplus of `most` is not above 0. The surplus grows with K, almost.
    Doubling finds two K around the answer, and the secant method closes in on it. That
    asks at most `_SPARE_QUESTIONS` more than halving would, whatever the surplus, and
    never about more than 2 K colours.
    """
    low, high = 0, 1
    known = {}
    while True:
        known[high] = surplus(high)
        if known[high] > 0:
            break
        if high == most:
            return None
        low, high = high, min(2 * high, most)
    before, last = low, high
    questions = (high - low - 1).bit_length() + _SPARE_QUESTIONS
    while high - low > 1:
        questions -= 1
        gap = 1 << questions  # which halving closes with the questions that are left
        crossing = _crossing(before, last, known)
        if crossing is None or not low <= crossing <= high:
            crossing = _crossing(low, high, known)
        assert crossing is not None  # the surpluses of low and high have different signs
        middle = max(crossing, low + 1, high - gap)
        middle = min(middle, high - 1, low + gap)
        known[middle] = surplus(middle)
        before, last = last, middle
        low, high = (low, middle) if known[middle] > 0 else (middle, high)
    return high


def _crossing(one: int, other: int, known: dict[int, int]) -> int | None:
    """Return where a line through the surpluses of two K is 0, rounded down; None if nowhere.

    In whole numbers, so that it is the same on every machine.
    """
    rise = known[other] - known[one]
    return None if rise == 0 else one - known[one] * (other - one) // rise


def largest_squared_error(psnr: float, samples: int) -> int:
    """Return the largest sum of squared differences that still has this PSNR.

    samples * 255^2 / 10^(psnr / 10) rounded down, in decimal arithmetic, which is the
    same on every machine as `pow` is not, and in a context of its own, for the host may
    have set another.
    """
    with localcontext(_DECIMAL):
        return math.floor(samples * 255**2 / Decimal(10) ** (Decimal(repr(psnr)) / 10))
