from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from kmq.cli.demo_picture import draw
from kmq.report.jpeg import QUALITIES, jpeg_curve


def test_every_quality_has_its_size_and_its_psnr():
    rgb = draw()[::4, ::4]
    curve = jpeg_curve(rgb)
    assert tuple(point.quality for point in curve) == QUALITIES
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "JPEG", quality=50, optimize=True)
    [point] = [point for point in curve if point.quality == 50]
    assert point.bytes == len(file.getvalue())
    mean = ((np.asarray(Image.open(file)).astype(float) - rgb) ** 2).mean()
    assert point.psnr == pytest.approx(10 * np.log10(255**2 / mean))


def test_better_is_larger():
    curve = jpeg_curve(draw()[::4, ::4])
    assert [point.bytes for point in curve] == sorted(point.bytes for point in curve)


def test_a_picture_too_wide_for_jpeg_has_no_curve():
    assert jpeg_curve(np.zeros((1, 65_536, 3), np.uint8)) == []
