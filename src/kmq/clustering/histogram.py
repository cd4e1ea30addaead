"""The distinct colours of an image and how often each occurs: all that K-means needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Histogram:
    """Distinct colours in ascending order of their 24-bit key, and their counts."""

    colors: NDArray[np.uint8]
    """(n, 3)"""
    counts: NDArray[np.int64]
    """(n,), each at least 1"""

    @classmethod
    def from_pixels(cls, pixels: NDArray[np.uint8]) -> Histogram:
        """Count the colours of pixels of shape (..., 3)."""
        keys, counts = np.unique(color_keys(pixels), return_counts=True)
        return cls(colors_of(keys), counts)

    def __len__(self) -> int:
        return len(self.colors)


def color_keys(colors: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Return red * 65536 + green * 256 + blue of colours of shape (..., 3)."""
    wide = colors.astype(np.uint32)
    return (wide[..., 0] * np.uint32(256) + wide[..., 1]) * np.uint32(256) + wide[..., 2]


def colors_of(keys: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the colours, (n, 3), of keys of shape (n,)."""
    return np.stack([keys >> 16, keys >> 8 & 255, keys & 255], axis=1).astype(np.uint8)
