"""Saving an image with Pillow, but without silent losses that the format could avoid.

PNG files are made as small as Pillow's encoder allows; see `kmq.pixels.png`.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kmq.alpha import composite
from kmq.colors import Rgb
from kmq.errors import KmqError, OptionError
from kmq.extensions import picture_format
from kmq.image import IndexedImage
from kmq.limits import MAX_COLORS_OF_A_BYTE
from kmq.metadata import NOTHING, Metadata
from kmq.metadata.saving import save_options
from kmq.pixels import png
from kmq.pixels.transparency import BINARY_ALPHA, KEEP_ALPHA, with_binary_alpha

_OPTIONS: dict[str, dict[str, Any]] = {
    "GIF": {"optimize": False},  # optimising would drop unused entries
    "WEBP": {"lossless": True, "exact": True},
}
"""Options for formats that Pillow writes with losses by default."""

_LOSSY = ("AVIF", "JPEG", "MPO", "PDF")
"""Formats that are known to be lossy; users choose them knowingly."""

_LOSSLESS = ("BMP", "DIB", "EPS", "PNG", "TIFF", "WEBP")
"""Formats that keep every pixel of any image that they accept.

Others may not: GIF has 256 colours, and icons have fixed sizes.
"""


_DEEP, _WITH_DEEP = "I;16", ("PNG", "TIFF")
"""The mode of 16-bit labels, and the formats that keep them."""

_WITH_ALPHA = ("AVIF", "GIF", "ICO", "PNG", "TIFF", "WEBP")
"""Formats that keep transparent pixels."""


def indexed_to_file(
    indexed: IndexedImage,
    extension: str,
    *,
    background: Rgb | None = None,
    alpha: str = KEEP_ALPHA,
    bleeds: bool = False,
    optimize: bool = False,
) -> bytes:
    """Return an indexed image in the format of `extension` (such as ".png").

    The file keeps a palette of at most 256 entries, including unused ones. From a larger
    palette only the used entries count. A background is placed behind transparent pixels.
    `alpha` is "keep" or "binary". With bleeding, clear pixels hide the colour of the nearest
    visible one, and the file has no palette. The file keeps the metadata that the format
    supports; `metadata_notes` names the rest.

    Parameters and errors are those of `to_file`.
    """
    metadata = indexed.metadata
    if background is not None and indexed.has_alpha:
        colors, alphas = indexed.palette[:, :3], indexed.palette[:, 3]
        indexed = IndexedImage(composite(colors, alphas, background), indexed.indices)
    if alpha == BINARY_ALPHA and indexed.has_alpha:
        indexed = IndexedImage(with_binary_alpha(indexed.palette), indexed.indices)
    if bleeds and indexed.has_alpha:
        from kmq.pixels.bleeding import bleed  # its kernel loads numba

        bled = Image.fromarray(bleed(indexed.to_rgba()))
        return to_file(bled, extension, optimize=optimize, metadata=metadata)
    if len(indexed.palette) > MAX_COLORS_OF_A_BYTE and indexed.labels is None:
        indexed = _without_unused_entries(indexed)
    return to_file(
        indexed.to_pil(),
        extension,
        optimize=optimize,
        metadata=metadata,
        is_mask=indexed.labels is not None,
    )


def metadata_notes(metadata: Metadata, extension: str) -> tuple[str, ...]:
    """Return at most one note, about metadata that a file with this extension cannot keep."""
    return save_options(metadata, picture_format(extension) or "")[1]


def to_file(
    image: Image.Image,
    extension: str,
    *,
    optimize: bool = False,
    metadata: Metadata = NOTHING,
    is_mask: bool = False,
) -> bytes:
    """Return a Pillow image as a file in the format of `extension` (such as ".png").

    Every pixel is kept, except in formats that are always lossy. With `optimize`, which
    requires PNG, oxipng makes the file even smaller. The levels of a mask are numbers, which
    are never stored as samples of fewer bits or as indices.

    Raises
    ------
    OptionError
        If Pillow cannot write the format; if the format cannot keep the image's mode, size,
        transparency or colours; or if `optimize` is set for another format than PNG.
    """
    kind = picture_format(extension)
    if kind == "KMQ":
        raise OptionError(
            "output: .kmq is not an ordinary image format; use kmq encode, which also copies "
            ".kmq files with palette and indices unchanged"
        )
    if kind is None or kind not in Image.SAVE:
        raise OptionError(f"output: no picture format that can be written ends in {extension!r}")
    if optimize and kind != "PNG":
        raise OptionError(f"optimize: expected an output that ends in .png, got {extension}")
    if image.mode == _DEEP and kind not in _WITH_DEEP:
        raise OptionError(f"output: {extension} holds no labels of 16 bits; try .png or .tif")
    _check_transparency(image, kind, extension)
    try:
        options = _OPTIONS.get(kind, {}) | save_options(metadata, kind)[0]
        data = _saved_in_some_mode(image, kind, options, is_mask)
    except (KmqError, MemoryError):
        raise
    except Exception as error:  # Pillow's writers raise nearly anything on what they cannot hold
        raise OptionError(f"output: cannot be written as {extension}: {error}") from error
    if kind not in _LOSSY + _LOSSLESS and not _holds(data, kind, image):
        raise OptionError(
            f"output: {extension} does not keep this size and all these colours; try .png"
        )
    return png.optimized(data, is_mask=is_mask) if optimize else data


def _saved_in_some_mode(
    image: Image.Image, kind: str, options: dict[str, Any], is_mask: bool
) -> bytes:
    try:
        return _saved(image, kind, options, is_mask)
    except (OSError, ValueError):  # "cannot write mode P as JPEG", "Unsupported QOI image mode"
        plain = "RGBA" if image.has_transparency_data else "RGB"
        if image.mode == plain:
            raise
        return _saved(image.convert(plain), kind, options, is_mask)


def _check_transparency(image: Image.Image, kind: str, extension: str) -> None:
    """Raise OptionError if a format would lose the transparency of an image."""
    if not image.has_transparency_data:
        return
    if kind not in _WITH_ALPHA:
        raise OptionError(
            f"output: {extension} holds no transparent pixels; lay them over a colour with "
            "--background, or try .png"
        )
    if kind == "GIF" and _is_partly_transparent(image):
        raise OptionError(
            f"output: {extension} holds clear pixels but no partly transparent ones; make them "
            "clear or opaque with --alpha binary, or try .png"
        )


def _is_partly_transparent(image: Image.Image) -> bool:
    return any(image.convert("RGBA").getchannel("A").histogram()[1:255])


def _saved(image: Image.Image, kind: str, options: dict[str, Any], is_mask: bool) -> bytes:
    if kind == "PNG":
        return png.smallest(image, options, is_mask=is_mask)
    if kind == "GIF":
        image = _with_one_clear_entry(image)
    elif image.mode == "P" and image.has_transparency_data:
        image = image.convert("RGBA")  # Pillow writes palettes with alpha only into PNG
    file = io.BytesIO()
    image.save(file, format=kind, **options)
    return file.getvalue()


def _with_one_clear_entry(image: Image.Image) -> Image.Image:
    """Return an image of mode P whose clear pixels all have one index, as GIF requires."""
    alphas = image.info.get("transparency")
    if image.mode != "P" or not isinstance(alphas, bytes) or 0 not in alphas:
        return image
    clear = alphas.index(0)
    opaque = alphas.ljust(256, b"\xff")
    merged = image.point([index if opaque[index] else clear for index in range(256)])
    merged.putpalette(image.getpalette("RGB") or [], "RGB")  # Pillow sorts a shared one in place
    merged.info["transparency"] = clear
    return merged


def _without_unused_entries(indexed: IndexedImage) -> IndexedImage:
    used = np.zeros(len(indexed.palette), bool)
    used[indexed.indices] = True
    return IndexedImage(
        indexed.palette[used],
        (np.cumsum(used) - 1)[indexed.indices],
        is_grey_picture=indexed.is_grey_picture,
    )


def _holds(data: bytes, kind: str, image: Image.Image) -> bool:
    """Whether reading the file returns the image's size and pixels."""
    if kind not in Image.OPEN:
        return False
    open_file: Any = Image.OPEN[kind][0]  # as Image.open does, but with no limit on pixels
    try:
        with open_file(io.BytesIO(data), "") as written:
            return written.size == image.size and np.array_equal(_seen(written), _seen(image))
    except MemoryError:
        raise
    except Exception:  # Pillow's readers raise nearly anything; what cannot be read is not kept
        return False


def _seen(image: Image.Image) -> NDArray[np.uint8]:
    """Return the pixels, (H, W, 4), without the hidden colours of clear ones."""
    rgba = np.array(image.convert("RGBA"))
    rgba[rgba[..., 3] == 0] = 0
    return rgba
