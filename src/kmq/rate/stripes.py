"""A picture as separately coded bands of rows, each with its plane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmq import alpha
from kmq.rate.costs import count
from kmq.rate.refitting import COLUMNS, add_up
from kmq.rate.surroundings import PAD, ROWS_ABOVE
from kmq.rate.sweeping import squared_error, sweep_plane


@dataclass(frozen=True, eq=False)
class Stripe:
    """Pixels, their nearest entries, and the plane of indices that sweeps change.

    Attributes
    ----------
    rows, width, channels
        The stripe's shape; 3 or 4 channels.
    pixels : (rows * width * channels,) uint8, read-only
    nearest : (rows * width,) uint16
    plane : ((rows + 2 ROWS_ABOVE) (width + 2 PAD),) uint16
        The current indices, padded like the coder's.
    """

    rows: int
    width: int
    channels: int
    pixels: NDArray[np.uint8]
    nearest: NDArray[np.uint16]
    plane: NDArray[np.uint16]

    @classmethod
    def of(cls, pixels: NDArray[np.uint8], nearest: NDArray[Any]) -> Stripe:
        """Return the stripe of (rows, width, channels) pixels with their nearest entries."""
        rows, width, channels = pixels.shape
        return cls(
            rows, width, channels, pixels.reshape(-1),
            nearest.astype(np.uint16).reshape(-1), padded(nearest),
        )  # fmt: skip

    @property
    def indices(self) -> NDArray[np.uint16]:
        """The current indices, (rows, width)."""
        plane = self.plane.reshape(-1, self.width + 2 * PAD)
        return plane[ROWS_ABOVE:-ROWS_ABOVE, PAD:-PAD]

    @property
    def changed(self) -> int:
        """The number of indices that differ from the nearest entry's."""
        return int(np.count_nonzero(self.indices.reshape(-1) != self.nearest))

    def squared_error(self, entries: NDArray[np.int32]) -> int:
        """Return the sum of the squared distances to the nearest entries."""
        return int(squared_error(self.pixels, self.channels, self.nearest, entries))

    def sweep(
        self, entries: NDArray[np.int32], multiplier: int, cap: int, *, is_backward: bool
    ) -> None:
        """Count the costs and choose each index again; arguments are those of `sweep_plane`."""
        costs = count(self.plane, self.rows, self.width, len(entries) // 4)
        sweep_plane(
            self.plane, self.rows, self.width, self.pixels, self.channels, self.nearest,
            entries, costs.guesses, costs.others, multiplier, cap, int(is_backward),
        )  # fmt: skip

    def sums(self, colors: int) -> NDArray[np.int64]:
        """Return this stripe's sums for `refitting.refitted`, (colors, COLUMNS)."""
        sums = np.zeros(colors * COLUMNS, np.int64)
        # A copy, because the rows of a single column are not contiguous.
        add_up(self.pixels, self.channels, self.indices.ravel(), sums)
        return sums.reshape(colors, COLUMNS)


def padded(indices: NDArray[Any]) -> NDArray[np.uint16]:
    """Return a flat plane with margins.

    The rows above are zero. Each row's right margin repeats its last index, and its left
    margin the first index of the row above.
    """
    rows, width = indices.shape
    plane = np.zeros((rows + 2 * ROWS_ABOVE, width + 2 * PAD), np.uint16)
    plane[ROWS_ABOVE:-ROWS_ABOVE, PAD:-PAD] = indices
    plane[ROWS_ABOVE:-ROWS_ABOVE, -PAD:] = indices[:, -1:]
    plane[ROWS_ABOVE + 1 : -ROWS_ABOVE + 1, :PAD] = indices[:, :1]
    return plane.reshape(-1)


def entries_of(palette: NDArray[np.uint8], channels: int) -> NDArray[np.int32]:
    """Return a palette as points of four coordinates, (4 K,); the fourth is 0 without alpha."""
    colors = alpha.with_alpha(palette) if channels == 4 else palette
    entries = np.zeros((len(palette), 4), np.int32)
    entries[:, :channels] = alpha.coordinates(colors)
    return entries.reshape(-1)
