"""Small pictures of `.kmq` files, for file managers."""

from __future__ import annotations

import io
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kmq import pixels
from kmq.container.lazy import LazyImage
from kmq.image import IndexedImage
from kmq.image.notebook import label_colors
from kmq.limits import check_pixel_count
from kmq.metadata import NOTHING

_OVERSAMPLING = 4
"""Pixels per direction that the final filter gets for each pixel of the thumbnail."""

_BAND_PIXELS = 1 << 20
"""Pixels that are averaged at a time, which bounds the memory."""


def thumbnail(stream: BinaryIO, size: int, *, max_pixels: int, threads: int) -> bytes:
    """Return a PNG file of the picture, at most `size` pixels wide and high.

    Colours are averaged in linear light and weighted by alpha, so fine patterns keep their
    brightness and clear pixels do not tint their neighbours. A smaller picture keeps its size.
    Labels get distinct colours and are not averaged.

    Raises
    ------
    FormatError
        If the file is damaged.
    LimitError
        If the picture has more than `max_pixels` pixels; raised before decoding.
    """
    with LazyImage(stream, max_pixels=max_pixels, threads=threads) as picture:
        check_pixel_count(picture.width, picture.height, max_pixels)
        longest = max(picture.width, picture.height)
        if picture.labels is not None:
            return _as_png(_sampled(picture, -(-longest // size)))
        if longest <= size:
            whole = picture.crop(0, 0, picture.width, picture.height)
            return pixels.indexed_to_file(whole.with_metadata(NOTHING), ".png")
        factor = max(1, longest // (_OVERSAMPLING * size))
        width = max(1, round(picture.width * size / longest))
        height = max(1, round(picture.height * size / longest))
        box = (0, 0, picture.width / factor, picture.height / factor)
        averaged = [
            Image.fromarray(channel).resize((width, height), Image.Resampling.LANCZOS, box=box)
            for channel in _averaged(picture, factor)
        ]
        return _as_png(_to_srgb(np.stack([np.asarray(channel) for channel in averaged], axis=-1)))


def _sampled(picture: LazyImage, step: int) -> NDArray[np.uint8]:
    """Return every `step`-th pixel of every `step`-th row of a mask, in colour."""
    rows = [
        picture.crop(0, y, picture.width, 1).indices[0, ::step]
        for y in range(0, picture.height, step)
    ]
    assert picture.labels is not None
    return np.take(label_colors(picture.labels), np.stack(rows), axis=0)


def _averaged(picture: LazyImage, factor: int) -> list[NDArray[np.float32]]:
    """Return the mean of each block of factor x factor pixels, per channel.

    The channels are red, green and blue in linear light, multiplied by alpha, and alpha.
    """
    colors = _to_linear(picture.palette)
    rows = max(1, _BAND_PIXELS // (picture.width * factor)) * factor
    bands = [
        _block_means(
            colors, picture.crop(0, y, picture.width, min(rows, picture.height - y)), factor
        )
        for y in range(0, picture.height, rows)
    ]
    return list(np.concatenate(bands).transpose(2, 0, 1).copy())


def _block_means(
    colors: NDArray[np.float32], band: IndexedImage, factor: int
) -> NDArray[np.float32]:
    """Return the mean colour of each block; blocks at the right and bottom may be smaller."""
    across = np.arange(0, band.width, factor)
    down = np.arange(0, band.height, factor)
    sums = np.add.reduceat(colors[band.indices], across, axis=1)
    sums = np.add.reduceat(sums, down, axis=0)
    widths = np.diff(across, append=band.width)
    heights = np.diff(down, append=band.height)
    pixel_counts = heights[:, None, None] * widths[None, :, None]
    means: NDArray[np.float32] = (sums / pixel_counts).astype(np.float32)
    return means


def _to_linear(palette: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return sRGB colours, (K, 3) or (K, 4), in linear light, multiplied by alpha, and alpha."""
    samples = palette[:, :3] / 255
    linear = np.where(samples <= 0.04045, samples / 12.92, ((samples + 0.055) / 1.055) ** 2.4)
    if palette.shape[1] == 3:
        return linear.astype(np.float32)
    alpha = palette[:, 3:] / 255
    return np.concatenate([linear * alpha, alpha], axis=1).astype(np.float32)


def _to_srgb(linear: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return sRGB pixels with alpha from averaged results of `_to_linear`."""
    colors, alpha = linear[..., :3], linear[..., 3:].clip(0, 1)
    if alpha.size:
        colors = np.divide(colors, alpha, out=np.zeros_like(colors), where=alpha > 1 / 512)
    colors = colors.clip(0, 1)
    samples = np.where(colors <= 0.0031308, colors * 12.92, 1.055 * colors ** (1 / 2.4) - 0.055)
    shown: NDArray[np.float64] = np.concatenate([samples, alpha], axis=-1)
    return np.rint(shown * 255).astype(np.uint8)


def _as_png(shown: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(shown).save(file, "PNG")
    return file.getvalue()
