"""From a file's colour space to sRGB.

For 8-bit colours, lcms applies ICC profiles. Pillow cannot pass 16-bit colours to lcms, so
these, and grey of any depth, are computed from the profile's curves and matrix. So are the
spaces that PNG and AVIF name without a profile.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kmq.pixels import profiles
from kmq.pixels.samples import Levels, Samples
from kmq.pixels.spaces import Space, is_rounding

UNUSABLE = "its colour profile cannot be used: taken as sRGB"

_Conversion: TypeAlias = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]


class Converted(NamedTuple):
    """sRGB pixels, and notes about their conversion."""

    rgb: NDArray[np.uint8]
    """(H, W, 3)"""
    notes: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


def to_srgb(samples: Samples) -> Converted:
    """Return samples as sRGB pixels of 8 bits per channel."""
    colour = samples.colour
    space = profiles.space_of(colour) if isinstance(colour, bytes) else colour
    is_left_to_lcms = (
        isinstance(colour, bytes) and samples.kind == "RGB" and samples.values.dtype == np.uint8
    )
    if space is not None and not is_left_to_lcms and _fits(space, samples.kind):
        return _by_space(samples.values, space)
    low_bits = _lost_by_eight_bits(samples.values)
    eight = eight_bits(samples.values)
    if isinstance(colour, bytes) and colour:
        converted = _by_profile(eight, samples.kind, colour)
    else:
        converted = _without_profile(eight, samples.kind)
    return converted._replace(lost=low_bits + converted.lost)


def eight_bits(levels: Levels) -> NDArray[np.uint8]:
    """Scale 0..65535 to 0..255, rounded to nearest."""
    if levels.dtype == np.uint8:
        return levels
    return ((levels.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _lost_by_eight_bits(levels: Levels) -> tuple[str, ...]:
    """Report that low bits are lost, unless each sample is an 8-bit one repeated."""
    is_lost = levels.dtype == np.uint16 and bool((levels % 257).any())
    return ("16 bits per channel",) if is_lost else ()


def _fits(space: Space, kind: str) -> bool:
    return kind == "L" or (kind == "RGB" and not space.is_grey)


COLOUR_SPACE = "its colour space"
"""The loss when colours are converted from a space other than sRGB."""
_CONVERTED = (COLOUR_SPACE,)


def _by_space(values: Levels, space: Space) -> Converted:
    if space.is_srgb():
        return Converted(_as_rgb(eight_bits(values)), lost=_lost_by_eight_bits(values))
    return Converted(space.to_srgb(values), lost=_CONVERTED)


def _without_profile(values: NDArray[np.uint8], kind: str) -> Converted:
    if kind in ("L", "RGB"):
        return Converted(_as_rgb(values))
    if kind == "LAB":
        return Converted(_by_distinct_colors(values, _lab_to_srgb), lost=("colours as LAB",))
    converted = Image.fromarray(values, kind).convert("RGB")
    return Converted(np.asarray(converted), lost=("colours as CMYK",))


def _by_profile(values: NDArray[np.uint8], kind: str, profile: bytes) -> Converted:
    """Convert with an ICC profile; add a note if it is unusable."""
    from PIL import ImageCms

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if kind == "L":
            return _grey_by_profile(values, source)
        convert = _conversion(source, kind)
        if kind == "RGB" and _moves_nothing(convert):
            return Converted(values)
        if kind == "LAB":
            return Converted(_by_distinct_colors(values, convert), lost=_CONVERTED)
        return Converted(convert(values), lost=_CONVERTED)
    except (ImageCms.PyCMSError, OSError, ValueError):
        converted = _without_profile(values, kind)
        return converted._replace(notes=(UNUSABLE,), lost=_CONVERTED)


def _grey_by_profile(values: NDArray[np.uint8], source: Any) -> Converted:
    """Convert grey with a grey profile, or as RGB with an RGB profile."""
    levels = np.arange(256, dtype=np.uint8)[None]
    is_grey = source.profile.xcolor_space.strip() == "GRAY"
    table = (
        _conversion(source, "L")(levels) if is_grey else _conversion(source, "RGB")(_as_rgb(levels))
    )
    if is_rounding(table, _as_rgb(levels)):
        return Converted(_as_rgb(values))
    return Converted(table[0][values], lost=_CONVERTED)


def _conversion(source: Any, mode: str) -> _Conversion:
    """Return lcms' conversion to sRGB.

    Its tables of 33 points per axis are up to 39 levels off for L*a*b*, which is therefore
    computed colour by colour; for RGB and CMYK they are exact up to rounding.
    """
    from PIL import ImageCms

    flags = ImageCms.Flags.NOOPTIMIZE if mode in ("L", "LAB") else ImageCms.Flags.NONE
    transform = ImageCms.buildTransform(
        source, ImageCms.createProfile("sRGB"), mode, "RGB", flags=flags
    )

    def convert(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
        converted = ImageCms.applyTransform(Image.fromarray(values, mode), transform)
        return np.asarray(converted)

    return convert


def _lab_to_srgb(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    from PIL import ImageCms

    return _conversion(ImageCms.createProfile("LAB"), "LAB")(values)


def _moves_nothing(convert: _Conversion) -> bool:
    """Whether a profile is equivalent to sRGB: it moves no colour by more than rounding."""
    levels = np.linspace(0, 255, 9).round().astype(np.uint8)
    cube = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(9, 81, 3)
    return is_rounding(convert(cube), cube)


def _by_distinct_colors(values: NDArray[np.uint8], convert: _Conversion) -> NDArray[np.uint8]:
    """Convert each distinct colour once."""
    wide = values.astype(np.uint32)
    packed = wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]
    distinct, inverse = np.unique(packed, return_inverse=True)
    colors = np.stack([distinct >> 16, distinct >> 8 & 255, distinct & 255], axis=-1)
    converted: NDArray[np.uint8] = convert(colors.astype(np.uint8)[None])[0]
    by_pixel: NDArray[np.uint8] = converted[inverse.reshape(packed.shape)]
    return by_pixel


def _as_rgb(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(values[..., None], 3, axis=2) if values.ndim == 2 else values
