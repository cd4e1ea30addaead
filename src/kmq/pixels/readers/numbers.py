"""Samples that are label numbers, which must not be scaled or converted like colours."""

from __future__ import annotations

from typing import Any

from PIL import Image

from kmq.alpha import with_alpha
from kmq.errors import FormatError
from kmq.image import IndexedImage
from kmq.pixels.samples import Samples

_STEPS = {"L;2": 85, "L;4": 17}
"""The distance between greys with consecutive numbers in a PNG of few bits."""

_BITS_OF_TIFF = 258


def step_of(image: Image.Image) -> int:
    """Return the distance between the samples of consecutive numbers after reading.

    Samples of 1, 2 and 4 bits are spread over 0 to 255; others are not. `image` is opened
    but not read yet.

    Raises
    ------
    FormatError
        If the samples have 12 bits, because these are spread unevenly.
    """
    if image.mode == "1":
        return 255
    tags = getattr(image, "tag_v2", None)
    if tags is not None:
        bits = tags.get(_BITS_OF_TIFF, (1,))[0]
        if bits == 12:
            raise FormatError("labels of 12 bits are not supported; convert them to 16 bits first")
        return 255 // ((1 << bits) - 1) if bits < 8 else 1
    tile: Any = getattr(image, "tile", ())
    return _STEPS.get(tile[0][3], 1) if tile and isinstance(tile[0][3], str) else 1


def numbered(samples: Samples, step: int) -> Samples:
    """Return samples as a palette image that keeps their numbers; palette images are unchanged.

    Raises
    ------
    FormatError
        If they are colours.
    """
    if samples.palette is not None:
        return samples
    if samples.kind != "L":
        raise FormatError(
            "a picture in colours has no label numbers: those are grey levels, or the indices "
            "of a palette image"
        )
    mask = IndexedImage.from_labels(samples.values // step)
    return Samples(
        mask.indices,
        "P",
        lost=() if samples.alpha is None else ("transparency",),
        palette=with_alpha(mask.palette),
        is_grey_picture=mask.is_grey_picture,
        labels=mask.labels,
    )
