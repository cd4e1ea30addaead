"""The distinct colours of an image, or of many, and how often each occurs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kmq.clustering import morton
from kmq.clustering.morton import KEYS, SPREAD
from kmq.errors import OptionError
from kmq.image import array_of
from kmq.jit import kernel
from kmq.limits import DEFAULT_MAX_PIXELS

if TYPE_CHECKING:
    from kmq.colors import Rgb
    from kmq.pixels import ImageSource

SMALLEST_CUBE_WORK = 1 << 15
"""Pixels from which a pass over the whole colour cube is cheaper than sorting."""

MAX_PIXEL_COUNT = 1 << 53
"""Pixels of a histogram: float64 holds the number exactly, and int64 the sums of samples."""

RUN = 64
"""Keys in a row that share a mark "occupied": one 4x4x4 cell."""


class Histogram:
    """Distinct colours in Morton order, each with its number of pixels; immutable.

    Clustering sees an image only through its histogram, so fitting on merged
    histograms equals fitting on the images put together, exactly.

    Parameters
    ----------
    colors
        Array of shape (n, 3), uint8; n at least 1. Repeated colours are added up.
    counts
        Array of shape (n,), whole numbers of at least 1, 2^53 in all at most.

    Attributes
    ----------
    keys : (n,) uint32, read-only, ascending: the colours as Morton keys
    counts : (n,) int64, read-only

    Raises
    ------
    OptionError
        If a shape, a dtype or a value does not fit, or there is no colour.
    """

    __slots__ = ("counts", "keys")
    keys: NDArray[np.uint32]
    counts: NDArray[np.int64]

    def __init__(self, colors: NDArray[np.uint8], counts: NDArray[Any]) -> None:
        colors, counts = array_of("colors", colors), array_of("counts", counts)
        if colors.ndim != 2 or colors.shape[1] != 3 or len(colors) == 0:
            raise OptionError(
                f"colors: expected shape (n, 3) with n at least 1, got {colors.shape}"
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
        _check_pixel_count("counts", _exact_sum(counts.astype(np.uint64)))
        self._set(*_added_up(morton.encode(colors), counts.astype(np.int64)))

    @classmethod
    def from_image(
        cls,
        image: ImageSource,
        *,
        background: str | Rgb | None = None,
        max_pixels: int = DEFAULT_MAX_PIXELS,
    ) -> Histogram:
        """Return the histogram of the pixels that `kmq.quantize` would see.

        Parameters, errors and warnings are those of `kmq.quantize`.
        """
        from kmq.pixels import read_with_warnings

        read = read_with_warnings(image, background=background, max_pixels=max_pixels)
        return cls.of_pixels(read.rgb)

    @classmethod
    def of_pixels(cls, pixels: NDArray[np.uint8]) -> Histogram:
        """Return the histogram of an image of shape (H, W, 3) uint8, each at least 1.

        Raises
        ------
        OptionError
            If the shape or the dtype does not fit.
        """
        flat = checked_pixels(pixels).reshape(-1, 3)
        if len(flat) < SMALLEST_CUBE_WORK:
            keys, counts = np.unique(morton.encode(flat), return_counts=True)
            return cls._of(keys, counts.astype(np.int64, copy=False))
        cube = np.zeros(KEYS, np.uint8)
        occupied = np.zeros(KEYS // RUN, np.bool_)
        overflows = count_pixels(flat, cube, occupied)
        keys, small_counts = collect_counts(cube, occupied)
        return cls._of(keys, _with_overflows(keys, small_counts, overflows))

    @classmethod
    def merge(cls, histograms: Iterable[Histogram]) -> Histogram:
        """Return the histogram of all the pixels that these histograms count.

        Raises
        ------
        OptionError
            If there is no histogram, or something else among them.
        """
        listed = list(histograms)
        if not listed:
            raise OptionError("histograms: expected at least one, got none")
        for each in listed:
            if not isinstance(each, Histogram):
                raise OptionError(f"histograms: expected Histograms, got {type(each).__name__}")
        _check_pixel_count("histograms", sum(each.pixel_count for each in listed))
        keys = np.concatenate([each.keys for each in listed])
        return cls._of(*_added_up(keys, np.concatenate([each.counts for each in listed])))

    @classmethod
    def _of(cls, keys: NDArray[np.uint32], counts: NDArray[np.int64]) -> Histogram:
        made = cls.__new__(cls)
        made._set(keys, counts)
        return made

    def _set(self, keys: NDArray[np.uint32], counts: NDArray[np.int64]) -> None:
        keys.flags.writeable = counts.flags.writeable = False
        object.__setattr__(self, "keys", keys)
        object.__setattr__(self, "counts", counts)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Histogram is immutable; cannot set {name}")

    def __len__(self) -> int:
        return len(self.keys)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Histogram):
            return NotImplemented
        return np.array_equal(self.keys, other.keys) and np.array_equal(self.counts, other.counts)

    def __hash__(self) -> int:
        return hash((self.keys.tobytes(), self.counts.tobytes()))

    def __repr__(self) -> str:
        return f"<Histogram of {len(self):,} colours, {self.pixel_count:,} pixels>"

    def __reduce__(self) -> tuple[Any, ...]:
        return Histogram, (self.colors, self.counts)

    @property
    def colors(self) -> NDArray[np.uint8]:
        """The distinct colours, (n, 3) uint8, a new array."""
        return morton.decode(self.keys)

    @property
    def pixel_count(self) -> int:
        """How many pixels were counted."""
        return int(self.counts.sum())


def _exact_sum(counts: NDArray[np.uint64]) -> int:
    """Return the sum, which may take more than 64 bits."""
    halves = counts >> np.uint64(32), counts & np.uint64(0xFFFFFFFF)
    high, low = (int(half.sum()) for half in halves)
    return (high << 32) + low


def _check_pixel_count(name: str, count: int) -> None:
    if count > MAX_PIXEL_COUNT:
        raise OptionError(f"{name}: expected at most 2^53 pixels in all, got {count:,}")


def checked_pixels(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Return `pixels` as a C-contiguous (H, W, 3) uint8 array, or raise `OptionError`.

    It is read-only, whatever `pixels` is: kernels are compiled for each kind.
    """
    given = array_of("pixels", pixels)
    if given.ndim != 3 or given.shape[2] != 3 or given.size == 0:
        raise OptionError(f"pixels: expected shape (H, W, 3), each at least 1, got {given.shape}")
    if given.dtype != np.uint8:
        raise OptionError(f"pixels: expected dtype uint8, got {given.dtype}")
    checked = np.ascontiguousarray(given).view()
    checked.flags.writeable = False
    return checked


def _added_up(
    keys: NDArray[np.uint32], counts: NDArray[np.int64]
) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Return the distinct keys in order, each with the sum of its counts."""
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    starts = np.flatnonzero(np.diff(keys, prepend=keys[:1] + np.uint32(1)))
    return keys[starts], np.add.reduceat(counts[order], starts)


def _with_overflows(
    keys: NDArray[np.uint32], small_counts: NDArray[np.uint8], overflows: NDArray[np.uint32]
) -> NDArray[np.int64]:
    counts = small_counts.astype(np.int64)
    overflowed, times = np.unique(overflows, return_counts=True)
    counts[np.searchsorted(keys, overflowed)] += 255 * times
    return counts


@kernel
def count_pixels(
    pixels: NDArray[np.uint8], cube: NDArray[np.uint8], occupied: NDArray[np.bool_]
) -> NDArray[np.uint32]:
    """Count (n, 3) pixels into `cube`, and mark the runs of keys that hold any.

    A byte that is full goes back to 1 and its key joins the list that is returned,
    each worth 255 pixels more: counts stay exact in 16 MB, which caches far better
    than four bytes a key.
    """
    overflows = np.empty(len(pixels) // 255 + 1, np.uint32)
    overflow_count = 0
    for pixel in range(len(pixels)):
        key = (
            (SPREAD[pixels[pixel, 0]] << np.uint32(2))
            | (SPREAD[pixels[pixel, 1]] << np.uint32(1))
            | SPREAD[pixels[pixel, 2]]
        )
        count = cube[key]
        if count == 255:
            overflows[overflow_count] = key
            overflow_count += 1
            count = 0
        cube[key] = count + 1
        occupied[key // RUN] = True
    return overflows[:overflow_count].copy()


@kernel
def collect_counts(
    cube: NDArray[np.uint8], occupied: NDArray[np.bool_]
) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
    """Return the keys counted in `cube`, ascending, and their counts."""
    distinct = 0
    for run in range(len(occupied)):
        if occupied[run]:
            for key in range(run * RUN, (run + 1) * RUN):
                distinct += cube[key] != 0
    # Every key is written, and overwritten by the next unless it was counted: no
    # branch to mispredict, for one more place at the end.
    keys = np.empty(distinct + 1, np.uint32)
    counts = np.empty(distinct + 1, np.uint8)
    found = 0
    for run in range(len(occupied)):
        if occupied[run]:
            for key in range(run * RUN, (run + 1) * RUN):
                keys[found] = key
                counts[found] = cube[key]
                found += cube[key] != 0
    return keys[:distinct], counts[:distinct]
