"""Weighted points that stand for an image's colours, fine or coarse, in a tree of cells.

The finest set holds one point for each distinct colour; a coarser one holds the mean
colour of each occupied octree cell. All are in Morton order, so that the points of a
cell are neighbours in memory, and so are the cells of a larger cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kmq.clustering import morton
from kmq.clustering.histogram import Histogram
from kmq.jit import kernel

LANES = 32
"""Points that the assignment step takes at a time; arrays end in as many spare ones."""

POINTS_PER_LEAF = 48
"""Least mean number of points in a leaf cell. With half as many, narrowing the candidates
for each cell costs more than the distances that it saves: 1.7 times the time in all."""

LEVELS = 3
"""Cells in cells: leaf, middle and top, each of 8 times the volume of the one before."""


class Tree(NamedTuple):
    """Three levels of cells around points: leaves, middles and tops, in this order.

    Attributes
    ----------
    leaf_starts : (leaves + 1,) int64
        First point of each leaf, then the number of points.
    parents : (cells,) int64
        The cell around each cell; the tops have -1.
    centers : (cells, 3) float32
        The middle colour of each cell.
    widths : (LEVELS,) float32
        Greatest difference on an axis between colours of a leaf, a middle and a top.
    """

    leaf_starts: NDArray[np.int64]
    parents: NDArray[np.int64]
    centers: NDArray[np.float32]
    widths: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Points:
    """Weighted points in Morton order, and the tree of cells around them.

    Attributes
    ----------
    bits : int
        The points are means of cells of (2^bits)^3 colours.
    keys : (n,) uint32
        The Morton key of the first colour of each point's cell that occurs.
    coordinates : (3, n + LANES) float32
        Red, green and blue of each point, 0 to 255, then unused places.
    sums : (n, 4) int64
        Sums of red, green and blue over each point's pixels, and their number.
    total : (4,) int64
        The sums over all the points.
    energy : float
        Sum over the points of weight times squared norm.
    tree : Tree
        The cells around them.
    """

    bits: int
    keys: NDArray[np.uint32]
    coordinates: NDArray[np.float32]
    sums: NDArray[np.int64]
    total: NDArray[np.int64]
    energy: float
    tree: Tree

    def __len__(self) -> int:
        return len(self.sums)


def distinct_colors(histogram: Histogram) -> Points:
    """Return one point for each colour of the histogram, in its order."""
    sums = weigh_colors(histogram.keys, histogram.counts)
    return _points(0, histogram.keys, sums)


def coarsen(points: Points, bits: int) -> Points:
    """Return the means of `points` in cells of (2^bits)^3 colours."""
    if bits == points.bits:
        return points
    starts = _run_starts(points.keys, 3 * bits)[:-1]
    return _points(bits, points.keys[starts], add_runs(points.sums, starts))


def count_cells(points: Points, bits: int) -> int:
    """Return how many cells of (2^bits)^3 colours hold points."""
    return len(_run_starts(points.keys, 3 * bits)) - 1


def _points(bits: int, keys: NDArray[np.uint32], sums: NDArray[np.int64]) -> Points:
    coordinates, total, energy = find_means(sums)
    return Points(bits, keys, coordinates, sums, total, energy, plant_tree(keys, bits))


def plant_tree(keys: NDArray[np.uint32], bits: int) -> Tree:
    """Return the cells around points whose keys ascend, one point a cell of (2^bits)^3."""
    starts = _run_starts(keys, 3 * bits)
    while bits < 8 and POINTS_PER_LEAF * (len(starts) - 1) > len(keys):
        bits += 1
        starts = _run_starts(keys, 3 * bits)
    leaf_starts = starts
    parents, centers, widths = [], [], []
    cells = 0
    for level in range(LEVELS):
        keys = keys[starts[:-1]]
        cells += len(keys)
        lowest = morton.decode(keys >> np.uint32(3 * bits) << np.uint32(3 * bits))
        widths.append((1 << bits) - 1)
        centers.append(lowest + np.float32(widths[-1] / 2))
        if level == LEVELS - 1:
            parents.append(np.full(len(keys), -1))
        else:
            # At 8 bits the whole cube is one cell, which then contains itself.
            bits = min(bits + 1, 8)
            starts = _run_starts(keys, 3 * bits)
            parents.append(cells + np.repeat(np.arange(len(starts) - 1), np.diff(starts)))
    return Tree(
        leaf_starts,
        np.concatenate(parents),
        np.concatenate(centers),
        np.array(widths, np.float32),
    )


def _run_starts(keys: NDArray[np.uint32], shift: int) -> NDArray[np.int64]:
    """Return where each run of keys that agree above `shift` bits starts, then the end."""
    changes = np.flatnonzero((keys[1:] ^ keys[:-1]) >= np.uint32(1 << shift))
    return np.concatenate([[0], changes + 1, [len(keys)]])


@kernel
def weigh_colors(keys: NDArray[np.uint32], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return each colour's sums over its pixels, (n, 4): red, green, blue, number."""
    sums = np.empty((len(keys), 4), np.int64)
    for color in range(len(keys)):
        for channel in range(3):
            # morton.decode, one channel of one key.
            bits = (keys[color] >> np.uint32(2 - channel)) & np.uint32(0x249249)
            bits = (bits | (bits >> np.uint32(2))) & np.uint32(0x0C30C3)
            bits = (bits | (bits >> np.uint32(4))) & np.uint32(0x00F00F)
            bits = (bits | (bits >> np.uint32(8))) & np.uint32(0x0000FF)
            sums[color, channel] = np.int64(bits) * counts[color]
        sums[color, 3] = counts[color]
    return sums


@kernel
def add_runs(sums: NDArray[np.int64], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the sums, (runs, 4), over each run of points, the last one up to the end."""
    added = np.zeros((len(starts), 4), np.int64)
    for run in range(len(starts)):
        end = starts[run + 1] if run + 1 < len(starts) else len(sums)
        for point in range(starts[run], end):
            for column in range(4):
                added[run, column] += sums[point, column]
    return added


@kernel
def find_means(
    sums: NDArray[np.int64],
) -> tuple[NDArray[np.float32], NDArray[np.int64], float]:
    """Return the means of (n, 4) sums, (3, n + LANES), their total sums and energy."""
    coordinates = np.zeros((3, len(sums) + LANES), np.float32)
    total = np.zeros(4, np.int64)
    energy = 0.0
    for point in range(len(sums)):
        pixels = sums[point, 3]
        norm = 0.0
        for channel in range(3):
            mean = sums[point, channel] / pixels
            coordinates[channel, point] = mean
            norm += mean * mean
        energy += pixels * norm
        for column in range(4):
            total[column] += sums[point, column]
    return coordinates, total, energy
