"""PNG files, as small as Pillow's encoder or oxipng can make them."""

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
"""Compression settings to try. The best one depends on the image: on some maps the first two
differ by 15 %, on photographs by 6 % in the other direction."""

_TRIED_BANDS = 4
_TRIED_PIXELS = 1 << 17
"""Settings are tried on this many pixels of a larger image, in rows from several places. On 28
pictures in 16, 64 and 256 colours, files are 0.01 % larger than after trying a megapixel (0.3 %
in the worst case) and take about half the time."""

_GREYS = {1: 255, 2: 85, 4: 17}
"""The distance between adjacent greys, by the number of bits of a sample."""

_OPTIMIZATION_LEVEL = 4
"""oxipng's level, 0 to 6. Level 6 takes several times as long for 0.1 % fewer bytes."""


def smallest(image: Image.Image, options: dict[str, Any], *, is_mask: bool = False) -> bytes:
    """Return the smallest PNG of an image that Pillow's encoder makes, saved with `options`.

    A palette keeps its entries and their order; indices and greys use as few bits as
    possible. For a large image, the settings are those that are best for some of its rows.
    An image of more than 256 colours is compressed only once, with Pillow's defaults, because
    trying would take long. The levels of a mask are numbers and stay as they are: fewer bits
    would scale them, and a palette would replace them by indices.
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
    """Return a PNG file optimised by oxipng; a palette keeps its entries and their order.

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
    """Return a picture of the same pixels, and the options that set the bits of its samples.

    Pillow itself chooses the bits of palette indices. A picture of few greys gets samples of
    fewer bits if these can represent its greys, and otherwise a palette.
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
