"""The display of images and palettes in notebooks."""

from __future__ import annotations

import io
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from kmq.image import IndexedImage, Palette, notebook


def shown(image):
    data = image._repr_png_()
    with Image.open(io.BytesIO(data)) as picture:
        picture.load()
        return picture


@pytest.mark.parametrize(("colors", "grey"), [(1, False), (9, True), (200, False), (300, False)])
def test_a_small_image_is_shown_as_it_is(random_indexed, colors, grey):
    indexed = random_indexed(colors, 11, 23, grey=grey)
    picture = shown(indexed)
    assert np.array_equal(np.asarray(picture.convert("RGB")), indexed.to_rgb())
    assert "Comment" not in picture.info


def test_transparency_is_shown():
    indexed = IndexedImage([[9, 8, 7, 0], [1, 2, 3, 99]], [[0, 1, 1]])
    assert np.array_equal(np.asarray(shown(indexed).convert("RGBA")), indexed.to_rgba())


def test_a_large_image_is_shown_smaller_and_says_so():
    stripes = IndexedImage([[0] * 3, [200] * 3], np.tile([[0], [1]], (300, 2500)))
    picture = shown(stripes)
    assert picture.size == (834, 200)
    assert picture.info["Comment"] == "2500 x 600 pixels, shown as 834 x 200"
    assert set(np.unique(np.asarray(picture)).tolist()) <= {66, 67, 133}  # averages of three rows


@pytest.mark.parametrize("size", [(1, 1), (1, 4097), (9001, 1), (1024, 1025)])
def test_no_side_is_longer_than_1024_pixels(size):
    picture = shown(IndexedImage([[1, 2, 3]], np.zeros(size, np.uint8)))
    assert 1 <= min(picture.size) <= max(picture.size) <= notebook.LARGEST_SIDE
    assert picture.getpixel((0, 0)) == (1, 2, 3)


def test_labels_are_told_apart_and_never_averaged():
    labels = np.arange(1200)[np.newaxis, :] // 100 * np.ones((3, 1), np.int64)
    picture = shown(IndexedImage.from_labels(labels))
    pixels = np.asarray(picture.convert("RGB"))
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) == 12
    assert pixels[0, 0].tolist() == [0, 0, 0]
    # The same label has the same colour in an image with other labels.
    alone = np.asarray(shown(IndexedImage.from_labels([[11, 40_000]])))
    assert alone[0, 0].tolist() == pixels[0, -1].tolist()


class Elements(HTMLParser):
    """Titles, code and all text of a piece of HTML, whose elements must be closed in order."""

    def __init__(self, html):
        super().__init__()
        self.titles, self.codes, self.texts, self.open = [], [], [], []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)
        self.titles += [value for name, value in attributes if name == "title"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        (self.codes if self.open[-1] == "code" else self.texts).append(data)


def test_a_palette_is_shown_as_swatches_with_index_and_code():
    elements = Elements(Palette([[255, 0, 16], [0, 128, 9]])._repr_html_())
    assert elements.titles == ["0: #ff0010", "1: #008009"]
    assert elements.codes == ["#ff0010", "#008009"]
    assert elements.texts == ["2 colours"]


def test_alpha_is_part_of_a_swatch():
    html = Palette([[1, 2, 3, 4]])._repr_html_()
    assert "linear-gradient(#01020304,#01020304)" in html
    assert Elements(html).texts == ["1 colour"]


def test_a_large_palette_is_cut_and_says_so():
    elements = Elements(Palette(np.arange(1500 * 3).reshape(1500, 3) % 251)._repr_html_())
    assert len(elements.titles) == notebook.MOST_SWATCHES
    assert elements.codes == []
    assert elements.texts == ["1,500 colours, of which the first 1,024 are shown"]
