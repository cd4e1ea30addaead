from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from kmq.cli.demo_picture import draw
from kmq.report.transforms import QUALITIES, Point, curves, smallest_that_reaches


@pytest.fixture(scope="module")
def rgb():
    return draw()[::8, ::8]


@pytest.fixture(scope="module")
def drawn(rgb):
    return curves(rgb)


def test_every_quality_of_every_coder_has_its_size_and_its_psnr(rgb, drawn):
    assert {"JPEG", "WebP lossy"} <= set(drawn) <= {"JPEG", "WebP lossy", "AVIF"}
    for points in drawn.values():
        assert tuple(point.quality for point in points) == QUALITIES
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "JPEG", quality=50, optimize=True)
    [point] = [point for point in drawn["JPEG"] if point.quality == 50]
    assert point.bytes == len(file.getvalue())
    mean = ((np.asarray(Image.open(file)).astype(float) - rgb) ** 2).mean()
    assert point.psnr == pytest.approx(10 * np.log10(255**2 / mean))


def test_better_is_larger(drawn):
    for points in drawn.values():
        assert [point.bytes for point in points] == sorted(point.bytes for point in points)


@pytest.mark.parametrize(("width", "left"), [(16_384, True), (65_536, False)])
def test_a_picture_too_wide_for_a_coder_has_no_curve_of_it(width, left):
    found = curves(np.zeros((1, width, 3), np.uint8))
    assert "WebP lossy" not in found
    assert ("JPEG" in found) == left


def test_between_two_qualities_the_bytes_are_between_too():
    points = [Point(10, 100, 20.0), Point(50, 400, 30.0), Point(90, 900, float("inf"))]
    assert smallest_that_reaches(points, 25.0) == pytest.approx(200)
    assert smallest_that_reaches(points, 30.0) == pytest.approx(400)
    assert smallest_that_reaches(points, 19.0) is smallest_that_reaches(points, 31.0) is None
