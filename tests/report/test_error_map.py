from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from matplotlib import colormaps
from PIL import Image

from kmq.image import IndexedImage
from kmq.report import error_map


def test_distances_are_euclidean():
    image = IndexedImage([[0, 0, 0], [200, 200, 200]], [[0, 1]])
    rgb = np.array([[[1, 2, 2], [200, 197, 196]]], np.uint8)
    assert error_map.distances(rgb, image).tolist() == [[3, 5]]


def test_the_spread_is_of_the_distances():
    found = error_map.spread(np.arange(101, dtype=np.float32).reshape(1, 101))
    assert found.root_mean_square == pytest.approx(np.sqrt((np.arange(101) ** 2).mean()))
    assert (found.most, found.largest) == (95, 100)


def test_no_error_is_darkest_and_the_limit_brightest():
    uri = error_map.heat_map(np.array([[0, 25, 100]], np.float32), limit=100)
    with Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))) as image:
        shown = np.asarray(image.convert("RGB"))[0]
    scale = colormaps[error_map.COLOR_MAP](np.linspace(0, 1, 64), bytes=True)[:, :3]
    assert shown.tolist() == [scale[0].tolist(), scale[32].tolist(), scale[63].tolist()]


def test_the_brightest_distance_is_one_that_few_pixels_exceed():
    assert error_map.brightest(np.arange(1001, dtype=np.float32).reshape(77, 13)) == 999
    assert error_map.brightest(np.zeros((9, 9), np.float32)) == 1
