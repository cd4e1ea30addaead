"""PNG files, as small as Pillow's encoder or oxipng makes them."""

from __future__ import annotations

import io
from bisect import bisect_left
from typing import Any

from PIL import Image

from kmq.errors import OptionError

_ENCODINGS: tuple[dict[str, Any], ...] = (
    {},
    {"optimize": True},
    {"compress_level": 9, "compress_type": 1},  # Z_FILTERED
    {"compress_level": 9, "compress_type": 3},  # Z_RLE
)
"""Ways to compress. Which of them is best depends on the image; 15 % lie between the first
two on some maps, 6 % the other way on photographs."""

_TRIED_BANDS = 4
_TRIED_PIXELS = 1 << 17
"""Of a larger image this many pixels are tried, in rows from several places. On 28 pictures in 16,
64 and 256 colours the files are 0.01 % larger than after trying a megapixel, one of them 0.3 %,
and take about half the time."""

_GREYS = {1: 255, 2: 85, 4: 17}
"""Bits of a sample, and the distance between neighbouring greys with that many bits."""

_OPTIMIZATION_LEVEL = 4
"""Of oxipng, 0 to 6. Level 6 takes several times as long for 0.1 % fewer bytes."""


def smallest(image: Image.Image, options: dict[str, Any], *, is_mask: bool = False) -> bytes:
    """Return the smallest PNG of an image that Pillow's encoder makes, saved with `options`.

    A palette keeps its entries and their order; it and greys take the fewest bits that
    hold them. The way to compress a large image is the best for some of its rows. One of
    more than 256 colours is compressed once, as Pillow does it, because attempts would
    take long. The levels of a mask are numbers, which samples of fewer bits would scale
    and a palette would replace by indices; they stay.
    """
    shallow, bits = (image, {}) if is_mask else _with_fewest_bits(image)
    if image.mode not in ("1", "L", "P"):
        return _encoded(shallow, options)
    attempts = [options | bits | encoding for encoding in _ENCODINGS]
    if image.width * image.height <= _TRIED_PIXELS:
        return min((_encoded(shallow, attempt) for attempt in attempts), key=len)
    tried = _some_rows(shallow)
    return _encoded(shallow, min(attempts, key=lambda attempt: len(_encoded(tried, attempt))))


def _some_rows(image: Image.Image) -> Image.Image:
    """Return `_TRIED_PIXELS` of a larger image: bands of whole rows, evenly spaced."""
    rows = max(1, _TRIED_PIXELS // _TRIED_BANDS // image.width)
    bands = min(_TRIED_BANDS, image.height)
    some = image.crop((0, 0, image.width, rows * bands))
    for band in range(bands):
        top = (2 * band + 1) * (image.height - rows) // (2 * bands)
        some.paste(image.crop((0, top, image.width, top + rows)), (0, band * rows))
    return some


def optimized(png: bytes, *, is_mask: bool = False) -> bytes:
    """Return what oxipng makes of a PNG file; a palette keeps its entries and their order.

    Raises
    ------
    OptionError
        If oxipng is not installed.
    """
    try:
        import oxipng
    except ModuleNotFoundError as error:
        raise OptionError("optimize: needs oxipng: pip install 'kmq[optimize]'") from error
    return oxipng.optimize_from_memory(
        png,
        level=_OPTIMIZATION_LEVEL,
        bit_depth_reduction=not is_mask,
        color_type_reduction=False,
        grayscale_reduction=False,
        palette_reduction=False,
    )


def _with_fewest_bits(image: Image.Image) -> tuple[Image.Image, dict[str, Any]]:
    """Return a picture of the same pixels, and how many bits its samples take.

    Pillow chooses the bits of a palette's indices by itself. A few greys are samples of
    fewer bits where these stand for just such greys, and indices of a palette elsewhere.
    """
    if image.mode != "L":
        return image, {}
    greys = [level for level, count in enumerate(image.histogram()) if count]
    if len(greys) > 16:
        return image, {}
    for bits, apart in _GREYS.items():
        if all(grey % apart == 0 for grey in greys):
            return (image.convert("1"), {}) if bits == 1 else (image, {"bits": bits})
    indexed = image.point([bisect_left(greys, level) for level in range(256)])
    indexed.putpalette([level for grey in greys for level in (grey,) * 3])
    return indexed, {}


def _encoded(image: Image.Image, encoding: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", **encoding)
    return file.getvalue()
