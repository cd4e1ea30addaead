"""Lists of the few palette entries that can be nearest to a colour, one per cell of colours.

The colour space is divided into 32,768 cells. A cell's list omits entries that are nowhere in
the cell the nearest, and then has about two entries. The bound is the one with which
`kmq.clustering.assignment` narrows its candidates, computed in integers, so the lists are
exact: the first nearest entry on a list is the first nearest entry of the palette.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kmq.jit import Number, helper, kernel

ALONE = 1 << 60
"""The squared distance to the nearest other colour if there is none."""


@dataclass(frozen=True)
class Grid:
    """The division of a space of four coordinates into cells.

    Attributes
    ----------
    low
        The lowest value on the first three axes; on the fourth it is 0.
    bits, fourth_bits
        The first three axes are 2^bits long, and the fourth 2^fourth_bits.
    cell_bits
        A cell is 2^cell_bits long on each axis, or as long as the axis if that is shorter.
    """

    low: int
    bits: int
    fourth_bits: int
    cell_bits: int

    def counts(self, cell_bits: int) -> tuple[int, int]:
        """Return the number of cells of this size along each of the first axes and the fourth."""
        return 1 << (self.bits - cell_bits), 1 << max(self.fourth_bits - cell_bits, 0)


RGB = Grid(low=0, bits=8, fourth_bits=0, cell_bits=3)
"""Samples of red, green and blue; the fourth coordinate is 0."""

RGBA = Grid(low=-(1 << 16), bits=17, fourth_bits=16, cell_bits=13)
"""The coordinates of `kmq.alpha`."""


@dataclass(frozen=True)
class Lists:
    """The entries that can be nearest somewhere in each cell, by ascending index.

    Attributes
    ----------
    starts : (cells + 1,) int32
        Where each cell's list begins in `candidates`. The last axis changes fastest.
    candidates : (n,) uint16
    """

    starts: NDArray[np.int32]
    candidates: NDArray[np.uint16]

    @classmethod
    def of(cls, entries: NDArray[np.int64], allowed: NDArray[np.bool_], grid: Grid) -> Lists:
        """Return the lists of the `allowed` ones of (K, 4) entries; of equal ones, the first."""
        indices = np.flatnonzero(allowed)
        _, firsts = np.unique(entries[indices], axis=0, return_index=True)
        candidates = indices[np.sort(firsts)].astype(np.uint16)
        starts = np.array([0, len(candidates)], np.int32)
        for cell_bits in range(grid.bits - 1, grid.cell_bits - 1, -1):
            starts, candidates = narrow_cells(
                entries,
                starts,
                candidates,
                *grid.counts(cell_bits),
                grid.counts(cell_bits + 1)[1],
                grid.low,
                1 << cell_bits,
                1 << min(cell_bits, grid.fourth_bits),
            )
        return cls(starts, candidates)


@kernel
def narrow_cells(
    entries: NDArray[np.int64],
    starts: NDArray[np.int32],
    candidates: NDArray[np.uint16],
    count: int,
    fourth_count: int,
    fourth_parents: int,
    low: int,
    side: int,
    fourth_side: int,
) -> tuple[NDArray[np.int32], NDArray[np.uint16]]:
    """Return the lists of cells from those of their parents, which are twice as wide.

    Let m be the center of the cell, u an offset within it, and z the candidate nearest to m. A
    candidate c is nowhere nearer than z if |m - c|^2 - |m - z|^2 exceeds the maximum of
    2 u (c - z), which is (side - 1) |c - z| summed over the axes. Centers are doubled to make
    them integers, which makes both sides of the inequality four times as large.
    """
    narrowed_starts = np.empty(count * count * count * fourth_count + 1, np.int32)
    narrowed = np.empty(2 * len(candidates) + len(narrowed_starts), np.uint16)
    distances = np.empty(len(entries), np.int64)
    center = np.empty(4, np.int64)
    found = cell = 0
    for red in range(count):
        for green in range(count):
            for blue in range(count):
                for fourth in range(fourth_count):
                    center[0] = 2 * (low + red * side) + side - 1
                    center[1] = 2 * (low + green * side) + side - 1
                    center[2] = 2 * (low + blue * side) + side - 1
                    center[3] = 2 * fourth * fourth_side + fourth_side - 1
                    parent = (red >> 1) * (count >> 1) + (green >> 1)
                    parent = parent * (count >> 1) + (blue >> 1)
                    parent = parent * fourth_parents + fourth * fourth_parents // fourth_count
                    first, end = starts[parent], starts[parent + 1]
                    if found + end - first > len(narrowed):
                        narrowed = grown(narrowed, found, end - first)
                    narrowed_starts[cell] = found
                    closest = find_closest(entries, candidates, first, end, center, distances)
                    for i in range(first, end):
                        c = candidates[i]
                        reach = 0
                        for axis in range(3):
                            reach += abs(entries[c, axis] - entries[closest, axis]) * (side - 1)
                        reach += abs(entries[c, 3] - entries[closest, 3]) * (fourth_side - 1)
                        narrowed[found] = c
                        found += distances[c] - distances[closest] <= 4 * reach
                    cell += 1
    narrowed_starts[cell] = found
    return narrowed_starts, narrowed[:found].copy()


@helper
def find_closest(
    entries: NDArray[np.int64],
    candidates: NDArray[np.uint16],
    first: Number,
    end: Number,
    center: NDArray[np.int64],
    distances: NDArray[np.int64],
) -> Number:
    """Return the candidate nearest to a doubled center; write each candidate's distance."""
    closest = np.int64(candidates[first])
    for i in range(first, end):
        c = np.int64(candidates[i])
        distances[c] = 0
        for axis in range(4):
            apart = center[axis] - 2 * entries[c, axis]
            distances[c] += apart * apart
        if distances[c] < distances[closest]:
            closest = c
    return closest


@helper
def grown(array: NDArray[np.uint16], used: Number, more: Number) -> NDArray[np.uint16]:
    """Return a copy with room for at least `more` items after the `used` ones."""
    longer = np.empty(2 * len(array) + more, np.uint16)
    for i in range(used):
        longer[i] = array[i]
    return longer


@helper
def nearest_on_list(
    starts: NDArray[np.int32],
    candidates: NDArray[np.uint16],
    cell: Number,
    entries: NDArray[np.int64],
    red: Number,
    green: Number,
    blue: Number,
    fourth: Number,
) -> Number:
    """Return the candidate of a cell that is nearest to a point, on ties the first."""
    nearest = np.int64(candidates[starts[cell]])
    if starts[cell + 1] - starts[cell] == 1:
        return nearest
    smallest = ALONE
    for i in range(starts[cell], starts[cell + 1]):
        c = np.int64(candidates[i])
        from_red, from_green = entries[c, 0] - red, entries[c, 1] - green
        from_blue, from_fourth = entries[c, 2] - blue, entries[c, 3] - fourth
        distance = (
            from_red * from_red
            + from_green * from_green
            + from_blue * from_blue
            + from_fourth * from_fourth
        )
        if distance < smallest:
            smallest, nearest = distance, c
    return nearest


@kernel
def squared_gaps(entries: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the squared distance of each of (K, 4) entries to the nearest other colour, (K,).

    The entries must ascend along their first axis. The search from an entry goes both ways
    along it until the distance on that axis alone is too large.
    """
    gaps = np.full(len(entries), ALONE)
    for i in range(len(entries)):
        for step in (-1, 1):
            j = i + step
            while 0 <= j < len(entries):
                along = entries[j, 0] - entries[i, 0]
                if along * along >= gaps[i]:
                    break
                distance = 0
                for axis in range(4):
                    apart = entries[j, axis] - entries[i, axis]
                    distance += apart * apart
                if 0 < distance < gaps[i]:
                    gaps[i] = distance
                j += step
    return gaps
