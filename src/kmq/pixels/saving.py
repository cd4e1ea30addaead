"""Saving an image as Pillow does, but without a silent loss that the format does not have.

PNG files are made as small as Pillow's encoder allows, see `kmq.pixels.png`.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

from kmq.errors import KmqError, OptionError
from kmq.image import IndexedImage
from kmq.limits import MAX_COLORS, MAX_COLORS_OF_A_BYTE
from kmq.pixels import png

_OPTIONS: dict[str, dict[str, Any]] = {"WEBP": {"lossless": True}, "KMQ": {"colors": MAX_COLORS}}
"""For formats that Pillow writes with loss unless it is told otherwise."""

_LOSSY = ("AVIF", "JPEG", "MPO", "PDF")
"""Formats whose loss is known, and is what those who ask for them choose."""

_LOSSLESS = ("BMP", "DIB", "EPS", "KMQ", "PNG", "TIFF", "WEBP")
"""Formats that keep every pixel of any size and any number of colours that they take at all.

Of any other this cannot be said: GIF has 256 colours, icons have sizes of their own.
"""


def indexed_to_file(indexed: IndexedImage, extension: str, *, optimize: bool = False) -> bytes:
    """Return an indexed image in the format that `extension` (such as ".png") stands for.

    The file keeps the palette, with its unused entries, if that has at most 256. Of a
    larger one only the used entries count.

    Parameters and errors as for `to_file`.
    """
    if len(indexed.palette) > MAX_COLORS_OF_A_BYTE:
        indexed = _without_unused_entries(indexed)
    return to_file(indexed.to_pil(), extension, optimize=optimize)


def to_file(image: Image.Image, extension: str, *, optimize: bool = False) -> bytes:
    """Return a Pillow image in the format that `extension` (such as ".png") stands for.

    Every pixel is kept, except in formats that are always lossy. With `optimize`, which
    is for PNG, oxipng makes the file smaller still.

    Raises
    ------
    OptionError
        If Pillow writes no such format, the format cannot hold the image, its size or
        all its colours, or `optimize` is asked for in vain.
    """
    kind = Image.registered_extensions().get(extension.lower())
    if kind is None or kind not in Image.SAVE:
        raise OptionError(f"output: no picture format that can be written ends in {extension!r}")
    if optimize and kind != "PNG":
        raise OptionError(f"optimize: expected an output that ends in .png, got {extension}")
    try:
        data = _saved_in_some_mode(image, kind)
    except (KmqError, MemoryError):
        raise
    except Exception as error:  # Pillow's writers raise nearly anything on what they cannot hold
        raise OptionError(f"output: cannot be written as {extension}: {error}") from error
    if kind not in _LOSSY + _LOSSLESS and not _holds(data, kind, image):
        raise OptionError(
            f"output: {extension} does not keep this size and all these colours; try .png"
        )
    return png.optimized(data) if optimize else data


def _saved_in_some_mode(image: Image.Image, kind: str) -> bytes:
    try:
        return _saved(image, kind)
    except (OSError, ValueError):  # "cannot write mode P as JPEG", "Unsupported QOI image mode"
        if image.mode == "RGB":
            raise
        return _saved(image.convert("RGB"), kind)


def _saved(image: Image.Image, kind: str) -> bytes:
    if kind == "PNG":
        return png.smallest(image)
    file = io.BytesIO()
    image.save(file, format=kind, **_OPTIONS.get(kind, {}))
    return file.getvalue()


def _without_unused_entries(indexed: IndexedImage) -> IndexedImage:
    used = np.zeros(len(indexed.palette), bool)
    used[indexed.indices] = True
    return IndexedImage(
        indexed.palette[used],
        (np.cumsum(used) - 1)[indexed.indices],
        is_grey_picture=indexed.is_grey_picture,
    )


def _holds(data: bytes, kind: str, image: Image.Image) -> bool:
    """Whether reading the file gives the image's size and pixels."""
    if kind not in Image.OPEN:
        return False
    open_file: Any = Image.OPEN[kind][0]  # as Image.open does, but with no limit on pixels
    try:
        with open_file(io.BytesIO(data), "") as written:
            return written.size == image.size and np.array_equal(
                np.asarray(written.convert("RGB")), np.asarray(image.convert("RGB"))
            )
    except MemoryError:
        raise
    except Exception:  # Pillow's readers raise nearly anything; what cannot be read is not kept
        return False
