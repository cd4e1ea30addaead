"""The treatment of transparency: keep it, make it binary, or put a colour behind it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kmq.alpha import composite
from kmq.colors import Rgb

KEEP_ALPHA, BINARY_ALPHA = "keep", "binary"

_HALF = 128
"""The lowest alpha that becomes opaque with binary alpha."""


class Transparency(NamedTuple):
    """The treatment that a caller requests; with a background, `alpha` has no effect."""

    background: Rgb | None = None
    alpha: str = KEEP_ALPHA

    def treated(
        self, rgb: NDArray[np.uint8], alpha: NDArray[np.uint8] | None
    ) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
        """Return C-contiguous pixels, (H, W, 3) or (H, W, 4), and the losses in alpha.

        They have alpha only if some pixel is not opaque.
        """
        if alpha is None or alpha.min() == 255:
            return np.ascontiguousarray(rgb), ()
        if self.background is not None:
            return composite(rgb, alpha, self.background), ("transparency",)
        lost: tuple[str, ...] = ()
        if self.alpha == BINARY_ALPHA:
            binary = _binary(alpha)
            if not np.array_equal(binary, alpha):
                lost = ("partial transparency",)
            alpha = binary
            if alpha.min() == 255:
                return np.ascontiguousarray(rgb), lost
        return np.concatenate([rgb, alpha[..., np.newaxis]], axis=2), lost


def with_binary_alpha(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (..., 4) colours with alpha below one half set to 0, and otherwise to 255."""
    binary = rgba.copy()
    binary[..., 3] = _binary(rgba[..., 3])
    return binary


def _binary(alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.where(alpha < _HALF, 0, 255).astype(np.uint8)
