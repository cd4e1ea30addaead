"""The pixels beside clear ones, whose colour a clear entry hides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from kmq import alpha


def sums_beside_clear(image: NDArray[np.uint8], counted: slice = slice(None)) -> NDArray[np.int64]:
    """Return `Histogram.beside_clear` of (H, W, 4) pixels: neighbours by side and by corner.

    Of the rows that are not `counted`, clear pixels count as neighbours alone.
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


def with_neighbors(
    bands: Iterable[NDArray[np.uint8]],
) -> Iterator[tuple[NDArray[np.uint8] | None, NDArray[np.uint8], NDArray[np.uint8] | None]]:
    """Yield each band between the last row above it and the first row below it."""
    above, band = None, None
    for below in bands:
        if band is not None:
            yield above, band, below[:1]
            above = band[-1:]
        band = below
    if band is not None:
        yield above, band, None


def sums_in_band(
    above: NDArray[np.uint8] | None, band: NDArray[np.uint8], below: NDArray[np.uint8] | None
) -> NDArray[np.int64]:
    """Return `Histogram.beside_clear` of a band between two rows, which do not count."""
    parts = [alpha.with_alpha(each) for each in (above, band, below) if each is not None]
    image = np.concatenate(parts)
    first = 0 if above is None else 1
    return sums_beside_clear(image, slice(first, first + len(band)))
