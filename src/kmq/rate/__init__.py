"""Rate-distortion choice of indices: fewer bytes for almost the same picture.

K-means assigns each pixel its nearest colour. If another colour is almost as near and cheaper
to code, choosing it saves bytes. Each choice minimises D + strength * mse * R: D is the
squared error, R the number of bits, and mse the mean squared error of the nearest colours. The
bits come from a static model of frequencies in the picture itself. This is rate-distortion
optimisation as in video encoders: G. Sullivan and T. Wiegand, "Rate-Distortion Optimization
for Video Compression", IEEE Signal Processing Magazine, 1998.
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
"""No pixel's squared error rises by more than this times the mean. With 4, files at strength 1
are 2 to 3 % larger at the same PSNR; 16 makes little difference."""

_PASSES = {"fast": 1, "default": 3, "best": 6}
"""Passes over the picture per effort. For photographs at strength 1 and 64 colours, one pass
saves 24 %, two 28 %, three 30 %, and further ones a little more."""

_FEW = 1 << 14
"""If at most one pixel in this many would change, none does, because the coder's adaptive model
may then make the file a few bytes larger, as it did for a drawing of 1.4 megapixels."""


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

    An exact image is returned unchanged, and so is one in which almost no pixel would change.
    Clear pixels stay clear.

    Parameters
    ----------
    pixels
        (H, W, 3) or (H, W, 4) uint8.
    indexed
        The same image in a palette, each pixel with its nearest entry.
    strength
        The value of one bit as a multiple of the mean squared error, in 256ths; at least 0,
        which changes nothing.
    stripe_rows
        Rows that are coded together, at least 1.
    effort
        One of `kmq.options.EFFORTS`, which sets the number of passes over the picture.
    keeps_palette
        Keep the palette unchanged: every entry, used or not, in its order. Otherwise each
        entry moves to the mean of its pixels, and unused entries are dropped.
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
        # Directions alternate so that contours do not drift.
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
        pixels.flags.writeable = False  # kernels are compiled for read-only pixels
    bands = (slice(first, first + stripe_rows) for first in range(0, len(pixels), stripe_rows))
    return [Stripe.of(pixels[band], indexed.indices[band]) for band in bands]


def _arranged(
    palette: NDArray[np.uint8], indices: NDArray[np.uint16]
) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    """Return the distinct used colours in clustering's order, and the indices into them."""
    used = np.flatnonzero(np.bincount(indices.reshape(-1), minlength=len(palette)))
    colors, entry_of_used = np.unique(palette[used], axis=0, return_inverse=True)
    order = order_of(colors)
    rank = np.empty(len(order), np.uint16)
    rank[order] = np.arange(len(order), dtype=np.uint16)
    place = np.zeros(len(palette), np.uint16)
    place[used] = rank[entry_of_used.reshape(-1)]
    return colors[order], place[indices]
