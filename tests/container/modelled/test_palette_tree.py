from __future__ import annotations

import numpy as np
import pytest
from test_format import FORMATS, module

from kmq.container.modelled.palette_tree import (
    MIDDLE,
    color,
    packed_colors,
    plus,
    side,
    sides,
    split_axes,
)

reference_modelled = module(FORMATS / "reference_modelled.py")


def step(number, down, half):
    """As the specification has it."""
    return min(max((number >> down) + half, 0), 2 * half - 1)


@pytest.mark.parametrize("colors", [2, 3, 5, 16, 41])
def test_sides_are_in_the_steps_of_the_specification(colors):
    random = np.random.default_rng(colors)
    palette = random.integers(0, 256, (colors, 3))
    palette[random.integers(colors, size=2)] = 0, 0, 255  # short and long splits
    leaves = 1 << (colors - 1).bit_length()
    axes, row = split_axes(palette, leaves).reshape(-1), packed_colors(palette)
    expected_axes = reference_modelled.split_axes(palette.tolist(), leaves)
    seen = set()
    for node in range(1, leaves):
        if expected_axes[node] is None:
            continue
        for _ in range(50):
            w, n, nw, ww, nn = random.integers(0, colors, 5).tolist()
            found = sides(
                axes,
                node,
                plus(color(row, w), color(row, n), 1),
                plus(plus(color(row, w), color(row, n), 1), color(row, nw), -1),
                plus(color(row, ww), color(row, nn), 1),
            )
            s = [
                sum(a * c for a, c in zip(expected_axes[node], (*each, 1), strict=True))
                for each in palette.tolist()
            ]
            mean, far = s[w] + s[n] >> 1, s[ww] + s[nn] >> 1
            near_sides = step(s[w] + s[n] - s[nw], 12, 16) << 5 | step(mean, 12, 16)
            assert found == (near_sides, step(mean, 13, 8) << 4 | step(far, 13, 8))
            seen.add(found)
    assert len(seen) > 5


def test_the_means_of_a_split_are_a_quarter_of_the_middle_from_it():
    axes = split_axes(np.array([(0, 40, 200), (160, 40, 40)]), 2).reshape(-1)
    assert side(axes, 1, (0, 40, 200), 1) == pytest.approx(MIDDLE * 3 / 4, rel=0.001)
    assert side(axes, 1, (80, 40, 120), 1) == pytest.approx(MIDDLE, rel=0.001)
    assert side(axes, 1, (160, 40, 40), 1) == pytest.approx(MIDDLE * 5 / 4, rel=0.001)
