"""Upright samples as a file stores them, before colour conversion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kmq.errors import FormatError
from kmq.image import palette_of
from kmq.limits import MAX_COLORS_OF_A_BYTE
from kmq.metadata.images import orientation as orientation
from kmq.pixels.spaces import Space

Levels: TypeAlias = "NDArray[Any]"
"""uint8 or uint16, 0 to the largest number of the dtype."""

Kind: TypeAlias = Literal["L", "RGB", "CMYK", "LAB", "P"]
"""The kind of channels: grey (0 is black), or those of Pillow's mode of this name."""

_SIXTEEN_BIT_GREY = ("I;16", "I;16L", "I;16B", "I;16N")

_TURNS: dict[int, Callable[[NDArray[Any]], NDArray[Any]]] = {
    2: lambda rows: rows[:, ::-1],
    3: lambda rows: rows[::-1, ::-1],
    4: lambda rows: rows[::-1],
    5: lambda rows: rows.swapaxes(0, 1),
    6: lambda rows: np.rot90(rows, -1),
    7: lambda rows: rows[::-1, ::-1].swapaxes(0, 1),
    8: lambda rows: np.rot90(rows),
}
"""The operation that turns a picture of each EXIF orientation upright; 1 needs none."""


@dataclass(frozen=True)
class Samples:
    """The samples of a picture, and their meaning according to the file."""

    values: Levels
    """(H, W) if `kind` is "L" or "P", otherwise (H, W, channels). For "P", they are indices."""
    kind: Kind = "RGB"
    alpha: Levels | None = None
    """(H, W), with the dtype of `values`; None if the picture is opaque."""
    colour: bytes | Space | None = None
    """An ICC profile or a space; None means sRGB."""
    notes: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    palette: NDArray[np.uint8] | None = None
    """(K, 4) red, green, blue and alpha, one entry per index; only if `kind` is "P"."""
    is_grey_picture: bool = False
    """Whether the indices carry no meaning beyond the greys of the palette."""
    labels: NDArray[np.uint16] | None = None
    """(K,) the labels of the palette's entries; None if they are colours."""

    def turned(self, orientation: int) -> Samples:
        """Return the samples of a picture of this EXIF orientation upright."""
        turn = _TURNS.get(orientation)
        if turn is None:
            return self
        alpha = None if self.alpha is None else turn(self.alpha)
        return replace(self, values=turn(self.values), alpha=alpha)

    def with_a_palette(self) -> Samples:
        """Return 8-bit RGB samples of at most 256 colours as indices; others unchanged."""
        if self.kind != "RGB" or self.values.dtype != np.uint8:
            return self
        alpha = np.full(self.values.shape[:2], 255, np.uint8) if self.alpha is None else self.alpha
        rgba = np.concatenate([self.values, alpha[..., np.newaxis]], axis=2)
        colors, indices = np.unique(rgba.view(">u4")[..., 0], return_inverse=True)
        if len(colors) > MAX_COLORS_OF_A_BYTE:
            return self
        return replace(
            self,
            values=indices.reshape(alpha.shape).astype(np.uint8),
            kind="P",
            alpha=None,
            palette=colors.view(np.uint8).reshape(-1, 4),
        )


def of_image(image: Image.Image) -> Samples:
    """Return the samples of a Pillow image as Pillow decodes them.

    Raises
    ------
    FormatError
        If it has 32-bit samples, which have no defined white.
    """
    low_bits = _loses_low_bits(image)
    image.load()
    samples = replace(_of_mode(image), colour=image.info.get("icc_profile"))
    if low_bits:
        samples = replace(samples, lost=(*samples.lost, "16 bits per channel"))
    return samples.turned(orientation(image))


def from_key(values: Levels, key: Any) -> Levels | None:
    """Return the alpha of a picture in which the colour `key` is transparent."""
    if key is None:
        return None
    matches = values == np.asarray(key)
    is_clear = matches.all(axis=2) if values.ndim == 3 else matches
    return np.where(is_clear, 0, np.iinfo(values.dtype).max).astype(values.dtype)


def too_deep(what: str) -> FormatError:
    """Return the error for samples without a defined range."""
    return FormatError(f"{what} have no defined white; convert them to 16 bits first")


def _of_mode(image: Image.Image) -> Samples:
    key = image.info.get("transparency")
    if image.mode in (*_SIXTEEN_BIT_GREY, "I"):
        values = _deep_grey(image)
        return Samples(values, "L", from_key(values, key))
    if image.mode == "F":
        raise too_deep("floating-point samples")
    if image.mode in ("1", "L"):
        values = np.asarray(image.convert("L"))
        return Samples(values, "L", from_key(values, key))
    if image.mode == "P":
        return Samples(np.asarray(image), "P", palette=palette_of(image))
    if image.mode in ("La", "LA"):
        both = np.asarray(image.convert("LA"))
        return Samples(both[..., 0], "L", both[..., 1])
    if image.has_transparency_data:
        rgba = np.asarray(image.convert("RGBA"))
        return Samples(np.ascontiguousarray(rgba[..., :3]), "RGB", rgba[..., 3])
    if image.mode in ("RGB", "CMYK", "LAB"):
        return Samples(np.asarray(image), image.mode)  # type: ignore[arg-type]  # one of Literal
    lost = () if image.mode == "RGBX" else (f"colours as {image.mode}",)
    return Samples(np.asarray(image.convert("RGB")), "RGB", lost=lost)


def _deep_grey(image: Image.Image) -> NDArray[np.uint16]:
    """Return samples that Pillow keeps in more than 8 bits, but scales to 16 only from a PGM."""
    deep = np.asarray(image)
    is_scaled = image.mode != "I" or image.format in (None, "PPM")
    if not is_scaled or deep.min() < 0 or deep.max() > 0xFFFF:
        raise too_deep("samples of 32 bits")
    return deep.astype(np.uint16)


def _loses_low_bits(image: Image.Image) -> bool:
    """Whether Pillow will reduce 16-bit samples to 8 bits, as it does for a deep PPM or SGI."""
    if image.mode in (*_SIXTEEN_BIT_GREY, "I"):
        return False
    for tile in getattr(image, "tile", ()):
        args = tile[3] if isinstance(tile[3], tuple) else (tile[3],)
        is_deep_ppm = tile[0].startswith("ppm") and args[-1] > 0xFF
        if is_deep_ppm or tile[0] == "SGI16" or str(args[0]).endswith((";16B", ";16L", ";16N")):
            return True
    return False
