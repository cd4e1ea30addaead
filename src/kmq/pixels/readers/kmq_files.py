"""A `.kmq` file as an input: its palette and indices, of which Pillow supports at most 256."""

from __future__ import annotations

from typing import Any

from kmq.alpha import with_alpha
from kmq.image import IndexedImage
from kmq.pixels.samples import Samples


def read(image: Any) -> Samples:
    """Return the samples of a `.kmq` file that Pillow has opened but not read yet.

    Raises
    ------
    FormatError
        If it is damaged.
    """
    indexed: IndexedImage = image.to_indexed()
    return Samples(
        indexed.indices,
        "P",
        palette=with_alpha(indexed.palette),
        is_grey_picture=indexed.is_grey_picture,
        labels=indexed.labels,
    )
