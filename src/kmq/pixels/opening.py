"""Opening an image as Pillow does, but with limits that are errors and never warnings.

`Image.open` warns of an image above `Image.MAX_IMAGE_PIXELS` and refuses one above twice
that. A warning can only be caught by changing the filters of all threads, and the limit
is the program's own to change. So this asks Pillow's registered readers itself, and holds
images to that limit besides `max_pixels`: a program that lowered it meant every image.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import IO, Any

from PIL import Image, ImageFile, UnidentifiedImageError

from kmq.errors import LimitError
from kmq.files import at_its_beginning
from kmq.limits import check_pixel_count

_PREFIX_BYTES = 16
_BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)
_NOT_OF_THIS_KIND = (SyntaxError, IndexError, TypeError, struct.error)
"""What a reader raises, as Pillow has it, when a file is none of its own after all."""


def open_image(file: IO[bytes], max_pixels: int) -> ImageFile.ImageFile:
    """Return the image that a binary file holds, its pixels not read yet.

    Raises
    ------
    UnidentifiedImageError
        If no reader takes it.
    LimitError
        If it has more than `max_pixels` pixels, or more than Pillow is allowed.
    """
    try:
        image = _identified(at_its_beginning(file))
    except _BOMBS as error:  # of a picture within the file
        raise LimitError(
            f"{error} Raise PIL.Image.MAX_IMAGE_PIXELS, or --max-pixels, to read it."
        ) from error
    check_pixel_count(image.width, image.height, max_pixels)
    allowed = Image.MAX_IMAGE_PIXELS
    if allowed is not None and image.width * image.height > allowed:
        raise LimitError(
            f"{image.width:,} x {image.height:,} is {image.width * image.height:,} pixels, over "
            f"Pillow's limit of {allowed:,}; raise PIL.Image.MAX_IMAGE_PIXELS, or set it to None"
        )
    return image


def _identified(file: IO[bytes]) -> ImageFile.ImageFile:
    prefix = file.read(_PREFIX_BYTES)
    for reader, accepts in _readers():
        try:
            accepted = accepts is None or accepts(prefix)
            if accepted and not isinstance(accepted, str):  # a text says what is not installed
                file.seek(0)
                image: ImageFile.ImageFile = reader(file, "")
                return image
        except _NOT_OF_THIS_KIND:
            continue
    raise UnidentifiedImageError("not an image of a known kind")


def _readers() -> Iterator[tuple[Callable[..., Any], Callable[..., Any] | None]]:
    """Yield Pillow's readers, the common ones first, each with its test of a file's beginning."""
    known: set[str] = set()
    for load_readers in (Image.preinit, Image.init):
        load_readers()
        for kind in [kind for kind in Image.ID if kind not in known]:
            known.add(kind)
            yield Image.OPEN[kind]
