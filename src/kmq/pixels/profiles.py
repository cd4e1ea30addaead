"""ICC profiles that consist of curves and a matrix, read as spaces (ICC.1:2022)."""

from __future__ import annotations

import struct

import numpy as np

from kmq.pixels.spaces import Curve, Floats, Space, power_curve

_HEADER_BYTES = 128
_TABLES = (b"A2B0", b"A2B1", b"A2B2")
"""Tags of colour tables, which take precedence over curves and a matrix."""


def space_of(profile: bytes) -> Space | None:
    """Return the space of a profile; None if it has a table, is damaged, or of another kind.

    The latter are left to lcms, which reads them all, but not with 16-bit samples.
    """
    try:
        return _space_of(profile)
    except (ValueError, LookupError, ArithmeticError, struct.error):
        return None


def _space_of(profile: bytes) -> Space | None:
    tags = _tags(profile)
    channels, connection = profile[16:20], profile[20:24]
    if connection != b"XYZ " or any(name in tags for name in _TABLES):
        return None
    if channels == b"GRAY":
        return Space((_curve(tags[b"kTRC"]),))
    if channels == b"RGB ":
        curves = tuple(_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC"))
        columns = [_xyz(tags[name]) for name in (b"rXYZ", b"gXYZ", b"bXYZ")]
        return Space(curves, np.stack(columns, axis=1))
    return None


def _tags(profile: bytes) -> dict[bytes, bytes]:
    """Return the contents of each tag in the table after the header."""
    (count,) = struct.unpack_from(">I", profile, _HEADER_BYTES)
    entries = (
        struct.unpack_from(">4sII", profile, _HEADER_BYTES + 4 + 12 * i)
        for i in range(min(count, len(profile) // 12))
    )
    return {name: profile[start : start + length] for name, start, length in entries}


def _xyz(tag: bytes) -> Floats:
    _expect(tag, b"XYZ ")
    return np.array(struct.unpack_from(">3i", tag, 8)) / 65536


def _curve(tag: bytes) -> Curve:
    if tag[:4] == b"para":
        return _parametric_curve(tag)
    _expect(tag, b"curv")
    (count,) = struct.unpack_from(">I", tag, 8)
    if count == 0:
        return power_curve(1)
    if count == 1:
        return power_curve(_positive(struct.unpack_from(">H", tag, 12)[0] / 256))
    table = np.frombuffer(tag, ">u2", count, 12) / 65535
    return lambda samples: np.interp(samples, np.linspace(0, 1, count), table)


_PARAMETERS = (1, 3, 4, 5, 7)
"""The number of parameters of each function type of a parametric curve (section 10.18)."""


def _parametric_curve(tag: bytes) -> Curve:
    kind = struct.unpack_from(">H", tag, 8)[0]
    given = [number / 65536 for number in struct.unpack_from(f">{_PARAMETERS[kind]}i", tag, 12)]
    gamma = _positive(given[0])
    a, b = given[1:3] if kind >= 1 else (1.0, 0.0)
    if kind <= 2:  # a power where its base is positive, and a constant below
        constant = given[3] if kind == 2 else 0.0
        c, d = 0.0, (-b / a if kind >= 1 else 0.0)
        e, f = constant, constant
    else:
        c, d = given[3:5]
        e, f = given[5:7] if kind == 4 else (0.0, 0.0)

    def curve(samples: Floats) -> Floats:
        with np.errstate(over="ignore"):  # from numbers that no profile should contain
            power = np.maximum(a * samples + b, 0) ** gamma + e
        return np.clip(np.where(samples >= d, power, c * samples + f), 0, 1)

    return curve


def _positive(gamma: float) -> float:
    if gamma <= 0:
        raise ValueError(f"a gamma of {gamma}")
    return gamma


def _expect(tag: bytes, kind: bytes) -> None:
    if tag[:4] != kind:
        raise ValueError(f"a tag of type {tag[:4]!r} where {kind!r} belongs")
