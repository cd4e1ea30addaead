"""The weight of each pixel for the palette, as whole numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kmq.errors import OptionError
from kmq.image import array_of

FULL = 1 << 16
"""The integer that the largest floating-point weight is scaled to. A pixel whose weight rounds
to 0 on this scale does not count."""

MOST = 1 << 32
"""The largest whole-number weight."""


def whole_weights(weights: ArrayLike, height: int, width: int) -> NDArray[np.int64]:
    """Return the weights of an image's pixels as whole numbers, (H, W).

    Integers stay as they are; floats are scaled so that the largest is `FULL`, and rounded.
    Then all are divided by their greatest common divisor, so equal weights become 1.

    Raises
    ------
    OptionError
        If they are not (H, W) numbers that are finite, non-negative and not all 0.
    """
    given = array_of("weights", weights)
    if given.ndim == 3 and given.shape[2] == 1:
        given = given[..., 0]
    if given.shape != (height, width):
        raise OptionError(
            f"weights: expected shape {(height, width)}, that of the image, got {given.shape}"
        )
    if given.dtype.kind not in "buif":
        raise OptionError(f"weights: expected numbers, got dtype {given.dtype}")
    low, high = given.min(), given.max()
    if not (low >= 0 and np.isfinite(high)):  # NaN included
        raise OptionError(f"weights: expected numbers of at least 0, got {low} to {high}")
    if high == 0:
        raise OptionError("weights: they are all 0, and so no pixel counts")
    if given.dtype.kind == "f":
        numbers = _scaled(given)
    elif high > MOST:
        raise OptionError(f"weights: expected whole numbers of at most {MOST:,}, got {high:,}")
    else:
        numbers = given.astype(np.int64)
    common: np.int64 = np.gcd.reduce(np.unique(numbers))
    return numbers // common


def _scaled(weights: NDArray[Any]) -> NDArray[np.int64]:
    shares = weights.astype(np.float64) / np.float64(weights.max())
    return np.floor(shares * FULL + 0.5).astype(np.int64)
