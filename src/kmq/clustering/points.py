"""Weighted points that represent an image's colours, fine or coarse, in a tree of cells.

The finest set has one point per distinct colour; a coarser one has the mean colour of each
occupied octree cell. All are in Morton order, so the points of a cell are adjacent in
memory, and so are the cells within a larger cell.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kmq import alpha
from kmq.clustering import morton
from kmq.clustering.histogram import Histogram
from kmq.jit import kernel

LANES = 32
"""Points that the assignment step takes at a time; arrays end in this many spare ones."""

POINTS_PER_LEAF = 48
"""Minimum mean number of points in a leaf cell. With half as many, narrowing the candidates
for each cell costs more than the distances that it saves: 1.7 times the total time."""

LEVELS = 3
"""Nested cells: leaf, middle and top, each of 8 times the volume of the one before."""


Axes: TypeAlias = tuple[int, ...]
"""The numbers of a point's coordinates: (0, 1, 2) of RGB, (0, 1, 2, 3) of RGBA colours.

Their number is part of the tuple's type, so each kernel is compiled once for RGB and once,
when needed, for RGBA, with `len(axes)` as a constant. Loops over the axes then unroll, and
the code for opaque images does not contain the branches for alpha.
"""

AXES_OF_RGB: Axes = (0, 1, 2)
AXES_OF_RGBA: Axes = (0, 1, 2, 3)

COORDINATE_TYPES = {AXES_OF_RGB: np.float32, AXES_OF_RGBA: np.float64}
"""Between whole-number colours, each step of a squared distance is a whole number below 2^24
in RGB and below 2^39 in RGBA coordinates; these types represent them exactly."""

CLEAR_WEIGHT = 1 << 16
"""How often a clear pixel counts in clustering. If it counts once, a third of clear pixels are
no longer clear at 16 colours. This raises the error by 0.1 % there, and not at all above."""


class Tree(NamedTuple):
    """Three levels of cells around points: leaves, middles and tops, in this order.

    Attributes
    ----------
    leaf_starts : (leaves + 1,) int64
        First point of each leaf, then the number of points.
    parents : (cells,) int64
        The cell around each cell; -1 for the tops.
    centers : (cells, axes) float32
        The middle of each cell.
    widths : (LEVELS,) float32
        Greatest difference along an axis between points of a leaf, a middle and a top.
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
    axes : Axes
        Three for RGB, four for RGBA colours.
    bits : int
        The points are means of cells of 2^bits colours along each axis.
    keys : (n,) uint32
        The Morton key of the first colour that occurs in each point's cell. Colours of low
        alpha share keys, so at 0 bits these may repeat.
    coordinates : (axes, n + LANES) float32, or float64 for RGBA colours
        The points' `alpha.coordinates`, then unused places.
    sums : (n, axes + 1) int64
        Sums of each coordinate over each point's pixels, and the number of pixels.
    total : (axes + 1,) int64
        The sums over all the points.
    energy : float
        Sum over the points of weight times squared norm.
    tree : Tree
        The cells around them.
    """

    axes: Axes
    bits: int
    keys: NDArray[np.uint32]
    coordinates: NDArray[Any]
    sums: NDArray[np.int64]
    total: NDArray[np.int64]
    energy: float
    tree: Tree

    def __len__(self) -> int:
        return len(self.sums)


def distinct_colors(histogram: Histogram, *, with_alpha: bool = False) -> Points:
    """Return one point for each colour of the histogram, in its order.

    They have four coordinates if the histogram has alpha or `with_alpha` is set.
    """
    if not (histogram.has_alpha or with_alpha):
        sums = weigh_colors(histogram.keys, histogram.counts)
        return _points(AXES_OF_RGB, 0, histogram.keys, sums)
    # Opaque colours keep their order, because they all get the same fourth coordinate.
    keys = histogram.keys_with_alpha
    rgba = morton.decode(keys)
    sums = np.empty((len(rgba), 5), np.int64)
    sums[:, :4] = alpha.coordinates(rgba) * histogram.counts[:, np.newaxis]
    sums[:, 4] = histogram.counts
    return _points(AXES_OF_RGBA, 0, morton.cells_of(keys), sums)


def with_heavy_clear(points: Points) -> Points:
    """Return the same points with each clear pixel counted `CLEAR_WEIGHT` times.

    This keeps clusters that contain clear pixels almost clear. The coordinates of clear
    pixels are 0, so only their number grows.
    """
    if points.axes == AXES_OF_RGB:
        return points
    sums = points.sums.copy()
    sums[sums[:, 3] == 0, 4] *= CLEAR_WEIGHT
    return replace(points, sums=sums, total=sums.sum(axis=0))


def coarsen(points: Points, bits: int) -> Points:
    """Return the means of `points` in cells of 2^bits colours along each axis."""
    if bits == points.bits:
        return points
    starts = _run_starts(points.keys, len(points.axes) * bits)[:-1]
    sums = add_runs(points.sums, points.axes, starts)
    return _points(points.axes, bits, points.keys[starts], sums)


def count_cells(points: Points, bits: int) -> int:
    """Return how many cells of 2^bits colours along each axis contain points."""
    return len(_run_starts(points.keys, len(points.axes) * bits)) - 1


def _points(axes: Axes, bits: int, keys: NDArray[np.uint32], sums: NDArray[np.int64]) -> Points:
    coordinates = np.zeros((len(axes), len(sums) + LANES), COORDINATE_TYPES[axes])
    total, energy = find_means(sums, axes, coordinates)
    return Points(axes, bits, keys, coordinates, sums, total, energy, plant_tree(keys, axes, bits))


def plant_tree(keys: NDArray[np.uint32], axes: Axes, bits: int) -> Tree:
    """Return the cells around points, which have ascending keys and `bits` as in `Points`."""
    starts = _run_starts(keys, len(axes) * bits)
    while bits < 8 and POINTS_PER_LEAF * (len(starts) - 1) > len(keys):
        bits += 1
        starts = _run_starts(keys, len(axes) * bits)
    leaf_starts = starts
    parents, centers, widths = [], [], []
    cells = 0
    for level in range(LEVELS):
        keys = keys[starts[:-1]]
        cells += len(keys)
        lowest = morton.places_of(keys, len(axes)) & np.uint8(0x100 - (1 << bits))
        widths.append((morton.UNITS[len(axes)] << bits) - 1)
        centers.append(morton.corners_of(lowest) + np.float32(widths[-1] / 2))
        if level == LEVELS - 1:
            parents.append(np.full(len(keys), -1))
        else:
            # At 8 bits the whole cube is one cell, which then contains itself.
            bits = min(bits + 1, 8)
            starts = _run_starts(keys, len(axes) * bits)
            parents.append(cells + np.repeat(np.arange(len(starts) - 1), np.diff(starts)))
    return Tree(
        leaf_starts,
        np.concatenate(parents),
        np.concatenate(centers),
        np.array(widths, np.float32),
    )


def _run_starts(keys: NDArray[np.uint32], shift: int) -> NDArray[np.int64]:
    """Return the start of each run of keys that agree above `shift` bits, then the end."""
    changes = np.flatnonzero((keys[1:] ^ keys[:-1]) > np.uint32((1 << shift) - 1))
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
def add_runs(sums: NDArray[np.int64], axes: Axes, starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the sums, (runs, axes + 1), over each run of points; the last run ends at the end."""
    added = np.zeros((len(starts), len(axes) + 1), np.int64)
    for run in range(len(starts)):
        end = starts[run + 1] if run + 1 < len(starts) else len(sums)
        for point in range(starts[run], end):
            for column in range(len(axes) + 1):
                added[run, column] += sums[point, column]
    return added


@kernel
def find_means(
    sums: NDArray[np.int64], axes: Axes, coordinates: NDArray[Any]
) -> tuple[NDArray[np.int64], float]:
    """Write the means to `coordinates`; return the total of the sums and the energy."""
    total = np.zeros(len(axes) + 1, np.int64)
    energy = 0.0
    for point in range(len(sums)):
        pixels = sums[point, len(axes)]
        norm = 0.0
        for axis in range(len(axes)):
            mean = sums[point, axis] / pixels
            coordinates[axis, point] = mean
            norm += mean * mean
        energy += pixels * norm
        for column in range(len(axes) + 1):
            total[column] += sums[point, column]
    return total, energy
