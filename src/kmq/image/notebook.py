"""How notebooks show an image and a palette."""

from __future__ import annotations

import colorsys
import io
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kmq.image import IndexedImage

LARGEST_SIDE = 1024
"""Pixels. Larger pictures are shown smaller, because a notebook stores what it shows."""

MOST_SWATCHES = 1024
MOST_NAMED_SWATCHES = 64
"""The most colours of a palette that are shown, and the most that are shown with hex codes."""

_OVERSAMPLING = 4
"""Pixels to average in each direction. Very large pictures skip the others."""

_GOLDEN_RATIO = 0.618033988749895

_CHEQUERS = "repeating-conic-gradient(#bbb 0 25%,#fff 0 50%) 0 0/12px 12px"


def picture_as_png(image: IndexedImage) -> bytes:
    """Return a PNG file that shows the image, at most 1,024 pixels wide and high.

    Labels get colours that tell them apart, the label 0 black.
    """
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    step = -(-max(image.height, image.width) // LARGEST_SIDE)
    stride = step if image.labels is not None else max(1, step // _OVERSAMPLING)
    palette = image.palette if image.labels is None else label_colors(image.labels)
    shown = Image.fromarray(np.take(palette, image.indices[::stride, ::stride], axis=0))
    if (factor := -(-step // stride)) > 1:
        shown = shown.reduce(factor)
    comment = PngInfo()
    if step > 1:
        size = f"{image.width} x {image.height}"
        comment.add_text("Comment", f"{size} pixels, shown as {shown.width} x {shown.height}")
    file = io.BytesIO()
    shown.save(file, "PNG", pnginfo=comment)
    return file.getvalue()


def label_colors(labels: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Return a colour for each label, the same in every image; neighbours differ in hue."""
    colors = [
        colorsys.hsv_to_rgb(
            label * _GOLDEN_RATIO % 1, 0.5 + 0.1 * (label % 5), 1 - 0.1 * (label % 4)
        )
        for label in labels.tolist()
    ]
    shown = np.array(colors)
    shown[labels == 0] = 0
    return (shown * 255).astype(np.uint8)


def palette_as_html(colors: NDArray[Any]) -> str:
    """Return swatches of the colours, (K, 3) or (K, 4) uint8, in index order.

    The first 1,024 are shown, each with its index and hex code. Above 64 colours these appear
    when the pointer rests on a swatch.
    """
    are_named = len(colors) <= MOST_NAMED_SWATCHES
    swatches = "".join(
        _swatch(index, f"#{bytes(color).hex()}", is_named=are_named)
        for index, color in enumerate(colors[:MOST_SWATCHES])
    )
    more = len(colors) - MOST_SWATCHES
    remark = f", of which the first {MOST_SWATCHES:,} are shown" if more > 0 else ""
    title = f"{len(colors):,} colour{'' if len(colors) == 1 else 's'}{remark}"
    gap = "8px" if are_named else "2px"
    return (
        f'<div style="max-width:44em"><div style="margin-bottom:6px">{escape(title)}</div>'
        f'<div style="display:flex;flex-wrap:wrap;gap:{gap}">{swatches}</div></div>'
    )


def _swatch(index: int, code: str, *, is_named: bool) -> str:
    size = "width:4.6em;height:2.2em" if is_named else "width:1.4em;height:1.4em"
    title = escape(f"{index}: {code}")
    square = (
        f'<div role="img" aria-label="{title}" style="{size};border-radius:2px;'
        "box-shadow:inset 0 0 0 1px rgb(128 128 128 / 35%);"
        f'background:linear-gradient({code},{code}),{_CHEQUERS}"></div>'
    )
    name = f'<code style="font-size:80%">{code}</code>' if is_named else ""
    return f'<div title="{title}">{square}{name}</div>'
