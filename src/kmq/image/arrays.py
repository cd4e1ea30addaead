"""Arrays from callers: checked, and read-only afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kmq.errors import OptionError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def array_of(name: str, given: ArrayLike) -> NDArray[Any]:
    """Return the argument `name` as an array, or raise OptionError if it is not one."""
    try:
        return np.asarray(given)
    except (TypeError, ValueError) as error:
        raise OptionError(
            f"{name}: expected an array, got {type(given).__name__}: {error}"
        ) from error


def index_dtype(palette_size: int) -> type[np.uint8] | type[np.uint16]:
    """Return the narrowest dtype that holds every index of a palette of this size."""
    return np.uint8 if palette_size <= 256 else np.uint16


def whole_numbers(
    name: str, given: NDArray[Any], largest: int, dtype: type[np.uint8] | type[np.uint16]
) -> NDArray[Any]:
    """Return whole numbers from 0 to `largest` in `dtype`, or raise OptionError."""
    if given.dtype.kind not in "ui":
        raise OptionError(f"{name}: expected whole numbers, got dtype {given.dtype}")
    if given.min() < 0 or given.max() > largest:
        raise OptionError(
            f"{name}: expected values from 0 to {largest}, got {given.min()} to {given.max()}"
        )
    return np.ascontiguousarray(given, dtype=dtype)


def frozen(array: NDArray[Any], given: NDArray[Any]) -> NDArray[Any]:
    """Return `array` read-only, copied if it shares memory with `given`.

    A read-only array is copied too, because it may be a view of one that is written to.
    """
    if np.may_share_memory(array, given):
        array = array.copy()
    array.flags.writeable = False
    return array
