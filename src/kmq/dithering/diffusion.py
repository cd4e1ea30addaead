"""Error diffusion: neighbours compensate for the error of a pixel's entry.

The weights are those of Floyd and Steinberg ("An adaptive algorithm for spatial greyscale",
Proc. SID 17(2), 1976). Rows alternate in direction, so that no direction shows. Two changes
reduce noise: only part of the error is passed on, and a pixel whose colour is very near to an
entry takes that entry and drops the error. So flat areas and exact colours do not change.

The picture is cut into bands of rows. Each starts some rows early without an error, so bands
do not depend on each other, and the number of threads does not change the result.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmq.dithering.cells import nearest_on_list
from kmq.dithering.light import LEVEL_SHIFT, WHITE
from kmq.jit import Number, helper, parallel_kernel, prange

BAND_ROWS = 128

LEAD_ROWS = 8
"""Rows above a band that are diffused first, until errors have reached their usual level."""

NEARNESS = 64
"""8^2: a pixel takes an entry if it is within 1/8 of that entry's distance to the next one."""

HIGHEST = 255 * 255
"""The largest fourth coordinate of a colour with alpha."""


def bands_of(pixels: NDArray[np.uint8]) -> int:
    """Return the number of bands in (H, W, channels) pixels."""
    return -(-len(pixels) // BAND_ROWS)


@parallel_kernel
def diffuse_light(
    first: int,
    end: int,
    pixels: NDArray[np.uint8],
    nearest: NDArray[Any],
    entries: NDArray[np.int64],
    gaps: NDArray[np.int64],
    starts: NDArray[np.int32],
    candidates: NDArray[np.uint16],
    linear: NDArray[np.int32],
    levels: NDArray[np.uint8],
    strength: int,
    indices: NDArray[Any],
) -> None:
    """Write to `indices` (H, W) the entries of opaque pixels (H, W, 3), errors in linear light.

    `nearest` (H, W) are the entries without dithering, `entries` (K, 4) samples, `gaps` come
    from `cells.squared_gaps`, `starts` and `candidates` from `cells.Lists`, `linear` and
    `levels` from `light`. `strength` is in 256ths.
    """
    height, width = nearest.shape
    for band in prange(first, end):
        # Errors of this row and the next, three channels per pixel, with a pixel at each end.
        here = np.zeros(3 * (width + 2), np.int32)
        below = np.zeros(3 * (width + 2), np.int32)
        begin = band * BAND_ROWS
        for y in range(max(begin - LEAD_ROWS, 0), min(begin + BAND_ROWS, height)):
            step = 1 - 2 * (y & 1)
            for i in range(width):
                x = i if step == 1 else width - 1 - i
                place = 3 * (x + 1)
                red, green, blue = pixels[y, x, 0], pixels[y, x, 1], pixels[y, x, 2]
                entry = np.int64(nearest[y, x])
                from_red, from_green = red - entries[entry, 0], green - entries[entry, 1]
                from_blue = blue - entries[entry, 2]
                apart = from_red * from_red + from_green * from_green + from_blue * from_blue
                if NEARNESS * apart > gaps[entry]:
                    light_red = within(linear[red] + here[place], 0, WHITE)
                    light_green = within(linear[green] + here[place + 1], 0, WHITE)
                    light_blue = within(linear[blue] + here[place + 2], 0, WHITE)
                    level_red = np.int64(levels[light_red >> LEVEL_SHIFT])
                    level_green = np.int64(levels[light_green >> LEVEL_SHIFT])
                    level_blue = np.int64(levels[light_blue >> LEVEL_SHIFT])
                    cell = (level_red >> 3 << 10) | (level_green >> 3 << 5) | (level_blue >> 3)
                    entry = nearest_on_list(
                        starts, candidates, cell, entries, level_red, level_green, level_blue, 0
                    )
                    error = (light_red - linear[entries[entry, 0]]) * strength >> 8
                    spread(error, here, below, place, 3 * step)
                    error = (light_green - linear[entries[entry, 1]]) * strength >> 8
                    spread(error, here, below, place + 1, 3 * step)
                    error = (light_blue - linear[entries[entry, 2]]) * strength >> 8
                    spread(error, here, below, place + 2, 3 * step)
                if y >= begin:
                    indices[y, x] = entry
            here, below = below, here
            below[:] = 0


@parallel_kernel
def diffuse_alpha(
    first: int,
    end: int,
    pixels: NDArray[np.uint8],
    nearest: NDArray[Any],
    entries: NDArray[np.int64],
    gaps: NDArray[np.int64],
    starts: NDArray[np.int32],
    candidates: NDArray[np.uint16],
    opaque_starts: NDArray[np.int32],
    opaque_candidates: NDArray[np.uint16],
    strength: int,
    indices: NDArray[Any],
) -> None:
    """Write to `indices` (H, W) the entries of pixels (H, W, 4), errors in their coordinates.

    The coordinates are those of `kmq.alpha`, the other arguments those of `diffuse_light`.
    Opaque pixels choose from the lists of opaque entries; clear pixels keep their nearest.
    """
    height, width = nearest.shape
    for band in prange(first, end):
        here = np.zeros(4 * (width + 2), np.int32)
        below = np.zeros(4 * (width + 2), np.int32)
        begin = band * BAND_ROWS
        for y in range(max(begin - LEAD_ROWS, 0), min(begin + BAND_ROWS, height)):
            step = 1 - 2 * (y & 1)
            for i in range(width):
                x = i if step == 1 else width - 1 - i
                place = 4 * (x + 1)
                alpha = np.int64(pixels[y, x, 3])
                red = alpha * (2 * np.int64(pixels[y, x, 0]) - 255)
                green = alpha * (2 * np.int64(pixels[y, x, 1]) - 255)
                blue = alpha * (2 * np.int64(pixels[y, x, 2]) - 255)
                fourth = alpha * 255
                entry = np.int64(nearest[y, x])
                from_red, from_green = red - entries[entry, 0], green - entries[entry, 1]
                from_blue, from_fourth = blue - entries[entry, 2], fourth - entries[entry, 3]
                apart = (
                    from_red * from_red
                    + from_green * from_green
                    + from_blue * from_blue
                    + from_fourth * from_fourth
                )
                if alpha > 0 and NEARNESS * apart > gaps[entry]:
                    fourth = within(fourth + here[place + 3], 0, HIGHEST)
                    red = within(red + here[place], -fourth, fourth)
                    green = within(green + here[place + 1], -fourth, fourth)
                    blue = within(blue + here[place + 2], -fourth, fourth)
                    cell = cell_with_alpha(red, green, blue, fourth)
                    if alpha == 255:
                        entry = nearest_on_list(
                            opaque_starts,
                            opaque_candidates,
                            cell,
                            entries,
                            red,
                            green,
                            blue,
                            fourth,
                        )
                    else:
                        entry = nearest_on_list(
                            starts, candidates, cell, entries, red, green, blue, fourth
                        )
                    error = (red - entries[entry, 0]) * strength >> 8
                    spread(error, here, below, place, 4 * step)
                    error = (green - entries[entry, 1]) * strength >> 8
                    spread(error, here, below, place + 1, 4 * step)
                    error = (blue - entries[entry, 2]) * strength >> 8
                    spread(error, here, below, place + 2, 4 * step)
                    error = (fourth - entries[entry, 3]) * strength >> 8
                    spread(error, here, below, place + 3, 4 * step)
                if y >= begin:
                    indices[y, x] = entry
            here, below = below, here
            below[:] = 0


@helper
def spread(
    error: Number, here: NDArray[np.int32], below: NDArray[np.int32], place: Number, step: Number
) -> None:
    """Distribute 7, 3, 5 and 1 sixteenths of an error to the pixels ahead and below."""
    ahead, behind, under = 7 * error >> 4, 3 * error >> 4, 5 * error >> 4
    here[place + step] += ahead
    below[place - step] += behind
    below[place] += under
    below[place + step] += error - ahead - behind - under


@helper
def within(value: Number, low: Number, high: Number) -> Number:
    """Return the value, clamped to the bounds."""
    return min(max(value, low), high)


@helper
def cell_with_alpha(red: Number, green: Number, blue: Number, fourth: Number) -> Number:
    """Return the cell of `cells.RGBA` that contains a point."""
    upper = ((red + 65_536) >> 13 << 8) | ((green + 65_536) >> 13 << 4) | ((blue + 65_536) >> 13)
    return (upper << 3) | (fourth >> 13)
