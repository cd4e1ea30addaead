"""Pixels -> IndexedImage: K-means over the distinct colours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kmq.clustering.histogram import Histogram, color_keys
from kmq.clustering.lloyd import iterate
from kmq.clustering.nearest import map_pixels, nearest_entries
from kmq.clustering.seeding import seed_centroids
from kmq.image import IndexedImage

DEFAULT_MAX_ITER = 30
_TOLERANCE = 1e-4


def quantize(
    pixels: NDArray[np.uint8],
    colors: int,
    *,
    seed: int = 0,
    max_iter: int = DEFAULT_MAX_ITER,
    threads: int = 1,
) -> IndexedImage:
    """Return the image in at most `colors` colours, each pixel in its nearest.

    An image with no more distinct colours comes through exactly; any other gets
    exactly `colors` different ones, each of them used.

    Parameters
    ----------
    pixels
        (H, W, 3) uint8.
    colors
        K, 1 to 65,536.
    seed
        0 to 2^32 - 1: which of the possible starts.
    max_iter
        The most iterations, at least 1.
    """
    histogram = Histogram.from_pixels(pixels)
    if len(histogram) <= colors:
        palette = histogram.colors
        labels = np.arange(len(histogram), dtype=np.int32)
    else:
        centroids = _cluster(histogram, colors, seed, max_iter, threads)
        palette, labels = _settle(histogram, _rounded(centroids), threads)
    return IndexedImage(palette, map_pixels(pixels, histogram, labels, len(palette)))


def _cluster(
    histogram: Histogram, colors: int, seed: int, max_iter: int, threads: int
) -> NDArray[np.float32]:
    planar = np.ascontiguousarray(histogram.colors.T, np.int32)
    chosen = seed_centroids(planar, histogram.counts, colors, seed)
    points = planar.astype(np.float32)
    return iterate(
        points,
        histogram.counts,
        np.ascontiguousarray(points[:, chosen]),
        max_iter=max_iter,
        tolerance=_TOLERANCE,
        threads=threads,
    )


def _rounded(centroids: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.rint(centroids.T).astype(np.uint8)


def _settle(
    histogram: Histogram, palette: NDArray[np.uint8], threads: int
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Return palette and labels where every entry is the nearest of some colour.

    An entry that no colour is nearest to (two centroids rounded to one, or rounding
    moved it behind another) becomes the colour that costs most as it stands.
    """
    palette = palette.copy()
    while True:
        labels = nearest_entries(histogram.colors, palette, threads)
        unused = np.flatnonzero(np.bincount(labels, minlength=len(palette)) == 0)
        if not len(unused):
            return palette, labels
        difference = histogram.colors.astype(np.int64) - palette[labels]
        cost = (difference**2).sum(axis=1) * histogram.counts
        costliest = np.argsort(-cost, kind="stable")[: len(unused)]
        palette[unused] = histogram.colors[costliest]
        assert len(np.unique(color_keys(palette))) > len(palette) - len(unused)
