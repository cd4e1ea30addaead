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
from kmq.clustering.morton import KEYS
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

MAX_PIXEL_COUNT = 1 << 53
"""The most pixels in a histogram: float64 represents the number exactly, and int64 does not
overflow in sums of samples."""

MAX_PIXEL_COUNT_WITH_ALPHA = 1 << 46
"""The most pixels with alpha: coordinates reach 65,025, and their sums must fit into int64."""


_NOTHING_BESIDE = np.zeros(4, np.int64)


class Histogram:
    """Distinct colours in Morton order, each with its number of pixels; immutable.

    Clustering sees an image only through its histogram, so fitting on merged histograms
    equals fitting on the images put together. (Only the colour that a clear entry hides may
    differ, because of the pixels along the seam.)

    Parameters
    ----------
    colors
        Array of shape (n, 3) or (n, 4), uint8; n at least 1. The counts of repeated colours
        are added up. An alpha column of only 255 is dropped.
    counts
        Array of shape (n,), whole numbers of at least 1. Their sum is at most 2^53, or 2^46
        if there is alpha.

    Attributes
    ----------
    keys : (n,) read-only, ascending: the keys that `morton.encode` returns, uint32, or
        uint64 if there is alpha
    counts : (n,) int64, read-only
    beside_clear : (4,) int64, read-only: the sums of alpha times red, green and blue, and
        of alpha, over the image's pixels beside clear ones

    Raises
    ------
    OptionError
        If a shape, dtype or value is wrong, or there is no colour.
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
        colors = _without_opaque_alpha(colors)
        _check_pixel_count("counts", _exact_sum(counts.astype(np.uint64)), colors.shape[1])
        self._set(*_added_up(morton.encode(colors), counts.astype(np.int64)), _NOTHING_BESIDE)

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
        """Return the histogram of the pixels that `kmq.quantize` would see.

        With `weights`, each pixel counts as often as its weight. Parameters, errors and
        warnings are those of `kmq.quantize`.
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
        total = _exact_sum(weights.astype(np.uint64))
        _check_pixel_count("weights", total, image.shape[2])
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
            return cls._of(*_added_up(morton.encode_words(words), counts), sums_beside_clear(image))
        if len(flat) < SMALLEST_CUBE_WORK:
            keys, counts = np.unique(morton.encode(flat), return_counts=True)
            return cls._of(keys, counts.astype(np.int64, copy=False))
        cube = np.zeros(KEYS, np.uint8)
        occupied = np.zeros(KEYS // RUN, np.bool_)
        overflows = count_pixels(flat, cube, occupied)
        keys, small_counts = collect_counts(cube, occupied)
        return cls._of(keys, _with_overflows(keys, small_counts, overflows))

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

        It has alpha if any of them has.

        Raises
        ------
        OptionError
            If there is no histogram, or one of the items is not a histogram.
        """
        listed = list(histograms)
        if not listed:
            raise OptionError("histograms: expected at least one, got none")
        for each in listed:
            if not isinstance(each, Histogram):
                raise OptionError(f"histograms: expected Histograms, got {type(each).__name__}")
        has_alpha = any(each.has_alpha for each in listed)
        total = sum(each.pixel_count for each in listed)
        _check_pixel_count("histograms", total, 4 if has_alpha else 3)
        keys = np.concatenate([each.keys_with_alpha if has_alpha else each.keys for each in listed])
        counts = np.concatenate([each.counts for each in listed])
        beside_clear = np.sum([each.beside_clear for each in listed], axis=0)
        return cls._of(*_added_up(keys, counts), beside_clear)

    @classmethod
    def merge_equally(cls, histograms: Iterable[Histogram]) -> Histogram:
        """Return the histogram of all images as if each had the same number of pixels.

        The counts of each are scaled to a sum of about 2^32, or less if there are more than
        16,384 histograms, and rounded, but never below 1.

        Raises
        ------
        OptionError
            The errors of `merge`.
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


def equal_share(images: int) -> int:
    """Return the number of pixels to scale each of `images` images to if all count equally."""
    return min(1 << 32, MAX_PIXEL_COUNT_WITH_ALPHA // (2 * images))


def _exact_sum(counts: NDArray[np.uint64]) -> int:
    """Return the sum, which may take more than 64 bits."""
    halves = counts >> np.uint64(32), counts & np.uint64(0xFFFFFFFF)
    high, low = (int(half.sum()) for half in halves)
    return (high << 32) + low


def _check_pixel_count(name: str, count: int, channels: int) -> None:
    power = (MAX_PIXEL_COUNT if channels == 3 else MAX_PIXEL_COUNT_WITH_ALPHA).bit_length() - 1
    if count > 1 << power:
        raise OptionError(f"{name}: expected at most 2^{power} pixels in all, got {count:,}")


def checked_pixels(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Return `pixels` as a C-contiguous uint8 array, or raise `OptionError`.

    Its shape is (H, W, 3), or (H, W, 4) if some alpha is below 255. It is always read-only,
    because kernels are compiled separately for writeable and read-only arrays.
    """
    given = array_of("pixels", pixels)
    if given.ndim != 3 or given.shape[2] not in (3, 4) or given.size == 0:
        raise OptionError(
            f"pixels: expected shape (H, W, 3) or (H, W, 4), each at least 1, got {given.shape}"
        )
    if given.dtype != np.uint8:
        raise OptionError(f"pixels: expected dtype uint8, got {given.dtype}")
    checked = np.ascontiguousarray(_without_opaque_alpha(given)).view()
    checked.flags.writeable = False
    return checked


def _without_opaque_alpha(colors: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (..., 3) or (..., 4) colours as (..., 3) if all are opaque."""
    is_opaque = colors.shape[-1] == 4 and (colors[..., 3] == 255).all()
    return colors[..., :3] if is_opaque else colors


def _added_up(
    keys: NDArray[Any], counts: NDArray[np.int64]
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return the distinct keys in order, each with the sum of its counts."""
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    starts = np.flatnonzero(np.diff(keys, prepend=keys[:1] + keys.dtype.type(1)))
    return keys[starts], np.add.reduceat(counts[order], starts)


def _with_overflows(
    keys: NDArray[np.uint32], small_counts: NDArray[np.uint8], overflows: NDArray[np.uint32]
) -> NDArray[np.int64]:
    counts = small_counts.astype(np.int64)
    overflowed, times = np.unique(overflows, return_counts=True)
    counts[np.searchsorted(keys, overflowed)] += 255 * times
    return counts
