"""Files with several pictures: the pages of a TIFF, the frames of an animation."""

from __future__ import annotations

from PIL import Image, ImageFile

from kmq.errors import FormatError, OptionError

_PAGED = ("DCX", "TIFF")
_ONE_PICTURE = ("MPO", "PSD")
"""Kinds whose further pictures are other views of the first, or its layers."""

FIRST = 1


def word_for(image: Image.Image) -> str:
    """Return the word for one picture in a file of this kind."""
    return "page" if image.format in _PAGED else "frame"


def count(image: ImageFile.ImageFile) -> int | None:
    """Return the number of pictures in a file; None if there are several and some are damaged."""
    if image.format in _ONE_PICTURE:
        return 1
    try:  # Pillow reads all frames to count them
        return int(getattr(image, "n_frames", 1))
    except MemoryError:
        raise
    except Exception:  # Pillow's readers raise nearly anything on damaged bytes
        return None


def select(image: ImageFile.ImageFile, number: int) -> None:
    """Go to one of the pictures in a file; the first is number 1.

    Raises
    ------
    OptionError
        If there are fewer.
    FormatError
        If it is damaged.
    """
    if number == FIRST:
        return
    word, held = word_for(image), count(image)
    if held is not None and number > held:
        raise OptionError(
            f"frames: expected a {word} from 1 to {held:,}, got {number:,}"
            if held > 1
            else f"frames: the file holds one picture, and no number {number:,}"
        )
    try:
        image.seek(number - 1)
        if image.format != "TIFF":  # kmq decodes every page of a TIFF like the first
            image.load()
    except MemoryError:
        raise
    except Exception as error:  # as above
        raise FormatError(f"{word} {number:,} is damaged: {error}") from error
