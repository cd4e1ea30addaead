"""Ordinary images in and out: the one module that knows Pillow's modes, EXIF, ICC, 16 bits.

Whatever comes in leaves as sRGB pixels of 8 bits a channel, upright and opaque:

    Pillow image ─ samples of 8 bits ─ upright ─ sRGB ─ alpha onto the background ─▶ (H, W, 3) uint8
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kmq.colors import Rgb, parse_color
from kmq.errors import FormatError, KmqError, OptionError, warn
from kmq.limits import DEFAULT_MAX_PIXELS, check_pixel_count
from kmq.pixels import arrays
from kmq.pixels.opening import UnknownKindError as UnknownKindError
from kmq.pixels.opening import is_trusted, open_image, unreadable
from kmq.pixels.samples import deep_samples, is_sixteen_bit_png, tiff_levels, upright
from kmq.pixels.saving import indexed_to_file as indexed_to_file
from kmq.pixels.saving import to_file as to_file

ImageSource: TypeAlias = (
    "NDArray[Any] | SupportsArray | Image.Image | str | os.PathLike[str] | IO[bytes]"
)
"""An array, a Pillow image, a path, or a binary file: what holds an ordinary image."""

_SIXTEEN_BIT_GREY = ("I;16", "I;16L", "I;16B", "I;16N", "I")
_MOST_LEVELS_FROM_SRGB = 1


class SupportsArray(Protocol):
    """An object that converts itself to an array, such as a PyTorch tensor on the CPU."""

    def __array__(self) -> NDArray[Any]:
        """Return the array."""


@dataclass(frozen=True)
class Pixels:
    """What an image holds, and what was done to it that a person may want to know."""

    rgb: NDArray[np.uint8]
    """(H, W, 3), sRGB."""
    notes: tuple[str, ...] = ()
    """What a person should be told, one line each."""
    lost: tuple[str, ...] = ()
    """What the source held and `rgb` does not, one phrase each ("16 bits per channel").

    Empty only if `rgb` holds every sample of the source, so that a copy without error
    is a copy of the source as well.
    """


def read(
    source: ImageSource,
    *,
    background: str | Rgb | None = None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
) -> Pixels:
    """Return the pixels of an ordinary image.

    Parameters
    ----------
    source
        An array, or an object with `__array__`, of shape (H, W) or (H, W, 1) grey,
        (H, W, 3) RGB or (H, W, 4) RGBA: bool; floats from 0 to 1; uint16, 0 to 65,535,
        scaled to 8 bits; any other integer dtype, whose values are 0 to 255. A Pillow
        image; a path; a binary file.
    background
        Colour put behind transparent pixels: a name or hex code that Pillow knows,
        or (red, green, blue), each 0 to 255.
    max_pixels
        Larger images are refused before their pixels are read. So are those of a path
        or a binary file above `PIL.Image.MAX_IMAGE_PIXELS`, unless that is None.

    Raises
    ------
    FormatError
        If the file is no image, damaged, or of a kind without a defined range.
    LimitError
        If there are more than `max_pixels` pixels, or than Pillow is allowed to read.
    OptionError
        If an array's shape, dtype or a value does not fit, or it is a masked array; the
        background is no colour; or there are transparent pixels and no background.
    OSError
        If a path cannot be opened.
    """
    behind = None if background is None else parse_color(background)
    if isinstance(source, Image.Image):
        return _from_image(source, behind, max_pixels)
    if isinstance(source, str | os.PathLike):
        with Path(os.fsdecode(source)).open("rb") as file:
            return _from_file(file, behind, max_pixels)
    if hasattr(source, "read"):
        return _from_file(cast("IO[bytes]", source), behind, max_pixels)
    if hasattr(source, "__array__"):
        return _from_array(source, behind, max_pixels)
    raise OptionError(
        f"image: expected an array, a Pillow image, a path or a file, got {type(source).__name__}"
    )


def read_with_warnings(
    source: ImageSource,
    *,
    background: str | Rgb | None = None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
) -> Pixels:
    """Do what `read` does, and issue each note as a KmqWarning, after the file's name."""
    pixels = read(source, background=background, max_pixels=max_pixels)
    name = source if isinstance(source, str | os.PathLike) else getattr(source, "name", None)
    is_named = isinstance(name, str | os.PathLike)
    for note in pixels.notes:
        warn(f"{os.fsdecode(name)}: {note}" if is_named else note)  # type: ignore[arg-type]
    return pixels


def is_image_name(name: str) -> bool:
    """Whether a file of this name should be an image that kmq reads."""
    kind = Image.registered_extensions().get(Path(name).suffix.lower())
    return kind is not None and is_trusted(kind)


def _from_array(source: Any, background: Rgb | None, max_pixels: int) -> Pixels:
    array = arrays.checked_shape(arrays.as_array(source))
    check_pixel_count(array.shape[1], array.shape[0], max_pixels)
    levels, was_rounded = arrays.sample_levels(array)
    lost: tuple[str, ...] = ("samples between 8-bit levels",) if was_rounded else ()
    if levels.dtype == np.uint16:
        lost = _lost_by_eight_bits(levels)
        levels = _eight_bits(levels)
    if levels.ndim == 2:
        return Pixels(_grey_to_rgb(levels), lost=lost)
    alpha = levels[..., 3] if levels.shape[2] == 4 else None
    rgb = _opaque(levels[..., :3], alpha, background)
    return Pixels(rgb, lost=lost + _lost_by_background(alpha))


def _from_file(file: IO[bytes], background: Rgb | None, max_pixels: int) -> Pixels:
    with open_image(file, max_pixels) as image:
        pixels = _from_image(image, background, max_pixels)
        if _is_animated(image):
            note = "animated: only its first frame is taken"
            lost = (*pixels.lost, "frames after the first")
            pixels = Pixels(pixels.rgb, (note, *pixels.notes), lost)
    return pixels


def _is_animated(image: Image.Image) -> bool:
    try:  # to count its frames Pillow reads them all
        return image.format != "MPO" and bool(getattr(image, "is_animated", False))
    except MemoryError:
        raise
    except Exception:  # it has more than the first, and they are damaged
        return True


def _from_image(image: Image.Image, background: Rgb | None, max_pixels: int) -> Pixels:
    if 0 in image.size:
        raise OptionError(f"image: expected at least one pixel, got {image.width} x {image.height}")
    check_pixel_count(image.width, image.height, max_pixels)
    try:
        samples, alpha, lost = _upright_samples(image)
    except (KmqError, MemoryError):
        raise
    except Exception as error:  # Pillow's decoders raise nearly anything on damaged bytes
        raise unreadable(image.format, error) from error
    profile = image.info.get("icc_profile")
    rgb, notes, was_converted = _to_srgb(samples, profile)
    if notes or was_converted:
        lost = (*lost, "colours outside sRGB")
    lost += _lost_by_background(alpha)
    return Pixels(_opaque(rgb, alpha, background), notes, lost)


def _upright_samples(
    image: Image.Image,
) -> tuple[Image.Image, NDArray[np.uint8] | None, tuple[str, ...]]:
    """Return the image in mode L, RGB, CMYK or LAB, its alpha, and what was lost.

    The EXIF orientation has been applied.
    """
    if is_sixteen_bit_png(image):
        deep = deep_samples(image)
        samples, alpha = _without_key(deep, image.info.get("transparency"))
        return Image.fromarray(samples), alpha, _lost_by_eight_bits(deep)
    image.load()
    tags = getattr(image, "tag_v2", {})
    image = upright(image)
    if image.mode in _SIXTEEN_BIT_GREY:
        deep = np.asarray(image)
        if image.mode == "I" and (deep.min() < 0 or deep.max() > 0xFFFF):
            raise FormatError("samples of 32 bits have no defined white; convert them to 16 bits")
        deep = tiff_levels(deep.astype(np.uint16), tags)
        samples, alpha = _without_key(deep, image.info.get("transparency"))
        return Image.fromarray(samples), alpha, _lost_by_eight_bits(deep)
    if image.mode == "F":
        raise FormatError("floating-point samples have no defined white; convert them to 16 bits")
    if image.mode == "La":
        image = image.convert("LA")
    if image.mode == "LA":
        return image.getchannel("L"), np.asarray(image.getchannel("A")), ()
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return rgba.convert("RGB"), np.asarray(rgba)[..., 3], ()
    if image.mode in ("L", "RGB", "CMYK", "LAB"):
        return image, None, ()
    lost = () if image.mode in ("1", "P") else (f"colours as {image.mode}",)
    return image.convert("L" if image.mode == "1" else "RGB"), None, lost


def _without_key(
    deep: NDArray[np.uint16], key: Any
) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """Return 8-bit samples and alpha; `key` is the sample value that PNG calls transparent."""
    samples = _eight_bits(deep)
    if deep.ndim == 3 and deep.shape[2] == 4:
        return np.ascontiguousarray(samples[..., :3]), samples[..., 3]
    if key is None:
        return samples, None
    matches = deep == np.asarray(key, np.uint16)
    is_clear = matches.all(axis=2) if deep.ndim == 3 else matches
    return samples, np.where(is_clear, 0, 255).astype(np.uint8)


def _eight_bits(deep: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Scale 0..65535 to 0..255, to the nearest."""
    return ((deep.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _lost_by_eight_bits(deep: NDArray[np.uint16]) -> tuple[str, ...]:
    """Say that 16 bits were lost, unless each sample is one of 8 bits, repeated."""
    return ("16 bits per channel",) if (deep % 257).any() else ()


def _lost_by_background(alpha: NDArray[np.uint8] | None) -> tuple[str, ...]:
    return () if alpha is None or alpha.min() == 255 else ("transparency",)


def _to_srgb(
    image: Image.Image, profile: bytes | None
) -> tuple[NDArray[np.uint8], tuple[str, ...], bool]:
    """Return (H, W, 3) sRGB samples, a note if the profile is useless, whether any changed."""
    if not profile:
        return _rgb_samples(image), (), image.mode in ("CMYK", "LAB")
    from PIL import ImageCms

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        transform = ImageCms.buildTransform(
            source, ImageCms.createProfile("sRGB"), image.mode, "RGB"
        )
        if image.mode == "RGB" and _is_nearly_identity(transform):
            return _rgb_samples(image), (), False
        converted = ImageCms.applyTransform(image, transform)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return _rgb_samples(image), ("its colour profile cannot be used: taken as sRGB",), True
    assert converted is not None
    return np.asarray(converted), (), True


def _is_nearly_identity(transform: Any) -> bool:
    """Whether a profile is sRGB under another name: it moves no colour by more than rounding."""
    from PIL import ImageCms

    levels = np.linspace(0, 255, 9).round().astype(np.uint8)
    cube = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(9, 81, 3)
    moved = ImageCms.applyTransform(Image.fromarray(cube), transform)
    return bool(np.abs(np.asarray(moved).astype(np.int16) - cube).max() <= _MOST_LEVELS_FROM_SRGB)


def _rgb_samples(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode == "L":
        return _grey_to_rgb(np.asarray(image))
    return np.asarray(image.convert("RGB"))


def _grey_to_rgb(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(grey[..., None], 3, axis=2)


def _opaque(
    rgb: NDArray[np.uint8], alpha: NDArray[np.uint8] | None, background: Rgb | None
) -> NDArray[np.uint8]:
    """Return C-contiguous pixels over the background; an alpha channel of 255 is dropped."""
    if alpha is None or alpha.min() == 255:
        return np.ascontiguousarray(rgb)
    if background is None:
        raise OptionError(
            "the image has transparent pixels, which a palette cannot hold; name the colour "
            "to put behind them with background= or --background, for example white"
        )
    weight = alpha[..., None].astype(np.uint32)
    blended = rgb * weight + np.array(background, np.uint32) * (255 - weight)
    return ((blended + 127) // 255).astype(np.uint8)
