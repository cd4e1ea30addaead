"""Pixels to an indexed image or a `.kmq` file: what `quantize` and `encode` do after reading.

The command line calls these functions too, because it reads an image before it decides what to
do with it. Modules that are slow to import (NumPy, Pillow's readers, numba) are imported where
they are used, so that `import kmq` needs none of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from kmq.errors import OptionError
from kmq.metadata import NOTHING, Metadata
from kmq.options import Options

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from kmq.image import IndexedImage
    from kmq.pixels import ImageSource, Pixels


def to_bytes(indexed: IndexedImage, options: Options) -> bytes:
    """Return the `.kmq` file of an indexed image.

    The stripes number the entries in the palette's own order, or in the order in which
    clustering arranges palettes, whichever makes the file smaller. The palette in the file
    keeps its own order either way.
    """
    from kmq.container import writing

    data = writing.dumps(indexed, coding=options.coding, threads=options.workers)
    if options.coding == "packed" or indexed.labels is not None:
        return data
    from kmq.clustering.palette import order_of

    order = order_of(indexed.palette)
    if (order[1:] > order[:-1]).all():  # every palette that kmq finds is in this order
        return data
    arranged = writing.dumps(indexed, coding=options.coding, order=order, threads=options.workers)
    return min(data, arranged, key=len)


def quantize_pixels(
    rgb: NDArray[np.uint8],
    options: Options,
    to_bytes: Callable[[IndexedImage, Options], bytes] = to_bytes,
    *,
    palette_image: IndexedImage | None = None,
    weights: ArrayLike | None = None,
) -> IndexedImage:
    """Quantize pixels that have been read.

    Parameters
    ----------
    rgb
        Array of shape (H, W, 3), or (H, W, 4) with alpha, uint8.
    options
        The options of `quantize`.
    to_bytes
        Makes the file, of any format, that should be small if `psnr` is the target.
    palette_image
        The same image with its own palette, if it has one.
    weights
        Array of shape (H, W): how much each pixel counts.
    """
    counted = None if weights is None else _weighed(weights, rgb, options)
    kept = _kept(palette_image, options)
    if options.psnr is not None and (kept is None or kept.labels is None):
        from kmq import targets
        from kmq.quality import psnr

        found = targets.quantize_to_psnr(rgb, options.psnr, options, to_bytes)
        return found if kept is None or not math.isinf(psnr(rgb, found)) else kept
    if kept is not None:
        return kept
    if palette_image is not None and options.colors is None:
        own = len(palette_image.palette)
        options = replace(options, colors=max(own, len(options.pinned)))
    from kmq import quantizing

    return quantizing.quantize(rgb, options.exact_colors, options, weights=counted)


def _weighed(
    weights: ArrayLike, rgb: NDArray[np.uint8], options: Options
) -> NDArray[np.int64] | None:
    """Return the weights as whole numbers, or None if all are equal."""
    from kmq.clustering.weights import whole_weights

    if options.psnr is not None or options.max_bytes is not None:
        raise OptionError("weights: cannot be asked for together with a target")
    numbers = whole_weights(weights, *rgb.shape[:2])
    return None if numbers.min() == numbers.max() else numbers


def encode_pixels(
    rgb: NDArray[np.uint8],
    options: Options,
    to_bytes: Callable[[IndexedImage, Options], bytes] = to_bytes,
    *,
    metadata: Metadata = NOTHING,
    palette_image: IndexedImage | None = None,
    weights: ArrayLike | None = None,
) -> tuple[IndexedImage, bytes]:
    """Encode pixels that have been read; return the indexed image and its file.

    Parameters
    ----------
    rgb
        Array of shape (H, W, 3), or (H, W, 4) with alpha, uint8.
    options
        The options of `encode`.
    to_bytes
        Makes the file, of any format, from an image that has the metadata.
    metadata
        The metadata of the image.
    palette_image
        The same image with its own palette, if it has one.
    weights
        Array of shape (H, W): how much each pixel counts.
    """
    if options.max_bytes is not None and weights is None:
        from kmq import targets

        kept = _kept(palette_image, options)
        if kept is not None:
            kept = kept.with_metadata(metadata)
            if len(data := to_bytes(kept, options)) <= options.max_bytes:
                return kept, data
            if kept.labels is not None:
                raise OptionError(
                    f"max_bytes: the labels take {len(data):,} bytes, and their numbers "
                    "cannot be merged; leave max_bytes out"
                )
        return targets.encode_to_size(rgb, options.max_bytes, options, to_bytes, metadata)
    found = quantize_pixels(rgb, options, to_bytes, palette_image=palette_image, weights=weights)
    indexed = found.with_metadata(metadata)
    return indexed, to_bytes(indexed, options)


def _kept(palette_image: IndexedImage | None, options: Options) -> IndexedImage | None:
    """Return a palette image if its palette and indices stay as they are, otherwise None.

    Raises
    ------
    OptionError
        An option would merge labels or restrict their palette, and so change their numbers.
    """
    if palette_image is None:
        return None
    is_small = options.colors is None or len(palette_image.palette) <= options.colors
    if palette_image.labels is not None:
        if not is_small:
            raise OptionError(
                f"colors: {len(palette_image.palette):,} labels cannot become "
                f"{options.colors:,} without losing their numbers; leave colors out"
            )
        if options.is_constrained:
            name = "pinned" if options.pinned else "bits"
            raise OptionError(f"{name}: labels keep their own palette; leave {name} out")
        return palette_image
    is_free = not options.sort and not options.is_constrained
    return palette_image if is_small and is_free else None


def read(image: ImageSource, options: Options) -> Pixels:
    """Return the pixels of an image, read as the options say."""
    from kmq import pixels

    return pixels.read_with_warnings(
        image,
        background=options.background,
        alpha=options.alpha,
        max_pixels=options.max_pixels,
        strip=options.strip,
    )
