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

from kmq import alpha, clustering
from kmq.clustering import Histogram
from kmq.clustering.histogram import checked_pixels
from kmq.clustering.palette import order_of
from kmq.image import IndexedImage, Palette, index_dtype
from kmq.rate.refitting import refitted
from kmq.rate.stripes import Stripe, entries_of
from kmq.threads import map_threads

_CAP = 4
"""No pixel's squared error rises by more than this times the mean."""


_FEW = 1 << 14
"""Where at most one pixel of so many would change, none does: the coder's adaptive model may
then make the file a few bytes larger, as it did of a drawing of 1.4 megapixels."""


def choose(
    pixels: NDArray[np.uint8],
    indexed: IndexedImage,
    strength: int,
    stripe_rows: int,
    *,
    effort: str = "default",
    keeps_palette: bool = False,
    histogram: Histogram | None = None,
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
        "fast" goes through the picture once; the others do so four times, and move the
        entries to the means of their pixels halfway.
    keeps_palette
        Leave the palette as it is: every entry, used or not, in its order. Otherwise unused
        entries are left out.
    histogram
        That of `pixels`, where it is known.
    threads
        At least 1; it never changes the result.
    """
    pixels = checked_pixels(pixels)
    stripes = _stripes(pixels, indexed, stripe_rows)
    palette, channels = indexed.palette, stripes[0].channels
    entries = entries_of(palette, channels)
    error = sum(map_threads(lambda each: each.squared_error(entries), stripes, threads))
    multiplier, cap = (each * error // indexed.indices.size for each in (strength, _CAP))
    if multiplier == 0 or len(palette) == 1:
        return indexed
    passes = 1 if effort == "fast" else 2

    def sweep(stripe: Stripe) -> None:
        stripe.sweep(entries, multiplier, cap, passes)

    map_threads(sweep, stripes, threads)
    if sum(each.changed for each in stripes) <= indexed.indices.size // _FEW:
        return indexed
    if effort != "fast" and not keeps_palette:
        sums = map_threads(lambda each: each.sums(len(palette)), stripes, threads)
        palette = refitted(palette, np.sum(sums, axis=0))
        nearest = clustering.apply(pixels, Palette(palette), histogram, threads=threads)
        stripes = _stripes(pixels, nearest, stripe_rows)
        entries = entries_of(palette, channels)
        map_threads(sweep, stripes, threads)
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
    """Return the entries that are used, in clustering's order, and the indices into them."""
    used = np.flatnonzero(np.bincount(indices.reshape(-1), minlength=len(palette)))
    used = used[order_of(palette[used])]
    place = np.zeros(len(palette), np.uint16)
    place[used] = np.arange(len(used))
    return palette[used], place[indices]
