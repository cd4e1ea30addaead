"""Checks of the public functions' arguments, and their conversion for the kernels."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kmq.errors import OptionError, shown

LARGEST = 1e140
"""Greatest magnitude of a coordinate: squared distances and their sums stay finite."""


def checked_points(
    name: str, given: ArrayLike, dimensions: int | None = None
) -> NDArray[np.float64]:
    """Return the argument `name` as points, (n, d) float64, contiguous and read-only.

    Raises
    ------
    OptionError
        If the shape is not (n, d) with both at least 1, or d is not `dimensions`; if a value
        is not a real number, is NaN or infinite, or exceeds `LARGEST`.
    """
    try:
        array = np.asarray(given)
    except ValueError:  # rows of different lengths
        raise OptionError(f"{name}: expected an array of shape (n, d)") from None
    if array.dtype.kind not in "buif":
        raise OptionError(f"{name}: expected real numbers, got dtype {array.dtype}")
    if array.ndim != 2 or 0 in array.shape:
        raise OptionError(
            f"{name}: expected the shape (n, d), both at least 1, got {shown(array.shape)}"
        )
    if dimensions is not None and array.shape[1] != dimensions:
        raise OptionError(
            f"{name}: expected {dimensions} coordinates per row, as the points have, "
            f"got {array.shape[1]}"
        )
    with np.errstate(over="ignore"):  # long doubles may become infinite, which is refused below
        points = np.ascontiguousarray(array, np.float64).view()
    if not np.isfinite(points).all():
        row = int(np.flatnonzero(~np.isfinite(points).all(axis=1))[0])
        raise OptionError(f"{name}: row {row} holds NaN or an infinity; leave such rows out")
    if max(points.max(), -points.min()) > LARGEST:
        raise OptionError(f"{name}: values beyond {LARGEST:g} overflow when squared; scale them")
    points.flags.writeable = False  # kernels are compiled only for read-only points
    return points


def checked_labels(given: ArrayLike, count: int, clusters: int) -> NDArray[np.int32]:
    """Return `labels` as int32, (count,), contiguous and read-only.

    Raises
    ------
    OptionError
        If they are not `count` whole numbers from 0 to `clusters` - 1.
    """
    try:
        array = np.asarray(given)
    except ValueError:
        raise OptionError("labels: expected an array of shape (n,)") from None
    if array.dtype.kind not in "ui":
        raise OptionError(f"labels: expected whole numbers, got dtype {array.dtype}")
    if array.shape != (count,):
        raise OptionError(
            f"labels: expected one per point, the shape ({count},), got {shown(array.shape)}"
        )
    if array.min() < 0 or array.max() >= clusters:
        outside = array[(array < 0) | (array >= clusters)][0]
        raise OptionError(f"labels: expected numbers from 0 to {clusters - 1}, got {outside}")
    labels = np.ascontiguousarray(array, np.int32).view()
    labels.flags.writeable = False  # kernels are compiled only for read-only labels
    return labels
