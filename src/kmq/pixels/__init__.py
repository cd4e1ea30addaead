"""Reading and writing ordinary images.

Every input becomes upright sRGB pixels of 8 bits per channel:

    file ─ opening ─ readers ─▶ upright samples ─ colour ─▶ sRGB ─ transparency ─▶
    (H, W, 3) uint8, or (H, W, 4) if some pixel is not opaque
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Protocol, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kmq.colors import Rgb, parse_color
from kmq.errors import KmqError, OptionError, warn
from kmq.extensions import extension_of, picture_format
from kmq.image import IndexedImage
from kmq.limits import DEFAULT_MAX_PIXELS, check_pixel_count
from kmq.metadata import NOTHING, Metadata
from kmq.metadata.images import metadata_of
from kmq.pixels import arrays, frames
from kmq.pixels.colour import COLOUR_SPACE, UNUSABLE, eight_bits, to_srgb
from kmq.pixels.opening import UnknownKindError as UnknownKindError
from kmq.pixels.opening import is_trusted, open_image, unreadable
from kmq.pixels.readers import decoded
from kmq.pixels.readers.numbers import numbered, step_of
from kmq.pixels.samples import Samples
from kmq.pixels.saving import indexed_to_file as indexed_to_file
from kmq.pixels.saving import metadata_notes as metadata_notes
from kmq.pixels.saving import to_file as to_file
from kmq.pixels.standard_error import quiet
from kmq.pixels.transparency import KEEP_ALPHA, Transparency

ImageSource: TypeAlias = (
    "NDArray[Any] | SupportsArray | Image.Image | str | os.PathLike[str] | IO[bytes]"
)
"""An ordinary image: an array, a Pillow image, a path or a binary file."""


class SupportsArray(Protocol):
    """An object that converts itself to an array, such as a PyTorch tensor on the CPU."""

    def __array__(self) -> NDArray[Any]:
        """Return the array."""


@dataclass(frozen=True)
class Pixels:
    """The pixels of an image, its metadata, and notes about how it was read."""

    rgb: NDArray[np.uint8]
    """(H, W, 3) sRGB, or (H, W, 4) with alpha, not premultiplied, if some is below 255."""
    notes: tuple[str, ...] = ()
    """Notes for the user, one line each."""
    lost: tuple[str, ...] = ()
    """Properties of the source that `rgb` lacks, one phrase each ("16 bits per channel").

    Empty only if `rgb` contains every sample of the source, so that an exact copy of `rgb` is
    also an exact copy of the source.
    """
    metadata: Metadata = NOTHING
    """The image's metadata, as far as they can be kept."""
    indexed: IndexedImage | None = None
    """The same image with its own palette and indices; None if it has no palette."""
    frame: str = ""
    """The picture chosen from the file, such as "page 2"; empty if none was."""


@quiet()
def read(
    source: ImageSource,
    *,
    background: str | Rgb | None = None,
    alpha: str = KEEP_ALPHA,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    frame: int | None = None,
    strip: bool = False,
    as_labels: bool = False,
) -> Pixels:
    """Return the pixels of an ordinary image, and its metadata.

    Parameters
    ----------
    source
        An array, or an object with `__array__`, of shape (H, W) or (H, W, 1) grey,
        (H, W, 3) RGB or (H, W, 4) RGBA: bool; floats from 0 to 1; uint16, 0 to 65,535,
        scaled to 8 bits; or any other integer dtype with values from 0 to 255. A Pillow
        image; a path; a binary file.
    background
        Colour behind transparent pixels, which makes them opaque: a name or hex code that
        Pillow knows, or (red, green, blue), each 0 to 255.
    alpha
        "keep", or "binary": alpha below 128 becomes 0, any other becomes 255.
    max_pixels
        Larger images are refused before their pixels are read. So are files with more pixels
        than `PIL.Image.MAX_IMAGE_PIXELS`, if the program has set that.
    frame
        Which page or frame of a file to read, from 1. None reads the first and notes that
        there are others.
    strip
        Drop the metadata without a note.
    as_labels
        The samples of a file are label numbers. Those of a grey picture become an image of
        labels in `Pixels.indexed`; a palette image already has indices.

    Raises
    ------
    FormatError
        If the file is not an image, is damaged, or has samples without a defined range.
    LimitError
        If there are more than `max_pixels` pixels, or more than Pillow may read.
    OptionError
        If an array has a wrong shape, dtype or value or is masked; if the background is not
        a colour; or if the file has fewer frames.
    OSError
        If a path cannot be opened.
    """
    transparency = Transparency(None if background is None else parse_color(background), alpha)
    if isinstance(source, Image.Image):
        return _from_image(source, transparency, max_pixels, strip)
    if isinstance(source, str | os.PathLike):
        with Path(os.fsdecode(source)).open("rb") as file:
            return _from_file(file, transparency, max_pixels, frame, strip, as_labels)
    if hasattr(source, "read"):
        return _from_file(
            cast("IO[bytes]", source), transparency, max_pixels, frame, strip, as_labels
        )
    if hasattr(source, "__array__"):
        return _from_array(source, transparency, max_pixels)
    raise OptionError(
        f"image: expected an array, a Pillow image, a path or a file, got {type(source).__name__}"
    )


def read_with_warnings(
    source: ImageSource,
    *,
    background: str | Rgb | None = None,
    alpha: str = KEEP_ALPHA,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    strip: bool = False,
) -> Pixels:
    """Do what `read` does, and issue each note as a KmqWarning that begins with the file name."""
    pixels = read(source, background=background, alpha=alpha, max_pixels=max_pixels, strip=strip)
    name = source if isinstance(source, str | os.PathLike) else getattr(source, "name", None)
    is_named = isinstance(name, str | os.PathLike)
    for note in pixels.notes:
        warn(f"{os.fsdecode(name)}: {note}" if is_named else note)  # type: ignore[arg-type]
    return pixels


def is_image_name(name: str) -> bool:
    """Whether a file name has the extension of an image that kmq reads."""
    kind = picture_format(extension_of(name))
    return kind is not None and is_trusted(kind)


def _from_array(source: Any, transparency: Transparency, max_pixels: int) -> Pixels:
    array = arrays.checked_shape(arrays.as_array(source))
    check_pixel_count(array.shape[1], array.shape[0], max_pixels)
    levels, was_rounded = arrays.sample_levels(array)
    lost: tuple[str, ...] = ("samples between 8-bit levels",) if was_rounded else ()
    if levels.ndim == 2:
        return _pixels(Samples(levels, "L", lost=lost), transparency)
    alpha = levels[..., 3] if levels.shape[2] == 4 else None
    return _pixels(Samples(levels[..., :3], "RGB", alpha, lost=lost), transparency)


@quiet()
def count_frames(path: str | os.PathLike[str], max_pixels: int = DEFAULT_MAX_PIXELS) -> int | None:
    """Return how many pages or frames a picture file has; None if some are damaged.

    Raises
    ------
    FormatError, LimitError, OSError
        The errors of `read`.
    """
    with Path(path).open("rb") as file, open_image(file, max_pixels) as image:
        return frames.count(image)


def _from_file(
    file: IO[bytes],
    transparency: Transparency,
    max_pixels: int,
    frame: int | None,
    strip: bool,
    as_labels: bool,
) -> Pixels:
    with open_image(file, max_pixels) as image:
        word = frames.word_for(image)
        if frame is not None:
            frames.select(image, frame)
            pixels = _from_image(image, transparency, max_pixels, strip, as_labels)
            return replace(pixels, frame=f"{word} {frame:,}")
        pixels = _from_image(image, transparency, max_pixels, strip, as_labels)
        count = frames.count(image)
    if count == 1:
        return pixels
    held = f"the first of its {count:,} {word}s" if count is not None else f"its first {word}"
    return replace(
        pixels,
        notes=(f"only {held} is taken", *pixels.notes),
        lost=(*pixels.lost, f"{word}s after the first"),
    )


def _from_image(
    image: Image.Image,
    transparency: Transparency,
    max_pixels: int,
    strip: bool,
    as_labels: bool = False,
) -> Pixels:
    if 0 in image.size:
        raise OptionError(f"image: expected at least one pixel, got {image.width} x {image.height}")
    check_pixel_count(image.width, image.height, max_pixels)
    try:
        step = step_of(image) if as_labels else 1
        samples = decoded(image)
        if as_labels:
            samples = numbered(samples, step)
        elif image.format == "GIF":  # whose later frames Pillow lays over each other in RGB
            samples = samples.with_a_palette()
    except (KmqError, MemoryError):
        raise
    except Exception as error:  # Pillow's decoders raise nearly anything on damaged bytes
        raise unreadable(image.format, error) from error
    pixels = _pixels(samples, transparency)
    if strip:
        return pixels
    is_converted = COLOUR_SPACE in pixels.lost and UNUSABLE not in pixels.notes
    metadata, notes = metadata_of(image, is_converted=is_converted)
    return replace(pixels, metadata=metadata, notes=(*pixels.notes, *notes))


def _pixels(samples: Samples, transparency: Transparency) -> Pixels:
    """Return samples as sRGB pixels, with the requested treatment of transparency."""
    if samples.palette is not None:
        return _palette_image(samples, samples.palette, transparency)
    converted = to_srgb(samples)
    alpha = None if samples.alpha is None else eight_bits(samples.alpha)
    treated, lost = transparency.treated(converted.rgb, alpha)
    return Pixels(
        treated,
        (*samples.notes, *converted.notes),
        (*samples.lost, *converted.lost, *lost),
    )


def _palette_image(
    samples: Samples, palette: NDArray[np.uint8], transparency: Transparency
) -> Pixels:
    """Convert the palette like a picture of one row, so that every pixel keeps its index."""
    row = replace(
        samples, values=palette[None, :, :3], kind="RGB", alpha=palette[None, :, 3], palette=None
    )
    treated = _pixels(row, transparency)
    colors = treated.rgb[0]
    indexed = IndexedImage.owning(
        np.ascontiguousarray(colors),
        np.array(samples.values, order="C"),
        is_grey_picture=samples.is_grey_picture,
        labels=samples.labels,
    )
    is_used = np.zeros(len(colors), bool)
    is_used[indexed.indices] = True
    if colors.shape[1] == 4 and (colors[is_used, 3] == 255).all():
        colors = colors[:, :3]
    return replace(treated, rgb=np.take(colors, indexed.indices, axis=0), indexed=indexed)
