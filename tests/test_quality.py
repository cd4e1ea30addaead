from __future__ import annotations

import math

import numpy as np
import pytest

from kmq.image import IndexedImage
from kmq.quality import psnr


def test_equal_pixels_have_no_noise():
    image = IndexedImage([[1, 2, 3], [4, 5, 6]], [[0, 1, 1]])
    assert psnr(image.to_rgb(), image) == math.inf


@pytest.mark.parametrize("height", [1, 63, 64, 65, 130])
def test_the_ratio_is_that_of_the_definition(random_indexed, height):
    image = random_indexed(9, height, 17)
    rgb = np.random.default_rng(0).integers(0, 256, (height, 17, 3), np.uint8)
    mean = ((rgb.astype(float) - image.to_rgb()) ** 2).mean()
    assert psnr(rgb, image) == pytest.approx(10 * math.log10(255**2 / mean))
