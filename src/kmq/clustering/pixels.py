"""Pixels that clustering, dithering and the choice of indices are given, checked."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmq.errors import OptionError
from kmq.image import array_of


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
    checked = np.ascontiguousarray(without_opaque_alpha(given)).view()
    checked.flags.writeable = False
    return checked


def without_opaque_alpha(colors: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (..., 3) or (..., 4) colours as (..., 3) if all are opaque."""
    is_opaque = colors.shape[-1] == 4 and (colors[..., 3] == 255).all()
    return colors[..., :3] if is_opaque else colors
