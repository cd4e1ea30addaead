"""The main job on real images: round trips, at the promised size, through both decoders."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from conftest import REAL_IMAGES
from PIL import Image
from test_format import reference

import kmq
from kmq import pixels
from kmq.container.summary import packed_allowance

FOLDERS = ("photos", "graphics", "large")
NAMES = [
    f"{folder}/{path.name}"
    for folder in FOLDERS
    for path in sorted((REAL_IMAGES / folder).glob("*"))
    if path.suffix in (".png", ".jpg")
]


@pytest.mark.parametrize("name", NAMES or ["none"])
def test_an_image_goes_there_and_back_at_the_promised_size(real_images, name):
    rgb = pixels.read(real_images / name, background="white").rgb
    for colors in (2, 5, 16, 64, 200, 256):
        indexed = kmq.quantize(rgb, colors)
        packed = kmq.encode(indexed, coding="packed")
        data = kmq.encode(indexed)
        assert len(data) <= len(packed)
        png = pixels.to_file(kmq.load(data).to_pil(), ".png")
        decoded = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
        assert np.array_equal(decoded, indexed.to_rgb())
        pixels_in_all = indexed.width * indexed.height
        theoretical_bits = 24 * len(indexed.palette) + pixels_in_all * math.log2(
            len(indexed.palette)
        )
        assert len(packed) - theoretical_bits / 8 <= packed_allowance(pixels_in_all)
        assert reference.decode(packed).pixels() == decoded.tobytes()


@pytest.mark.parametrize("name", NAMES or ["none"])
def test_the_middle_of_an_image_is_decoded_alike_by_the_reference(real_images, name):
    rgb = pixels.read(real_images / name, background="white").rgb
    middle = rgb[rgb.shape[0] // 2 :, rgb.shape[1] // 2 :][:37, :53]
    for colors in (5, 200):
        data = kmq.encode(middle, colors, coding="modelled")
        assert reference.decode(data).pixels() == kmq.decode(data).tobytes()


def test_a_photograph_in_256_colours_is_about_as_close_as_a_start_of_full_k_means(real_images):
    import json

    known = json.loads((real_images / "reference_errors.json").read_text())
    name = "kingfisher.png"
    rgb = pixels.read(real_images / "photos" / name).rgb
    difference = rgb.astype(np.int64) - kmq.quantize(rgb, 256).to_rgb()
    error = (difference**2).sum(axis=2).mean()
    assert error <= 1.01 * known[name]["256"]["kpp1_mean"]
