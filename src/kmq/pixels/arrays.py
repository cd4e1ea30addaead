"""Arrays as images: the valid dtypes and the meaning of their values."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmq.errors import OptionError

_WIDEST_ROUNDING = 8
"""Units in the last place by which v * 255 may miss a whole number if v was level / 255."""


def as_array(source: Any) -> NDArray[Any]:
    """Return an array, or the result of an object's `__array__`, in native byte order.

    Raises
    ------
    OptionError
        If it is a masked array, or cannot be converted, such as a tensor on a GPU.
    """
    if isinstance(source, np.ma.MaskedArray):
        raise OptionError("image: a masked array has pixels without a value; fill them first")
    try:
        array = np.asarray(source)
    except Exception as error:  # whatever the object raises
        raise OptionError(
            f"image: {type(source).__name__} cannot be converted to an array: {error}"
        ) from error
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def checked_shape(array: NDArray[Any]) -> NDArray[Any]:
    """Return an image as (H, W), (H, W, 3) or (H, W, 4); a single channel becomes (H, W).

    Raises
    ------
    OptionError
        If it has another shape or no pixels.
    """
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    is_image = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))
    if not is_image or array.size == 0:
        raise OptionError(
            "image: expected shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), each at least 1, "
            f"got {array.shape}"
        )
    return array


def sample_levels(array: NDArray[Any]) -> tuple[NDArray[Any], bool]:
    """Return samples of any dtype as uint8 or uint16 levels, and whether they were rounded.

    bool is black and white; floats are 0 to 1; uint16 is 0 to 65,535; any other integer
    dtype contains 8-bit levels.

    Raises
    ------
    OptionError
        If a value is out of range for its dtype, or the dtype is not valid for samples.
    """
    if array.dtype in (np.uint8, np.uint16):
        return array, False
    if array.dtype == np.bool_:
        return array * np.uint8(255), False
    if array.dtype.kind == "f":
        return _float_levels(array)
    if array.dtype.kind not in "iu":
        raise OptionError(
            f"image: expected bool, integers, or floats from 0 to 1, got dtype {array.dtype}"
        )
    low, high = array.min(), array.max()
    if low < 0 or high > 255:
        raise OptionError(
            f"image: expected values from 0 to 255 in dtype {array.dtype}, got {low} to {high}; "
            "for samples of 16 bits pass dtype uint16"
        )
    return array.astype(np.uint8), False


def _float_levels(array: NDArray[Any]) -> tuple[NDArray[np.uint8], bool]:
    """Return 0.0..1.0 as 0..255, rounded to nearest, halves up."""
    low, high = array.min(), array.max()
    if not (low >= 0 and high <= 1):  # NaN included
        raise OptionError(
            f"image: expected values from 0 to 1 in dtype {array.dtype}, got {low} to {high}; "
            "for 8-bit levels pass integers"
        )
    scaled = array.astype(np.float64) * 255
    levels = np.floor(scaled + 0.5)
    tolerance = 255 * _WIDEST_ROUNDING * np.finfo(array.dtype).eps
    return levels.astype(np.uint8), bool(np.abs(scaled - levels).max() > tolerance)
