"""Colour spaces that consist of curves and primaries, and their conversion to sRGB.

Each channel's curve turns a sample into light; a matrix turns three lights into CIE XYZ
under D50; sRGB's inverse matrix and curve turn that back into a sample. This is
the model of ICC.1:2022, sections F.2 and F.3 (matrix/TRC and grey profiles), and of the
PNG chunks gAMA, cHRM and cICP.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = "NDArray[np.float64]"
Curve: TypeAlias = Callable[[Floats], Floats]
"""Maps a sample from 0 to 1 to light from 0 to 1."""

D50 = np.array([0.9642, 1.0, 0.8249])
"""The white of ICC's profile connection space."""

_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
"""From XYZ to the cone responses used for white adaptation (ICC.1:2022, annex E)."""

_PIXELS_AT_ONCE = 1 << 18
_ROUNDING = 1
"""Levels by which a space may move a colour and still count as sRGB."""


def srgb_curve(samples: Floats) -> Floats:
    """Return the light of sRGB samples (IEC 61966-2-1)."""
    return np.where(samples <= 0.04045, samples / 12.92, ((samples + 0.055) / 1.055) ** 2.4)


def power_curve(exponent: float) -> Curve:
    """Return the curve of a display gamma."""
    return lambda samples: samples**exponent


def xyz_of_primaries(chromaticities: Sequence[float]) -> Floats:
    """Return the matrix from linear RGB to XYZ under D50.

    Parameters
    ----------
    chromaticities
        x and y of white, red, green and blue, in this order.

    Raises
    ------
    ValueError
        If no three lights have these chromaticities.
    """
    white, *primaries = (
        np.array([x / y, 1, (1 - x - y) / y])
        for x, y in zip(chromaticities[::2], chromaticities[1::2], strict=True)
        if y > 0
    )
    columns = np.stack(primaries, axis=1)
    to_xyz = columns * np.linalg.solve(columns, white)
    adaptation = np.diag((_BRADFORD @ D50) / (_BRADFORD @ white))
    to_d50: Floats = np.linalg.inv(_BRADFORD) @ adaptation @ _BRADFORD @ to_xyz
    if not np.isfinite(to_d50).all():
        raise ValueError("primaries without light")
    return to_d50


SRGB_CHROMATICITIES = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
_SRGB_TO_XYZ = xyz_of_primaries(SRGB_CHROMATICITIES)
_XYZ_TO_SRGB = np.linalg.inv(_SRGB_TO_XYZ)

_STEPS = (1 << 16) - 1
_LEVELS = np.searchsorted(
    srgb_curve((np.arange(1, 256) - 0.5) / 255), np.arange(_STEPS + 1) / _STEPS, side="right"
).astype(np.uint8)
"""The nearest sRGB level for each step of light; a step is at most a twentieth of a level."""


@dataclass(frozen=True)
class Space:
    """A colour space of one curve per channel and a matrix."""

    curves: tuple[Curve, ...]
    """The curves of red, green and blue; a single one applies to all three, or to grey."""
    to_xyz: Floats | None = None
    """(3, 3), from linear RGB to XYZ under D50; None for sRGB's primaries."""

    @property
    def is_grey(self) -> bool:
        """Whether the space describes only grey."""
        return len(self.curves) == 1 and self.to_xyz is None

    def is_srgb(self) -> bool:
        """Whether it is equivalent to sRGB: it moves no colour by more than rounding."""
        levels = np.linspace(0, 255, 18).round().astype(np.uint8)
        cube = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(18, 324, 3)
        return is_rounding(self.to_srgb(cube), cube)

    def to_srgb(self, samples: NDArray[Any]) -> NDArray[np.uint8]:
        """Return the nearest sRGB colours; colours outside sRGB are clipped.

        Parameters
        ----------
        samples
            (H, W) grey or (H, W, 3) RGB, uint8 or uint16.
        """
        largest = np.iinfo(samples.dtype).max
        levels = np.arange(largest + 1)
        if samples.ndim == 2:
            greys = np.repeat(levels.astype(samples.dtype)[None, :, None], 3, axis=2)
            by_level = self.to_srgb(greys)[0]
            of_greys: NDArray[np.uint8] = by_level[samples]
            return of_greys
        tables = [_exact(curve(levels / largest)) for curve in self.curves]
        tables *= 3 // len(tables)
        to_srgb = np.eye(3) if self.to_xyz is None else _exact(_XYZ_TO_SRGB @ self.to_xyz)
        pixels = samples.reshape(-1, 3)
        converted = np.empty(pixels.shape, np.uint8)
        for start in range(0, len(pixels), _PIXELS_AT_ONCE):
            part = pixels[start : start + _PIXELS_AT_ONCE]
            red, green, blue = (table[part[:, i]] for i, table in enumerate(tables))
            for channel, (of_red, of_green, of_blue) in enumerate(to_srgb):
                light = of_red * red + of_green * green + of_blue * blue
                converted[start : start + len(part), channel] = _nearest_levels(light)
        return converted.reshape(samples.shape)


def is_rounding(moved: NDArray[np.uint8], samples: NDArray[np.uint8]) -> bool:
    """Whether colours differ by no more than rounding."""
    return bool(np.abs(moved.astype(np.int16) - samples).max() <= _ROUNDING)


def _exact(numbers: Floats) -> Floats:
    """Round numbers so that results are the same on every machine, because powers are not."""
    return np.round(numbers * 2**30) / 2**30


def _nearest_levels(light: Floats) -> NDArray[np.uint8]:
    levels: NDArray[np.uint8] = _LEVELS[np.clip(light * _STEPS + 0.5, 0, _STEPS).astype(np.uint16)]
    return levels
