from __future__ import annotations

import math

import numpy as np
import oracle
import pytest

from kmq.alpha import with_alpha
from kmq.image import IndexedImage
from kmq.quality import psnr, ssim


def test_equal_pixels_have_no_noise():
    image = IndexedImage([[1, 2, 3], [4, 5, 6]], [[0, 1, 1]])
    assert psnr(image.to_rgb(), image) == math.inf


@pytest.mark.parametrize("height", [1, 63, 64, 65, 130])
def test_the_ratio_is_that_of_the_definition(random_indexed, height):
    image = random_indexed(9, height, 17)
    rgb = np.random.default_rng(0).integers(0, 256, (height, 17, 3), np.uint8)
    mean = ((rgb.astype(float) - image.to_rgb()) ** 2).mean()
    assert psnr(rgb, image) == pytest.approx(10 * math.log10(255**2 / mean))


def test_equal_pixels_are_similar_in_full(random_indexed):
    image = random_indexed(9, 20, 17)
    assert ssim(image.to_rgb(), image) == pytest.approx(1)


def test_the_similarity_of_flat_images_is_that_of_the_definition():
    # Without variance the index is (2 a b + c) / (a^2 + b^2 + c) with c = (0.01 * 255)^2.
    image = IndexedImage([[100, 100, 100]], np.zeros((20, 20), np.uint8))
    rgb = np.full((20, 20, 3), 140, np.uint8)
    stabilizer = (0.01 * 255) ** 2
    expected = (2 * 100 * 140 + stabilizer) / (100**2 + 140**2 + stabilizer)
    assert ssim(rgb, image) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(("height", "width"), [(10, 30), (30, 10)])
def test_an_image_smaller_than_the_window_has_no_similarity(random_indexed, height, width):
    image = random_indexed(9, height, width)
    assert ssim(image.to_rgb(), image) is None


@pytest.mark.parametrize("channels", [3, 4])
def test_with_alpha_the_ratio_is_the_mean_over_all_backgrounds(random_indexed, channels):
    opaque = random_indexed(9, 65, 3)
    alphas = np.arange(0, 252, 28, dtype=np.uint8)[:, None]
    image = IndexedImage(np.hstack([opaque.palette, alphas]), opaque.indices)
    pixels = np.random.default_rng(0).integers(0, 256, (65, 3, channels), np.uint8)
    pairs = zip(
        with_alpha(pixels).reshape(-1, 4).tolist(),
        image.to_rgba().reshape(-1, 4).tolist(),
        strict=True,
    )
    mean = np.mean([oracle.mean_distance_over_backgrounds(*pair) for pair in pairs]) / 3
    assert psnr(pixels, image) == pytest.approx(10 * math.log10(255**2 / mean))
