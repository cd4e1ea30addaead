"""The distinct colours of one or more images, and how often each occurs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kmq import alpha
from kmq.choices import DEFAULT_ALPHA, Alpha
from kmq.clustering import morton
from kmq.clustering.beside_clear import Neighbors, sums_beside_clear, with_neighbors
from kmq.clustering.counting import RUN, collect_counts, count_pixels, count_words
from kmq.clustering.counts import (
    added_up,
    check_pixel_count,
    equal_share,
    exact_sum,
    with_overflows,
)
from kmq.clustering.morton import KEYS
from kmq.clustering.pixels import checked_pixels, without_opaque_alpha
from kmq.clustering.weights import whole_weights
from kmq.errors import OptionError
from kmq.image import array_of
from kmq.limits import DEFAULT_MAX_PIXELS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from kmq.colors import Rgb
    from kmq.pixels import ImageSource

SMALLEST_CUBE_WORK = 1 << 15
"""The number of pixels above which a pass over the whole colour cube is cheaper than sorting."""

_NOTHING_BESIDE = np.zeros(4, np.int64)


class Histogram:
    """The distinct colours of one image or several, and how often each occurs; immutable.

    Clustering sees an image only through its histogram, so fitting on merged histograms
    equals fitting on the images put together. (Only the colour that a clear entry hides may
    differ, because of the pixels along the seam.)

    Parameters
    ----------
    colors : array of uint8, shape (n, 3) or (n, 4)
        Red, green and blue in sRGB, and alpha; n is at least 1. Counts of equal colours are
        added up. A column of alpha that is 255 throughout is dropped.
    counts : array of shape (n,)
        The number of pixels in each colour: whole numbers of at least 1, in all at most 2^53,
        or 2^46 if there is alpha.

    Attributes
    ----------
    keys : array of uint32, or uint64 with alpha, shape (n,)
        The colours as ascending Morton codes, whose bits interleave those of the channels.
        Read-only.
    counts : array of int64, shape (n,)
        The number of pixels in each colour. Read-only.
    beside_clear : array of int64, shape (4,)
        Over the pixels of an image that touch clear ones, the sums of alpha times red, green
        and blue, and of alpha. Read-only.

    Raises
    ------
    OptionError
        A shape, a dtype or a value does not fit, or there is no colour.

    Examples
    --------
    >>> import kmq
    >>> import numpy as np
    >>> first = kmq.Histogram.from_image(np.zeros((2, 3), np.uint8))
    >>> second = kmq.Histogram.from_image(np.full((4, 4), 255, np.uint8))
    >>> merged = kmq.Histogram.merge([first, second])
    >>> merged
    <Histogram of 2 colours, 22 pixels>
    >>> merged.colors.tolist(), merged.counts.tolist()
    ([[0, 0, 0], [255, 255, 255]], [6, 16])
    """

    __slots__ = ("beside_clear", "counts", "keys")
    keys: NDArray[Any]
    counts: NDArray[np.int64]
    beside_clear: NDArray[np.int64]

    def __init__(self, colors: NDArray[np.uint8], counts: NDArray[Any]) -> None:
        colors, counts = array_of("colors", colors), array_of("counts", counts)
        if colors.ndim != 2 or colors.shape[1] not in (3, 4) or len(colors) == 0:
            raise OptionError(
                f"colors: expected shape (n, 3) or (n, 4) with n at least 1, got {colors.shape}"
            )
        if colors.dtype != np.uint8:
            raise OptionError(f"colors: expected dtype uint8, got {colors.dtype}")
        if counts.shape != colors.shape[:1] or counts.dtype.kind not in "ui":
            raise OptionError(
                f"counts: expected {len(colors):,} whole numbers, "
                f"got shape {counts.shape} of {counts.dtype}"
            )
        if counts.min() < 1:
            raise OptionError(f"counts: expected at least 1, got {counts.min()}")
        colors = without_opaque_alpha(colors)
        check_pixel_count("counts", exact_sum(counts.astype(np.uint64)), colors.shape[1])
        self._set(*added_up(morton.encode(colors), counts.astype(np.int64)), _NOTHING_BESIDE)

    @classmethod
    def from_image(
        cls,
        image: ImageSource,
        *,
        background: str | Rgb | None = None,
        alpha: Alpha = DEFAULT_ALPHA,
        max_pixels: int = DEFAULT_MAX_PIXELS,
        weights: ArrayLike | None = None,
    ) -> Histogram:
        """Return the histogram of an image, counted over the pixels that `quantize` would see.

        Parameters
        ----------
        image : array, PIL.Image.Image, path or binary file
            The image. An array, or an object with `__array__`, has shape (H, W) or (H, W, 1) for
            grey, (H, W, 3) for RGB, or (H, W, 4) for RGBA with alpha that is not premultiplied; H
            and W are at least 1. Its dtype is bool, float with samples from 0 to 1, uint16 with
            samples from 0 to 65,535, or another integer type with samples from 0 to 255. Files may
            be in any format that Pillow reads; they are converted to sRGB and turned upright.
        background : str or (int, int, int), optional
            Colour to put behind transparent pixels: a name, a hex code, or (red, green, blue) from
            0 to 255. By default they stay transparent. Not with ``alpha="binary"``.
        alpha : {"keep", "binary"}, default "keep"
            What to do with transparent pixels if there is no `background`: keep their alpha, or
            make pixels with alpha below 128 clear and all others opaque.
        max_pixels : int, default 2^28
            Most pixels that an image may have, at least 1. A larger one is refused before its
            pixels are read. If the program has set `PIL.Image.MAX_IMAGE_PIXELS`, that limit also
            holds for files in formats other than `.kmq`.
        weights : array of shape (H, W), optional
            How often each pixel counts: whole numbers from 0 to 2^32, or floats of at least 0,
            which are rounded to 65,536ths of the largest; not all 0. The pixels are those of the
            image after it has been turned upright. Clear pixels stay clear even at weight 0.
            Weights are divided by their greatest common divisor. By default each pixel counts
            once.

        Raises
        ------
        OptionError
            An argument is out of its range, contradicts another, or the array does not fit. The
            message names the argument.
        FormatError
            The file is not an image, is damaged, or holds samples without a defined range.
        LimitError
            The image has more than `max_pixels` pixels.
        OSError
            The file cannot be read.

        Warns
        -----
        KmqWarning
            Something in the file is not kept, such as the later frames of an animation.
        """
        from kmq.pixels import read_with_warnings

        read = read_with_warnings(
            image, background=background, alpha=alpha, max_pixels=max_pixels, strip=True
        )
        if weights is None:
            return cls.of_pixels(read.rgb)
        return cls.of_weighted_pixels(read.rgb, whole_weights(weights, *read.rgb.shape[:2]))

    @classmethod
    def of_weighted_pixels(cls, pixels: NDArray[np.uint8], weights: NDArray[np.int64]) -> Histogram:
        """Return the histogram of an image whose pixels have the given (H, W) weights.

        Colours of total weight 0 are left out, but clear pixels count at least once, so
        that they stay clear.

        Raises
        ------
        OptionError
            If the shape or dtype of `pixels` is wrong, or the sum of the weights is too
            large.
        """
        image = checked_pixels(pixels)
        beside = _NOTHING_BESIDE
        if image.shape[2] == 4:
            weights = np.where(image[..., 3] == 0, np.maximum(weights, 1), weights)
            beside = sums_beside_clear(image)
        total = exact_sum(weights.astype(np.uint64))
        check_pixel_count("weights", total, image.shape[2])
        keys, places = np.unique(morton.encode(image), return_inverse=True)
        # Sums of float64 are exact up to 2^53.
        counts = np.bincount(places.ravel(), weights.ravel()).astype(np.int64)
        return cls._of(keys[counts > 0], counts[counts > 0], beside)

    @classmethod
    def of_pixels(cls, pixels: NDArray[np.uint8]) -> Histogram:
        """Return the histogram of an image, (H, W, 3) or (H, W, 4) uint8, each at least 1.

        Raises
        ------
        OptionError
            If the shape or dtype is wrong.
        """
        image = checked_pixels(pixels)
        flat = image.reshape(-1, image.shape[2])
        if image.shape[2] == 4:
            words, counts = count_words(flat)
            return cls._of(*added_up(morton.encode_words(words), counts), sums_beside_clear(image))
        if len(flat) < SMALLEST_CUBE_WORK:
            keys, counts = np.unique(morton.encode(flat), return_counts=True)
            return cls._of(keys, counts.astype(np.int64, copy=False))
        cube = np.zeros(KEYS, np.uint8)
        occupied = np.zeros(KEYS // RUN, np.bool_)
        overflows = count_pixels(flat, cube, occupied)
        keys, small_counts = collect_counts(cube, occupied)
        return cls._of(keys, with_overflows(keys, small_counts, overflows))

    @classmethod
    def of_bands(cls, bands: Iterable[NDArray[np.uint8]]) -> Histogram:
        """Return the histogram of a picture given in bands of rows; equals `of_pixels`.

        Each band is (h, W, 3) or (h, W, 4) uint8; bands with and without alpha may be mixed.
        Only a few bands are in memory at a time.

        Raises
        ------
        OptionError
            If there is no band, or the shape or dtype of one is wrong.
        """
        found: list[Histogram] = []
        for each in with_neighbors(bands):
            found.append(cls.of_band(each))
            # Merge equals with equals, so that no colour is sorted more often than needed.
            while len(found) > 1 and 2 * len(found[-1]) > len(found[-2]):
                found.append(cls.merge((found.pop(), found.pop())))
        return cls.merge(found)

    @classmethod
    def of_band(cls, rows: Neighbors) -> Histogram:
        """Return the histogram of a band; merging all bands' histograms returns the whole's."""
        counted = cls.of_pixels(rows.band)
        if not rows.has_alpha:
            return counted
        return cls._of(counted.keys, counted.counts, rows.sums())

    @classmethod
    def merge(cls, histograms: Iterable[Histogram]) -> Histogram:
        """Return the histogram of all pixels that these histograms count.

        Parameters
        ----------
        histograms : iterable of Histogram
            At least one. The result has alpha if one of them has.

        Raises
        ------
        OptionError
            There is no histogram, or something else among them, or too many pixels.
        """
        listed = list(histograms)
        if not listed:
            raise OptionError("histograms: expected at least one, got none")
        for each in listed:
            if not isinstance(each, Histogram):
                raise OptionError(f"histograms: expected Histograms, got {type(each).__name__}")
        has_alpha = any(each.has_alpha for each in listed)
        total = sum(each.pixel_count for each in listed)
        check_pixel_count("histograms", total, 4 if has_alpha else 3)
        keys = np.concatenate([each.keys_with_alpha if has_alpha else each.keys for each in listed])
        counts = np.concatenate([each.counts for each in listed])
        beside_clear = np.sum([each.beside_clear for each in listed], axis=0)
        return cls._of(*added_up(keys, counts), beside_clear)

    @classmethod
    def merge_equally(cls, histograms: Iterable[Histogram]) -> Histogram:
        """Return the histogram of all images as if each had the same number of pixels.

        The counts of each are scaled to a sum of about 2^32, or less if there are more than
        16,384 histograms, and rounded, but never below 1.

        Parameters
        ----------
        histograms : iterable of Histogram
            At least one. The result has alpha if one of them has.

        Raises
        ------
        OptionError
            There is no histogram, or something else among them.
        """
        listed = list(histograms)
        if not listed:
            return cls.merge(listed)
        total = equal_share(len(listed))
        return cls.merge([each.scaled_to(total) for each in listed])

    def scaled_to(self, total: int) -> Histogram:
        """Return the same colours in the same proportions, about `total` pixels in all."""
        pixels = self.pixel_count
        # In Python integers, because the products may exceed 2^63.
        scaled = [
            max(1, (2 * count * total + pixels) // (2 * pixels)) for count in self.counts.tolist()
        ]
        beside_clear = [each * total // pixels for each in self.beside_clear.tolist()]
        return self._of(self.keys, np.array(scaled, np.int64), np.array(beside_clear, np.int64))

    def with_clear_as_one(self) -> Histogram:
        """Return the same histogram with all clear colours counted as one, clear black."""
        clear = np.flatnonzero(self.is_clear)
        if len(clear) == 0:
            return self
        # They are adjacent, because they share a cell and alpha comes first within its keys.
        keys, counts = np.delete(self.keys, clear[1:]), np.delete(self.counts, clear[1:])
        keys[clear[0]] = morton.CLEAR
        counts[clear[0]] = self.counts[clear].sum()
        return self._of(keys, counts, self.beside_clear)

    def places_of(self, other: Histogram) -> NDArray[np.int64]:
        """Return the place of each colour of `other`; clear colours count as one here."""
        keys = np.where(other.is_clear, morton.CLEAR, other.keys)
        places: NDArray[np.int64] = np.searchsorted(self.keys, keys)
        return places

    @classmethod
    def _of(
        cls,
        keys: NDArray[Any],
        counts: NDArray[np.int64],
        beside_clear: NDArray[np.int64] | None = None,
    ) -> Histogram:
        made = cls.__new__(cls)
        made._set(keys, counts, _NOTHING_BESIDE if beside_clear is None else beside_clear)
        return made

    def _set(
        self, keys: NDArray[Any], counts: NDArray[np.int64], beside_clear: NDArray[np.int64]
    ) -> None:
        for name, values in (("keys", keys), ("counts", counts), ("beside_clear", beside_clear)):
            values.flags.writeable = False
            object.__setattr__(self, name, values)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Histogram is immutable; cannot set {name}")

    def __len__(self) -> int:
        return len(self.keys)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Histogram):
            return NotImplemented
        return all(
            np.array_equal(getattr(self, name), getattr(other, name)) for name in self.__slots__
        )

    def __hash__(self) -> int:
        return hash((self.keys.tobytes(), self.counts.tobytes()))

    def __repr__(self) -> str:
        return f"<Histogram of {len(self):,} colours, {self.pixel_count:,} pixels>"

    def __reduce__(self) -> tuple[Any, ...]:
        return Histogram._of, (self.keys, self.counts, self.beside_clear)

    @property
    def colors(self) -> NDArray[np.uint8]:
        """The distinct colours, (n, 3) uint8, or (n, 4) if there is alpha; a new array."""
        return morton.decode(self.keys)

    @property
    def has_alpha(self) -> bool:
        """Whether some colour's alpha is below 255."""
        return bool(self.keys.dtype == np.uint64)

    @property
    def keys_with_alpha(self) -> NDArray[Any]:
        """The colours as keys of RGBA colours, (n,) uint64, ascending."""
        return self.keys if self.has_alpha else morton.encode(alpha.with_alpha(self.colors))

    @property
    def is_clear(self) -> NDArray[np.bool_]:
        """Whether each colour's alpha is 0, (n,) bool, a new array."""
        if not self.has_alpha:
            return np.zeros(len(self), np.bool_)
        clear: NDArray[Any] = morton.decode(self.keys)[:, 3] == 0
        return clear

    @property
    def pixel_count(self) -> int:
        """The number of pixels counted."""
        return int(self.counts.sum())
