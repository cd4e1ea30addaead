"""A picture to try things on: a lake among hills, drawn with arithmetic."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 640, 400
_HORIZON = 250
_SUN = (285.0, 96.0, 24.0)


def draw() -> NDArray[np.uint8]:
    """Return the picture, (400, 640, 3) uint8, the same every time."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)
    land = _scene(x[:_HORIZON], y[:_HORIZON])
    mirrored = land[::-1][: HEIGHT - _HORIZON]
    depth = np.linspace(0, 1, HEIGHT - _HORIZON)[:, None]
    ripples = np.sin(x[_HORIZON:] / (60 + 40 * depth) + 90 / (0.12 + depth) ** 0.5)
    shift = np.rint(ripples * (1 + 7 * depth)).astype(np.int64)
    columns = np.clip(np.arange(WIDTH) + shift, 0, WIDTH - 1)
    water = np.take_along_axis(mirrored, columns[..., None], axis=1)
    water = _blend(water, (18, 44, 66), (0.25 + 0.45 * depth + 0.05 * ripples)[..., None])
    return np.clip(np.vstack([land, water]).round(), 0, 255).astype(np.uint8)


def _scene(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sky, sun and four ranges of hills, far to near."""
    sun_x, sun_y, sun_radius = _SUN
    distance = np.hypot(x - sun_x, y - sun_y)
    height = (y / _HORIZON)[..., None]
    color = _blend(np.broadcast_to([58.0, 92, 150], (*x.shape, 3)), (250, 190, 120), height)
    color = _blend(color, (255, 226, 150), np.exp(-distance / 110)[..., None] * 0.85)
    color = _blend(color, (255, 250, 224), _edge(sun_radius - distance))
    for number, tint in enumerate([(140, 128, 158), (98, 96, 134), (56, 72, 96), (26, 46, 54)]):
        ridge = _ridge(x, number)
        haze = np.clip((y - ridge) / 130, 0, 1)[..., None] * (0.5 - 0.1 * number)
        color = _blend(
            color, _blend(np.array(tint, np.float64), (250, 196, 140), haze), _edge(y - ridge)
        )
    return color


def _ridge(x: NDArray[np.float64], number: int) -> NDArray[np.float64]:
    """Return the height of a range's outline: a few octaves of waves, finer where nearer."""
    line = np.full_like(x, 130.0 + 32 * number)
    for octave in range(5):
        wave = np.sin(x * 2**octave / (95 - 12 * number) + 1.7 * number + 2.3 * octave)
        line += wave * 22 / 1.9**octave
    return line


def _edge(inside: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of a pixel that is inside, for a signed distance in pixels."""
    return np.clip(inside + 0.5, 0, 1)[..., None]


def _blend(
    below: NDArray[np.float64],
    above: NDArray[np.float64] | tuple[int, int, int],
    share: NDArray[np.float64],
) -> NDArray[np.float64]:
    return below * (1 - share) + np.asarray(above, np.float64) * share
