"""Numbers of pixels per colour: added up, bounded, and shared among images."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmq.errors import OptionError

MAX_PIXEL_COUNT = 1 << 53
"""The most pixels in a histogram: float64 represents the number exactly, and int64 does not
overflow in sums of samples."""

MAX_PIXEL_COUNT_WITH_ALPHA = 1 << 46
"""The most pixels with alpha: coordinates reach 65,025, and their sums must fit into int64."""


def equal_share(images: int) -> int:
    """Return the number of pixels to scale each of `images` images to if all count equally."""
    return min(1 << 32, MAX_PIXEL_COUNT_WITH_ALPHA // (2 * images))


def check_pixel_count(name: str, count: int, channels: int) -> None:
    """Raise OptionError, naming an argument, if a histogram would count too many pixels."""
    power = (MAX_PIXEL_COUNT if channels == 3 else MAX_PIXEL_COUNT_WITH_ALPHA).bit_length() - 1
    if count > 1 << power:
        raise OptionError(f"{name}: expected at most 2^{power} pixels in all, got {count:,}")


def exact_sum(counts: NDArray[np.uint64]) -> int:
    """Return the sum, which may take more than 64 bits."""
    halves = counts >> np.uint64(32), counts & np.uint64(0xFFFFFFFF)
    high, low = (int(half.sum()) for half in halves)
    return (high << 32) + low


def added_up(
    keys: NDArray[Any], counts: NDArray[np.int64]
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return the distinct keys in order, each with the sum of its counts."""
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    starts = np.flatnonzero(np.diff(keys, prepend=keys[:1] + keys.dtype.type(1)))
    return keys[starts], np.add.reduceat(counts[order], starts)


def with_overflows(
    keys: NDArray[np.uint32], small_counts: NDArray[np.uint8], overflows: NDArray[np.uint32]
) -> NDArray[np.int64]:
    """Return counts of 8 bits as full ones: each key in `overflows` stands for 255 more."""
    counts = small_counts.astype(np.int64)
    overflowed, times = np.unique(overflows, return_counts=True)
    counts[np.searchsorted(keys, overflowed)] += 255 * times
    return counts
