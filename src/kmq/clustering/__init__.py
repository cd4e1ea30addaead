"""Colour quantisation by K-means: pixels to a palette and one index per pixel.

How a pixel gets its index: `histogram` counts its colour; `points` turns the colours, and
the means of neighbouring colours, into points to cluster; `seeding` places the initial
centroids; `search` (by `splitting` and `merging`) and `lloyd` move them; `palette` rounds
them; `nearest` looks up the entry of the pixel's colour. `fitting` runs these steps in
order, and `schedule` says how long each may take.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmq import alpha
from kmq.clustering.constrained import Constraint
from kmq.clustering.fitting import fit_colors
from kmq.clustering.histogram import Histogram
from kmq.clustering.nearest import look_up, nearest_entries
from kmq.clustering.pixels import checked_pixels
from kmq.clustering.points import Points, distinct_colors
from kmq.clustering.schedule import EFFORTS
from kmq.image import IndexedImage, Palette

__all__ = [
    "Constraint",
    "Histogram",
    "Mapping",
    "apply",
    "fit",
    "pixel_counts",
    "quantize",
    "squared_error",
]


def quantize(
    pixels: NDArray[np.uint8],
    colors: int,
    *,
    effort: str = "default",
    seed: int = 0,
    max_iter: int | None = None,
    constraint: Constraint | None = None,
    init: NDArray[np.float64] | None = None,
    threads: int = 1,
) -> IndexedImage:
    """Return the image in at most `colors` colours that K-means finds.

    The palette minimises the mean squared distance in sRGB as far as the effort allows.
    Each pixel gets exactly its nearest entry, on ties the lowest index. An image of at most
    `colors` colours is preserved exactly, with one entry per colour; any other image gets
    `colors` distinct entries, all of them used. The same arguments return the same bytes on
    any machine.

    If some pixel is not opaque, the distance is the mean over all uniform backgrounds
    (`kmq.alpha`). Clear pixels then count as one colour, unless there are at most `colors`
    distinct colours, hidden ones included. They stay clear and share an entry whose hidden
    colour is that of the pixels beside them. An entry is opaque if most of its pixels are.

    Parameters
    ----------
    pixels
        (H, W, 3) or (H, W, 4) uint8, each at least 1.
    colors
        1 to 65,536.
    effort
        One of `schedule.EFFORTS`: how long to search.
    seed
        0 to 2^32 - 1; seeds the random starts, which are used when there are few colours.
    max_iter
        Maximum number of the final iterations, which run over the distinct colours.
    constraint
        Pinned entries, or the colours that hardware can show. The palette begins with the
        pinned entries, used or not, and may have fewer entries than `colors`.
    init
        Samples of `colors` centroids to start from, (K, 3) or (K, 4), instead of a search.
        Cannot be combined with a constraint.
    threads
        At least 1; it never changes the result.

    Raises
    ------
    OptionError
        If the shape or dtype of `pixels` is wrong, or the constraint leaves no entry for
        clear pixels. The other arguments come from a `kmq.Options`, which has checked them.
    """
    pixels = checked_pixels(pixels)
    histogram = Histogram.of_pixels(pixels)
    palette, entries = fit_colors(
        histogram, colors, EFFORTS[effort], seed, max_iter, threads, constraint, init
    )
    return _indexed(pixels, histogram, Palette(palette), entries, threads, is_chosen=True)


def fit(
    histogram: Histogram,
    colors: int,
    *,
    effort: str = "default",
    seed: int = 0,
    max_iter: int | None = None,
    constraint: Constraint | None = None,
    init: NDArray[np.float64] | None = None,
    threads: int = 1,
) -> Palette:
    """Return the palette that `quantize` would find for an image of this histogram.

    Arguments and errors are those of `quantize`.
    """
    palette, _ = fit_colors(
        histogram, colors, EFFORTS[effort], seed, max_iter, threads, constraint, init
    )
    return Palette(palette)


def apply(
    pixels: NDArray[np.uint8],
    palette: Palette,
    histogram: Histogram | None = None,
    *,
    is_chosen: bool = False,
    threads: int = 1,
) -> IndexedImage:
    """Return the image in the colours of `palette`, each pixel with exactly its nearest.

    Parameters
    ----------
    pixels
        (H, W, 3) or (H, W, 4) uint8, each at least 1.
    palette
        Used unchanged, in its order, including unused entries.
    histogram
        The histogram of `pixels`, if known.
    is_chosen
        Whether K-means chose the palette for this image: if it is grey, the image is a
        grey picture. With a caller's palette, the indices carry a meaning.
    threads
        At least 1; it never changes the result.

    Raises
    ------
    OptionError
        If the shape or dtype of `pixels` is wrong.
    """
    pixels = checked_pixels(pixels)
    histogram = histogram or Histogram.of_pixels(pixels)
    points, entries = _with_alike_entries(histogram, palette)
    labels = nearest_entries(points, entries, threads)
    return _indexed(pixels, histogram, palette, labels, threads, is_chosen=is_chosen)


class Mapping:
    """The entry of each colour of a histogram, for pictures that are mapped band by band.

    Attributes
    ----------
    palette : Palette
    squared_error : the value that the function `squared_error` returns
    """

    def __init__(self, histogram: Histogram, palette: Palette, entries: NDArray[np.int32]) -> None:
        self.palette = palette
        self._histogram = histogram
        self._entries = entries

    @classmethod
    def fitted(
        cls,
        histogram: Histogram,
        colors: int,
        *,
        effort: str = "default",
        seed: int = 0,
        max_iter: int | None = None,
        constraint: Constraint | None = None,
        init: NDArray[np.float64] | None = None,
        threads: int = 1,
    ) -> Mapping:
        """Return the palette and the entries that `quantize` finds with these arguments."""
        palette, entries = fit_colors(
            histogram, colors, EFFORTS[effort], seed, max_iter, threads, constraint, init
        )
        return cls(histogram, Palette(palette), entries)

    @classmethod
    def nearest(cls, histogram: Histogram, palette: Palette, threads: int = 1) -> Mapping:
        """Return a given palette and the entries that `apply` finds."""
        points, colors = _with_alike_entries(histogram, palette)
        return cls(histogram, palette, nearest_entries(points, colors, threads))

    def indices_of(self, pixels: NDArray[np.uint8]) -> NDArray[Any]:
        """Return the indices of (H, W, 3) or (H, W, 4) pixels, (H, W) uint8 or uint16.

        The histogram must contain all of their colours.
        """
        pixels = alpha.with_alpha(pixels) if self._histogram.has_alpha else pixels[..., :3]
        pixels = np.ascontiguousarray(pixels).view()
        pixels.flags.writeable = False  # kernels are compiled for each of the two
        return look_up(pixels, self._histogram.keys, self._entries, len(self.palette), 1)

    @property
    def squared_error(self) -> int | Fraction:
        """The sum over pixels of the squared distance to their entry, exactly."""
        points, colors = _with_alike_entries(self._histogram, self.palette)
        return _squared_error(points, colors, self._entries, self._histogram.counts)


def pixel_counts(histogram: Histogram, palette: Palette, threads: int = 1) -> NDArray[np.int64]:
    """Return how many pixels are nearest to each entry, (K,); ties count for the first."""
    points, entries = _with_alike_entries(histogram, palette)
    counts = np.zeros(len(palette), np.int64)
    np.add.at(counts, nearest_entries(points, entries, threads), histogram.counts)
    return counts


def squared_error(histogram: Histogram, palette: Palette, threads: int = 1) -> int | Fraction:
    """Return the sum over pixels of the squared distance to the nearest entry, exactly.

    If everything is opaque, the distance is that of red, green and blue, and the sum is an
    int. Otherwise it is the mean over all uniform backgrounds, in the same unit, and the sum
    is a Fraction.
    """
    points, entries = _with_alike_entries(histogram, palette)
    labels = nearest_entries(points, entries, threads)
    return _squared_error(points, entries, labels, histogram.counts)


def _squared_error(
    points: Points,
    entries: NDArray[np.uint8],
    labels: NDArray[np.int32],
    counts: NDArray[np.int64],
) -> int | Fraction:
    apart = points.sums[:, :-1] // points.sums[:, -1:] - alpha.coordinates(entries)[labels]
    squares = (apart * apart).sum(axis=1)
    if entries.shape[1] == 3:
        return int(squares @ counts)
    # In Python integers, because a square times a count may exceed 2^63.
    return Fraction(int(squares.astype(object) @ counts), alpha.UNITS**2)


def _with_alike_entries(histogram: Histogram, palette: Palette) -> tuple[Points, NDArray[np.uint8]]:
    """Return the colours of the histogram and the palette, both with alpha if either has it."""
    has_alpha = histogram.has_alpha or palette.has_alpha
    entries = palette.to_rgba() if has_alpha else palette.colors
    return distinct_colors(histogram, with_alpha=has_alpha), entries


def _indexed(
    pixels: NDArray[np.uint8],
    histogram: Histogram,
    palette: Palette,
    entries: NDArray[np.int32],
    threads: int,
    *,
    is_chosen: bool,
) -> IndexedImage:
    indices: NDArray[Any] = look_up(pixels, histogram.keys, entries, len(palette), threads)
    is_grey_picture = is_chosen and palette.is_grey and not palette.has_alpha
    return IndexedImage.owning(palette, indices, is_grey_picture=is_grey_picture)
