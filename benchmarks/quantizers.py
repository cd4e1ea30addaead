"""The methods that `quantize.py` compares: kmq and its peers, each the whole job."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

import kmq

Rgb: TypeAlias = NDArray[np.uint8]
Quantizer: TypeAlias = Callable[[Rgb, int], Rgb]
"""From an image (H, W, 3) and K to the image in at most K colours, (H, W, 3)."""


def quantize_kmq(image: Rgb, colors: int, **options: Any) -> Rgb:
    """K-means over the distinct colours."""
    return kmq.quantize(image, colors, **options).to_rgb()


def quantize_scikit_learn(image: Rgb, colors: int) -> Rgb:
    """K-means over all pixels from one start."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import pairwise_distances_argmin

    points = image.reshape(-1, 3).astype(np.float64)
    found = KMeans(colors, n_init=1, random_state=0).fit(points)
    palette = rounded(found.cluster_centers_)
    nearest = pairwise_distances_argmin(points, palette.astype(np.float64))
    return painted(image, palette, nearest)


def quantize_faiss(image: Rgb, colors: int) -> Rgb:
    """K-means over a sample of 256 K pixels, then a search for all of them."""
    import faiss

    points = image.reshape(-1, 3).astype(np.float32)
    found = faiss.Kmeans(3, colors)
    found.train(points)
    palette = rounded(found.centroids)
    index = faiss.IndexFlatL2(3)
    index.add(palette.astype(np.float32))
    _, nearest = index.search(points, 1)
    return painted(image, palette, nearest)


def quantize_opencv(image: Rgb, colors: int) -> Rgb:
    """K-means over all pixels with the stopping rule of OpenCV's tutorial."""
    import cv2

    cv2.setRNGSeed(0)
    points = image.reshape(-1, 3).astype(np.float32)
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 10, 1.0)
    _, labels, centers = cv2.kmeans(
        points, colors, np.empty((0, 0)), criteria, 1, cv2.KMEANS_PP_CENTERS
    )
    return painted(image, rounded(centers), labels)


def quantize_libimagequant(image: Rgb, colors: int) -> Rgb:
    """Median cut refined by K-means, weighted by what the eye sees."""
    import imagequant

    height, width, _ = image.shape
    opaque = np.full((height, width, 1), 255, np.uint8)
    indices, palette = imagequant.quantize_raw_rgba_bytes(
        np.concatenate([image, opaque], axis=2).tobytes(),
        width,
        height,
        dithering_level=0.0,
        max_colors=colors,
    )
    entries = np.array(palette, np.uint8).reshape(-1, 4)[:, :3]
    return painted(image, entries, np.frombuffer(indices, np.uint8))


def quantize_pillow(image: Rgb, colors: int, *, method: str) -> Rgb:
    """Cut the colour space, without iterations; `method` names one of Pillow's ways."""
    from PIL import Image

    reduced = Image.fromarray(image).quantize(
        colors, method=Image.Quantize[method], dither=Image.Dither.NONE
    )
    return np.asarray(reduced.convert("RGB"))


def rounded(centroids: Any) -> Rgb:
    """Return the centroids as a palette of 8 bits per channel, (K, 3).

    Sums in float32, as OpenCV's are, can carry the mean of white pixels past 255.
    """
    return np.asarray(np.rint(centroids).clip(0, 255), np.uint8)


def painted(image: Rgb, palette: Rgb, indices: NDArray[Any]) -> Rgb:
    """Return the palette's colours at the indices, one a pixel, in the image's shape."""
    return np.asarray(palette[indices.reshape(image.shape[:2])])


KMQ: dict[str, Quantizer] = {
    "kmq fast": partial(quantize_kmq, effort="fast"),
    "kmq default": partial(quantize_kmq, effort="default"),
    "kmq best": partial(quantize_kmq, effort="best"),
}
BASELINE = "kmq default"

PEERS: dict[str, Quantizer] = {
    "scikit-learn": quantize_scikit_learn,
    "faiss": quantize_faiss,
    "opencv": quantize_opencv,
    "libimagequant": quantize_libimagequant,
    "pillow-mediancut": partial(quantize_pillow, method="MEDIANCUT"),
    "pillow-fastoctree": partial(quantize_pillow, method="FASTOCTREE"),
}
SLOW = {"scikit-learn", "opencv"}
MOST_COLORS = {"libimagequant": 256, "pillow-mediancut": 256, "pillow-fastoctree": 256}
PACKAGES = {
    "scikit-learn": ["scikit-learn"],
    "faiss": ["faiss-cpu"],
    "opencv": ["opencv-python", "opencv-python-headless"],
    "libimagequant": ["imagequant"],
    "pillow-mediancut": ["Pillow"],
    "pillow-fastoctree": ["Pillow"],
}
"""Where a peer comes from, under all the names that it is published under."""


def installed(methods: Mapping[str, Quantizer]) -> dict[str, Quantizer]:
    """Return the methods whose package can be imported, each run once on a small image."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    working = {}
    for name, quantize in methods.items():
        try:
            quantize(noise, 4)
        except ImportError:
            continue
        working[name] = quantize
    return working
