"""Rate-distortion choice of indices: fewer bytes for almost the same picture.

K-means gives each pixel its nearest colour. Where another is almost as near and cheaper to
code, taking it saves bytes. Each choice makes D + strength * mse * R least: D is the squared
error, R the bits, and mse the mean squared error of the nearest colours. The bits are those
of a static model that is counted from the picture itself. This is rate-distortion
optimisation as video encoders do it: G. Sullivan and T. Wiegand, "Rate-Distortion
Optimization for Video Compression", IEEE Signal Processing Magazine, 1998.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kmq import alpha
from kmq.clustering.palette import order_of
from kmq.clustering.pixels import checked_pixels
from kmq.image import IndexedImage, Palette, index_dtype
from kmq.rate.refitting import refitted
from kmq.rate.stripes import Stripe, entries_of
from kmq.threads import map_threads

_CAP = 8
"""No pixel's squared error rises by more than this times the mean. With 4, files at strength 1 are
2 to 3 % larger at the same PSNR; with 16 hardly anything changes."""

_PASSES = {"fast": 1, "default": 3, "best": 6}
"""How often each effort goes through the picture. Of photographs at strength 1 and 64 colours
one pass saves 24 %, two 28 %, three 30 %, and further ones a little more."""

_FEW = 1 << 14
"""Where at most one pixel in this many would change, none does: the coder's adaptive model may
then make the file a few bytes larger, as it did of a drawing of 1.4 megapixels."""


def choose(
    pixels: NDArray[np.uint8],
    indexed: IndexedImage,
    strength: int,
    stripe_rows: int,
    *,
    effort: str = "default",
    keeps_palette: bool = False,
    threads: int = 1,
) -> IndexedImage:
    """Return the image with indices that take fewer bits, and a palette that fits them.

    An exact image is returned as it is, and so is one in which hardly a pixel would change.
    Clear pixels stay clear.

    Parameters
    ----------
    pixels
        (H, W, 3) or (H, W, 4) uint8.
    indexed
        The same in a palette, each pixel in the nearest entry.
    strength
        In 256ths, at least 0, which changes nothing: how many times the mean squared error
        one bit is worth.
    stripe_rows
        Rows that are coded together, at least 1.
    effort
        One of `kmq.options.EFFORTS`: how often to go through the picture.
    keeps_palette
        Leave the palette as it is: every entry, used or not, in its order. Otherwise each
        entry moves to the mean of its pixels, and unused entries are left out.
    threads
        At least 1; it never changes the result.
    """
    pixels = checked_pixels(pixels)
    stripes = _stripes(pixels, indexed, stripe_rows)
    palette, channels = indexed.palette, stripes[0].channels
    colors = len(palette)
    entries = entries_of(palette, channels)
    error = sum(map_threads(lambda each: each.squared_error(entries), stripes, threads))
    multiplier, cap = (each * error // indexed.indices.size for each in (strength, _CAP))
    if multiplier == 0 or colors == 1:
        return indexed

    def sweep(entries: NDArray[np.int32], *, is_backward: bool) -> None:
        map_threads(
            lambda each: each.sweep(entries, multiplier, cap, is_backward=is_backward),
            stripes,
            threads,
        )

    for number in range(_PASSES[effort]):
        # Alternately, so that contours are not dragged along.
        sweep(entries, is_backward=number % 2 == 0)
        if number == 0:
            changed = sum(each.changed for each in stripes)
            if changed <= indexed.indices.size // _FEW:
                return indexed
        if not keeps_palette:
            sums = map_threads(lambda each: each.sums(colors), stripes, threads)
            palette = refitted(palette, np.sum(sums, axis=0))
            entries = entries_of(palette, channels)
    indices = np.concatenate([each.indices for each in stripes])
    if not keeps_palette:
        palette, indices = _arranged(palette, indices)
    chosen = Palette(palette)
    return IndexedImage.owning(
        chosen,
        indices.astype(index_dtype(len(chosen)), copy=False),
        is_grey_picture=indexed.is_grey_picture and chosen.is_grey,
        metadata=indexed.metadata,
    )


def _stripes(pixels: NDArray[np.uint8], indexed: IndexedImage, stripe_rows: int) -> list[Stripe]:
    if indexed.has_alpha and pixels.shape[2] == 3:
        pixels = alpha.with_alpha(pixels)
        pixels.flags.writeable = False  # kernels are compiled for pixels that are read-only
    bands = (slice(first, first + stripe_rows) for first in range(0, len(pixels), stripe_rows))
    return [Stripe.of(pixels[band], indexed.indices[band]) for band in bands]


def _arranged(
    palette: NDArray[np.uint8], indices: NDArray[np.uint16]
) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    """Return the colours that are used, each once, in clustering's order, and their indices."""
    used = np.flatnonzero(np.bincount(indices.reshape(-1), minlength=len(palette)))
    colors, entry_of_used = np.unique(palette[used], axis=0, return_inverse=True)
    order = order_of(colors)
    rank = np.empty(len(order), np.uint16)
    rank[order] = np.arange(len(order), dtype=np.uint16)
    place = np.zeros(len(palette), np.uint16)
    place[used] = rank[entry_of_used.reshape(-1)]
    return colors[order], place[indices]
