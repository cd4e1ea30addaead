"""The images of the page as data: URIs: the whole picture, downscaled if large, and details."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kmq.alpha import composite

LONGEST_SIDE = 1600
"""Pixels; larger images are shown downscaled."""

DETAIL_WIDTH, DETAIL_HEIGHT = 96, 64
"""The size of a detail in pixels, if the image is that large."""

_STEP = 4
"""The distance in pixels between positions that are tried for a detail."""

_WEBP_QUALITY = 90
"""For downscaled images, which have too many colours to be stored exactly."""


@dataclass(frozen=True)
class Box:
    """A rectangle of pixels."""

    left: int
    top: int
    width: int
    height: int

    def cut(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the pixels inside, (height, width, 3)."""
        return rgb[self.top : self.top + self.height, self.left : self.left + self.width]


def shown(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (H, W, 3) or (H, W, 4) pixels as shown, over a chequerboard."""
    if pixels.shape[2] == 3:
        return pixels
    down, across = np.ogrid[: pixels.shape[0], : pixels.shape[1]]
    is_dark = (down // _SQUARE + across // _SQUARE) % 2 == 1
    board = np.where(is_dark[..., np.newaxis], *_SQUARES).astype(np.uint8)
    return composite(pixels[..., :3], pixels[..., 3], np.repeat(board, 3, axis=2))


def shown_size(width: int, height: int, longest: int = LONGEST_SIDE) -> tuple[int, int]:
    """Return width and height with the longer side at most `longest` pixels."""
    scale = min(1.0, longest / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


_SQUARE = 8
"""Pixels per side of a square in the chequerboard behind transparent pixels."""
_SQUARES = 204, 255
"""Grey levels of the dark and light squares."""


def picture_uri(rgb: NDArray[np.uint8]) -> str:
    """Return the pixels, exact, or downscaled and slightly lossy above `LONGEST_SIDE`."""
    height, width = rgb.shape[:2]
    size = shown_size(width, height)
    image = Image.fromarray(rgb)
    if size == (width, height):
        return webp_uri(image)
    file = io.BytesIO()
    image.resize(size, Image.Resampling.BOX).save(file, "WEBP", quality=_WEBP_QUALITY)
    return _data_uri(file)


def webp_uri(image: Image.Image) -> str:
    """Return an image as a lossless data: URI."""
    file = io.BytesIO()
    image.save(file, "WEBP", lossless=True, method=4)
    return _data_uri(file)


def peaks(amount: NDArray[np.float32], taken: list[Box]) -> Iterator[Box]:
    """Yield the boxes with the largest sums of `amount` (H, W), without overlaps.

    They do not overlap boxes in `taken` either. Ends when nothing is left.
    """
    height, width = amount.shape
    box_height, box_width = min(DETAIL_HEIGHT, height), min(DETAIL_WIDTH, width)
    sums = _box_sums(amount, box_height, box_width)[::_STEP, ::_STEP]
    for box in taken:
        _strike_out(sums, box)
    while sums.max() > 0:
        row, column = np.unravel_index(np.argmax(sums), sums.shape)
        box = Box(int(column) * _STEP, int(row) * _STEP, box_width, box_height)
        _strike_out(sums, box)
        yield box


def gradient(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the differences between neighbouring samples, summed over channels, (H, W)."""
    samples = rgb.astype(np.int16)
    steepness = np.zeros(rgb.shape[:2], np.float32)
    steepness[:-1] += np.abs(np.diff(samples, axis=0)).sum(axis=2)
    steepness[:, :-1] += np.abs(np.diff(samples, axis=1)).sum(axis=2)
    return steepness


def _box_sums(amount: NDArray[np.float32], height: int, width: int) -> NDArray[np.float64]:
    """Return the sums over all boxes of this size, indexed by their upper left corner."""
    table = np.zeros((amount.shape[0] + 1, amount.shape[1] + 1))
    np.cumsum(np.cumsum(amount, axis=0, dtype=np.float64), axis=1, out=table[1:, 1:])
    lower, upper = table[height:], table[:-height]
    return lower[:, width:] - lower[:, :-width] - upper[:, width:] + upper[:, :-width]


def _strike_out(sums: NDArray[np.float64], box: Box) -> None:
    """Exclude all boxes that overlap this one."""
    first_row = max(0, (box.top - box.height) // _STEP + 1)
    first_column = max(0, (box.left - box.width) // _STEP + 1)
    end_row = -(-(box.top + box.height) // _STEP)
    end_column = -(-(box.left + box.width) // _STEP)
    sums[first_row:end_row, first_column:end_column] = 0


def _data_uri(file: io.BytesIO) -> str:
    return f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode()}"
