"""Pictures as palettes: an indexed picture's palette, or any other's distinct colours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kmq import pixels
from kmq.alpha import with_alpha
from kmq.errors import FormatError, OptionError
from kmq.limits import MAX_COLORS
from kmq.palettes.entries import OPAQUE, Entry
from kmq.pixels.opening import UnknownKindError, open_image

_INDEXED = 256
"""The most colours of an indexed picture."""
_SWATCH, _COLUMNS = 32, 16
"""Pixels per side of a swatch, and swatches per row."""
_MANY_SWATCH, _MANY_COLUMNS = 8, 64
"""The same for more colours than an indexed picture has."""
_BLOCK = 1 << 20
"""Pixels whose distinct colours are sorted at a time."""


def read(file: IO[bytes], max_pixels: int) -> Iterator[Entry] | None:
    """Return the palette of an indexed picture, or distinct colours in reading order.

    Returns None if the file is not a picture.

    Raises
    ------
    FormatError
        If it is damaged, or has more than 65,536 colours.
    LimitError
        If it has more than `max_pixels` pixels.
    """
    try:
        image = open_image(file, max_pixels)
    except UnknownKindError:
        return None
    picture = pixels.read(image, max_pixels=max_pixels)
    if picture.indexed is not None:
        colors = with_alpha(picture.indexed.palette)
    else:
        colors = _distinct_in_reading_order(with_alpha(picture.rgb).reshape(-1, 4))
    return map(tuple, colors.tolist())


def _distinct_in_reading_order(colors: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the distinct rows of (n, 4), in the order in which they first occur."""
    seen = np.empty(0, np.uint32)
    for start in range(0, len(colors), _BLOCK):
        block = np.ascontiguousarray(colors[start : start + _BLOCK]).view(np.uint32).ravel()
        codes, first = np.unique(block, return_index=True)
        codes = codes[np.argsort(first)]
        seen = np.concatenate([seen, codes[~np.isin(codes, seen)]])
        if len(seen) > MAX_COLORS:
            raise FormatError(f"the picture has more than {MAX_COLORS:,} distinct colours")
    return seen.view(np.uint8).reshape(-1, 4)


def write(entries: Sequence[Entry]) -> bytes:
    """Return a PNG of the colours as squares, in index order; up to 256 colours, it is indexed.

    The last colour fills the rest of the last row, so no further colour is added.

    Raises
    ------
    OptionError
        If there are more than 256 colours and two are equal, because only distinct colours
        are read back from such a picture.
    """
    is_indexed = len(entries) <= _INDEXED
    if not is_indexed and len(set(entries)) < len(entries):
        raise OptionError(
            f"palette: a picture of more than {_INDEXED} colours cannot hold equal ones; "
            "choose another kind"
        )
    swatch, most_columns = (_SWATCH, _COLUMNS) if is_indexed else (_MANY_SWATCH, _MANY_COLUMNS)
    columns = min(len(entries), most_columns)
    cells = np.arange(-(-len(entries) // columns) * columns).clip(max=len(entries) - 1)
    grid = cells.reshape(-1, columns).repeat(swatch, axis=0).repeat(swatch, axis=1)
    colors = np.array(entries, np.uint8)
    has_alpha = bool((colors[:, 3] < OPAQUE).any())
    if not is_indexed:
        return pixels.to_file(Image.fromarray(colors[grid][..., : 3 + has_alpha]), ".png")
    picture = Image.fromarray(grid.astype(np.uint8), "L").copy()
    picture.putpalette(colors[:, :3].tobytes(), "RGB")
    if has_alpha:
        picture.info["transparency"] = colors[:, 3].tobytes()
    return pixels.to_file(picture, ".png")
