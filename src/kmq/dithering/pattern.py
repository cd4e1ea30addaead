"""Ordered dithering: each colour becomes a pattern of 2x2 pixels.

For each distinct colour, four entries are found whose mean is close to it in linear light
(after Yliluoma, "Arbitrary-palette positional dithering algorithm", 2011). A pixel's position
selects one of them. So an edit changes nothing around it, tiles have no seams, and the
repeating indices compress better than those of diffusion.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kmq.dithering.cells import nearest_on_list
from kmq.dithering.diffusion import HIGHEST, cell_with_alpha, within
from kmq.dithering.light import LEVEL_SHIFT, WHITE
from kmq.jit import Number, helper, parallel_kernel, prange

MATRIX = ((0, 2), (3, 1))
"""Which of the four entries, sorted from dark to light, a pixel gets: [y & 1][x & 1]."""

LUMA = (54, 183, 19)
"""Weights of red, green and blue in luminance, in 256ths (ITU-R BT.709)."""


@parallel_kernel
def choose_light(
    first: int,
    end: int,
    colors: NDArray[np.uint8],
    entries: NDArray[np.int64],
    starts: NDArray[np.int32],
    candidates: NDArray[np.uint16],
    linear: NDArray[np.int32],
    levels: NDArray[np.uint8],
    strength: int,
    chosen: NDArray[np.int32],
) -> None:
    """Write to `chosen` (n, 4) the entries of opaque colours (n, 3), the darkest first.

    The other arguments are those of `diffusion.diffuse_light`.
    """
    for color in prange(first, end):
        lumas = np.empty(4, np.int64)
        error_red = error_green = error_blue = 0
        for i in range(4):
            red = within(linear[colors[color, 0]] + (error_red * strength >> 8), 0, WHITE)
            green = within(linear[colors[color, 1]] + (error_green * strength >> 8), 0, WHITE)
            blue = within(linear[colors[color, 2]] + (error_blue * strength >> 8), 0, WHITE)
            level_red = np.int64(levels[red >> LEVEL_SHIFT])
            level_green = np.int64(levels[green >> LEVEL_SHIFT])
            level_blue = np.int64(levels[blue >> LEVEL_SHIFT])
            cell = (level_red >> 3 << 10) | (level_green >> 3 << 5) | (level_blue >> 3)
            entry = nearest_on_list(
                starts, candidates, cell, entries, level_red, level_green, level_blue, 0
            )
            entry_red, entry_green = linear[entries[entry, 0]], linear[entries[entry, 1]]
            entry_blue = linear[entries[entry, 2]]
            error_red, error_green = red - entry_red, green - entry_green
            error_blue = blue - entry_blue
            luma = LUMA[0] * entry_red + LUMA[1] * entry_green + LUMA[2] * entry_blue
            insert(chosen, color, lumas, i, entry, luma)


@parallel_kernel
def choose_alpha(
    first: int,
    end: int,
    colors: NDArray[np.uint8],
    entries: NDArray[np.int64],
    starts: NDArray[np.int32],
    candidates: NDArray[np.uint16],
    opaque_starts: NDArray[np.int32],
    opaque_candidates: NDArray[np.uint16],
    strength: int,
    chosen: NDArray[np.int32],
) -> None:
    """Write to `chosen` (n, 4) the entries of colours (n, 4), the darkest over grey first.

    The other arguments are those of `diffusion.diffuse_alpha`. The entries written for clear
    colours have no meaning.
    """
    for color in prange(first, end):
        lumas = np.empty(4, np.int64)
        alpha = np.int64(colors[color, 3])
        error_red = error_green = error_blue = error_fourth = 0
        for i in range(4):
            fourth = within(alpha * 255 + (error_fourth * strength >> 8), 0, HIGHEST)
            red = alpha * (2 * np.int64(colors[color, 0]) - 255) + (error_red * strength >> 8)
            green = alpha * (2 * np.int64(colors[color, 1]) - 255) + (error_green * strength >> 8)
            blue = alpha * (2 * np.int64(colors[color, 2]) - 255) + (error_blue * strength >> 8)
            red, green = within(red, -fourth, fourth), within(green, -fourth, fourth)
            blue = within(blue, -fourth, fourth)
            cell = cell_with_alpha(red, green, blue, fourth)
            if alpha == 255:
                entry = nearest_on_list(
                    opaque_starts, opaque_candidates, cell, entries, red, green, blue, fourth
                )
            else:
                entry = nearest_on_list(starts, candidates, cell, entries, red, green, blue, fourth)
            error_red, error_green = red - entries[entry, 0], green - entries[entry, 1]
            error_blue, error_fourth = blue - entries[entry, 2], fourth - entries[entry, 3]
            luma = LUMA[0] * entries[entry, 0] + LUMA[1] * entries[entry, 1]
            luma += LUMA[2] * entries[entry, 2]
            insert(chosen, color, lumas, i, entry, luma)


@helper
def insert(
    chosen: NDArray[np.int32],
    color: Number,
    lumas: NDArray[np.int64],
    count: Number,
    entry: Number,
    luma: Number,
) -> None:
    """Insert an entry among the `count` of a colour, after those that are not lighter."""
    place = count
    while place > 0 and (
        luma < lumas[place - 1] or (luma == lumas[place - 1] and entry < chosen[color, place - 1])
    ):
        lumas[place] = lumas[place - 1]
        chosen[color, place] = chosen[color, place - 1]
        place -= 1
    lumas[place] = luma
    chosen[color, place] = entry
