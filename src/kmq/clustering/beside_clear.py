"""The pixels beside clear ones; a clear entry hides their mean colour."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kmq import alpha


def sums_beside_clear(image: NDArray[np.uint8], counted: slice = slice(None)) -> NDArray[np.int64]:
    """Return `Histogram.beside_clear` of (H, W, 4) pixels; neighbours share a side or a corner.

    Only pixels in the `counted` rows are summed; the other rows only provide neighbours.
    """
    clear = image[..., 3] == 0
    rows = clear.copy()
    rows[1:] |= clear[:-1]
    rows[:-1] |= clear[1:]
    near = rows.copy()
    near[:, 1:] |= rows[:, :-1]
    near[:, :-1] |= rows[:, 1:]
    beside = image[counted][(near & ~clear)[counted]].astype(np.int64)
    return np.append(beside[:, 3] @ beside[:, :3], beside[:, 3].sum())


class Neighbors(NamedTuple):
    """A band of rows, (h, W, 3) or (h, W, 4), with the row above and the row below, if any."""

    above: NDArray[np.uint8] | None
    band: NDArray[np.uint8]
    below: NDArray[np.uint8] | None

    @property
    def has_alpha(self) -> bool:
        """Whether the band or one of its neighbours may contain a transparent pixel."""
        return any(part is not None and part.shape[2] == 4 for part in self)

    def sums(self) -> NDArray[np.int64]:
        """Return `Histogram.beside_clear` of the band."""
        image = np.concatenate([alpha.with_alpha(part) for part in self if part is not None])
        first = 0 if self.above is None else 1
        return sums_beside_clear(image, slice(first, first + len(self.band)))


def with_neighbors(bands: Iterable[NDArray[np.uint8]]) -> Iterator[Neighbors]:
    """Yield each band with the last row above it and the first row below it."""
    above, band = None, None
    for below in bands:
        if band is not None:
            yield Neighbors(above, band, below[:1])
            above = band[-1:]
        band = below
    if band is not None:
        yield Neighbors(above, band, None)
