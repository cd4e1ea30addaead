from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from kmq.report import pictures
from kmq.report.pictures import Box


def decoded(uri):
    kind, data = uri.split(",", 1)
    assert kind == "data:image/webp;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        return np.asarray(image.convert("RGB"))


def random_picture(height, width):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def test_a_picture_keeps_every_pixel():
    rgb = random_picture(30, 41)
    assert np.array_equal(decoded(pictures.picture_uri(rgb)), rgb)


def test_a_large_picture_is_averaged():
    rgb = np.repeat(random_picture(1, 1), 3200, axis=1)
    shown = decoded(pictures.picture_uri(rgb))
    assert shown.shape == (1, 1600, 3)
    assert np.abs(shown.astype(int) - rgb[:, :1600]).max() < 9


@pytest.mark.parametrize(
    ("width", "height", "shown"),
    [(1600, 20, (1600, 20)), (3200, 20, (1600, 10)), (3, 9000, (1, 1600)), (1, 1, (1, 1))],
)
def test_the_longer_side_is_bounded(width, height, shown):
    assert pictures.shown_size(width, height) == shown


def test_the_first_peak_is_where_the_sum_is_greatest():
    amount = np.zeros((200, 300), np.float32)
    amount[100:120, 200:230] = 1
    box = next(pictures.peaks(amount, []))
    assert box.left <= 200
    assert box.left + box.width >= 230
    assert box.top <= 100
    assert box.top + box.height >= 120


def test_peaks_do_not_overlap_and_come_to_an_end():
    amount = np.random.default_rng(0).random((210, 333), np.float32)
    taken = [Box(100, 50, 96, 64)]
    covered = np.zeros(amount.shape, int)
    for box in [*taken, *pictures.peaks(amount, taken)]:
        covered[box.top : box.top + box.height, box.left : box.left + box.width] += 1
        assert box.left >= 0
        assert box.left + box.width <= 333
        assert box.top + box.height <= 210
    assert covered.max() == 1
    assert covered.sum() >= 3 * 96 * 64


def test_a_picture_smaller_than_a_detail_is_its_own_only_detail():
    amount = np.ones((5, 7), np.float32)
    assert list(pictures.peaks(amount, [])) == [Box(0, 0, 7, 5)]


def test_where_there_is_nothing_there_is_no_peak():
    assert list(pictures.peaks(np.zeros((99, 99), np.float32), [])) == []


def test_the_gradient_is_the_sum_of_steps_to_the_right_and_down():
    rgb = np.zeros((2, 2, 3), np.uint8)
    rgb[0, 1] = (1, 2, 3)
    rgb[1, 0] = 10
    assert pictures.gradient(rgb).tolist() == [[36, 6], [30, 0]]
