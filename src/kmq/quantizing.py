"""Images in K colours according to `Options`: K-means, then dithered or cheaper indices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kmq import clustering
from kmq.clustering import Constraint, Histogram
from kmq.container.head import stripe_rows_for
from kmq.image import IndexedImage, Palette
from kmq.options import Options


def fit(histogram: Histogram, colors: int, options: Options) -> Palette:
    """Return the palette of `colors` colours that K-means finds for a histogram."""
    return clustering.fit(
        histogram,
        colors,
        effort=options.effort,
        seed=options.seed,
        max_iter=options.max_iter,
        constraint=constraint_of(options),
        init=initial_of(options),
        threads=options.workers,
    )


def constraint_of(options: Options) -> Constraint | None:
    """Return the constraint on the entries; None if there is none."""
    if not options.is_constrained:
        return None
    return Constraint(np.array(options.pinned, np.uint8).reshape(-1, 3), options.channel_bits)


def initial_of(options: Options) -> NDArray[np.float64] | None:
    """Return the centroids to start from; None if the palette is to be searched for."""
    return None if options.init is None else np.array(options.init, np.float64)


def quantize(
    pixels: NDArray[np.uint8],
    colors: int,
    options: Options,
    histogram: Histogram | None = None,
    weights: NDArray[np.int64] | None = None,
) -> IndexedImage:
    """Return the image in `colors` colours, or fewer if it has fewer or `rdo` drops some.

    `histogram` is that of the pixels, if known. `weights`, (H, W), are the pixels' weights
    for the palette; they have no effect if all colours fit.
    """
    if weights is not None:
        histogram = Histogram.of_pixels(pixels)
        weighted = Histogram.of_weighted_pixels(pixels, weights)
        palette = fit(histogram if len(histogram) <= colors else weighted, colors, options)
        nearest = clustering.apply(
            pixels, palette, histogram, is_chosen=True, threads=options.workers
        )
    elif histogram is None:
        nearest = clustering.quantize(
            pixels,
            colors,
            effort=options.effort,
            seed=options.seed,
            max_iter=options.max_iter,
            constraint=constraint_of(options),
            init=initial_of(options),
            threads=options.workers,
        )
    else:
        palette = fit(histogram, colors, options)
        nearest = clustering.apply(
            pixels, palette, histogram, is_chosen=True, threads=options.workers
        )
    keeps_palette = options.is_constrained or weights is not None
    return with_chosen_indices(pixels, nearest, options, keeps_palette=keeps_palette)


def with_chosen_indices(
    pixels: NDArray[np.uint8],
    nearest: IndexedImage,
    options: Options,
    *,
    keeps_palette: bool = False,
) -> IndexedImage:
    """Return the image dithered or with cheaper indices, according to the options.

    Arguments are those of `with_cheaper_indices`.
    """
    if options.dither_strength == 0:
        return with_cheaper_indices(pixels, nearest, options, keeps_palette=keeps_palette)
    from kmq import dithering

    return dithering.dither(
        pixels,
        nearest,
        options.dither_strength,
        options.dither_method or dithering.DIFFUSION,
        options.workers,
    )


def with_cheaper_indices(
    pixels: NDArray[np.uint8],
    nearest: IndexedImage,
    options: Options,
    *,
    keeps_palette: bool = False,
) -> IndexedImage:
    """Return the image with the indices and palette that `options.rdo` selects.

    `nearest` is the image with each pixel's nearest entry. With `keeps_palette`, only the
    indices change.
    """
    if options.rdo_strength == 0:
        return nearest
    from kmq import rate

    return rate.choose(
        pixels,
        nearest,
        options.rdo_strength,
        stripe_rows_for(nearest.width, nearest.height),
        effort=options.effort,
        keeps_palette=keeps_palette,
        threads=options.workers,
    )
