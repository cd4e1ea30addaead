"""Colour spaces by number (ITU-T H.273), used in PNG's cICP and AVIF's nclx."""

from __future__ import annotations

from kmq.errors import FormatError
from kmq.pixels.spaces import (
    SRGB_CHROMATICITIES,
    Curve,
    Space,
    power_curve,
    srgb_curve,
    xyz_of_primaries,
)

UNSPECIFIED = 2

_D65 = SRGB_CHROMATICITIES[:2]
_PRIMARIES = {
    1: SRGB_CHROMATICITIES,
    4: (0.310, 0.316, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08),
    5: (*_D65, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06),
    6: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    7: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    9: (*_D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    11: (0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    12: (*_D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
}
"""x and y of white, red, green and blue (table 2)."""

_CURVES: dict[int, Curve] = {
    4: power_curve(2.2),
    5: power_curve(2.8),
    8: power_curve(1),
    13: srgb_curve,
}
"""From a sample to light (table 3)."""

_VIDEO = (1, 6, 14, 15)
"""Camera transfer functions for television; they do not define the light of a display."""

_HIGH_DYNAMIC_RANGE = {16: "PQ", 18: "HLG"}


def space_of(primaries: int, transfer: int) -> tuple[Space | None, tuple[str, ...]]:
    """Return the space (None for sRGB), and notes about numbers that are not followed.

    Raises
    ------
    FormatError
        If the picture has a high dynamic range, which does not fit into 8 bits.
    """
    if transfer in _HIGH_DYNAMIC_RANGE:
        raise FormatError(
            f"its samples are of high dynamic range ({_HIGH_DYNAMIC_RANGE[transfer]}), which kmq "
            "does not map to sRGB; convert it to an sRGB PNG first"
        )
    notes: tuple[str, ...] = ()
    if primaries not in (*_PRIMARIES, UNSPECIFIED) or transfer not in (
        *_CURVES,
        *_VIDEO,
        UNSPECIFIED,
    ):
        return None, (
            f"its colour space (primaries {primaries}, transfer {transfer} of H.273) is not "
            "known: taken as sRGB",
        )
    if transfer in _VIDEO:
        notes = ("its transfer function is that of video: taken as sRGB's",)
    chromaticities = _PRIMARIES.get(primaries, SRGB_CHROMATICITIES)
    curve = _CURVES.get(transfer, srgb_curve)
    if chromaticities == SRGB_CHROMATICITIES and curve is srgb_curve:
        return None, notes
    return Space((curve,), xyz_of_primaries(chromaticities)), notes
