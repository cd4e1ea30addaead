"""What the page holds, before any browser has seen it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from importlib.resources import files

import numpy as np
import pytest

from kmq import report
from kmq.cli.demo_picture import draw
from kmq.comparison import compare
from kmq.options import Options
from kmq.report import page


class Elements(HTMLParser):
    """Every element of a page with its attributes."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def rendered(rgb, colors=(2, 9), title="photo.png", **options):
    chosen = Options(**options)
    return report.render(title, rgb, 1000, compare(rgb, colors, chosen), chosen)


@pytest.fixture(scope="module")
def picture():
    return draw()[100:200, 200:350]


@pytest.fixture(scope="module")
def text(picture):
    return rendered(picture)


def embedded_data(text):
    return json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])


def test_nothing_is_loaded_from_anywhere(text):
    for _, attributes in Elements(text).found:
        for name in ("src", "href", "xlink:href", "action", "srcset"):
            assert (attributes.get(name) or "#").startswith(("data:", "#"))
    assert "@import" not in text
    assert set(re.findall(r"url\((.)", text)) <= {"#"}


def test_the_policy_allows_nothing_but_what_the_page_holds(text):
    [policy] = [a["content"] for t, a in Elements(text).found if "http-equiv" in a]
    script = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    assert len(script) == 1
    digest = base64.b64encode(hashlib.sha256(script[0].encode()).digest()).decode()
    assert policy == (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'"
    )


def test_every_picture_and_figure_is_described(text):
    for tag, attributes in Elements(text).found:
        if tag == "img":
            assert attributes["alt"]
        if tag in ("svg", "canvas"):
            assert attributes["role"] == "img"
            assert attributes["aria-label"]


def test_no_id_occurs_twice(text):
    ids = [attributes["id"] for _, attributes in Elements(text).found if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_the_data_of_a_row_are_its_palette_and_how_often_each_colour_occurs(picture, text):
    for row, stored in zip(
        compare(picture, (2, 9), Options()), embedded_data(text)["rows"], strict=True
    ):
        assert base64.b64decode(stored["palette"]) == row.indexed.palette.tobytes()
        assert stored["pixels"] == np.bincount(row.indexed.indices.ravel()).tolist()
        assert f"{row.modelled_bytes:,} bytes" in stored["facts"]


def test_the_cloud_shows_at_most_a_given_number_of_colours_of_the_picture():
    rgb = np.random.default_rng(0).integers(0, 256, (90, 90, 3), np.uint8)
    points = np.frombuffer(base64.b64decode(embedded_data(rendered(rgb))["points"]), np.uint8)
    shown = {tuple(point) for point in points.reshape(-1, 3)}
    assert len(shown) == page.MOST_POINTS
    assert shown <= {tuple(color) for color in rgb.reshape(-1, 3)}


def test_the_title_is_text_whatever_it_holds(picture):
    text = rendered(picture, title="</script><b>&.png")
    assert "<h1>&lt;/script&gt;&lt;b&gt;&amp;.png</h1>" in text
    assert "<b>&" not in text


def test_the_same_comparison_gives_the_same_page(picture):
    rows = compare(picture, (2, 9), Options())
    first, second = (report.render("a", picture, 9, rows, Options()) for _ in range(2))
    assert first == second


def test_a_large_picture_is_said_to_be_downscaled(text):
    assert "averaged from" not in text
    wide = np.random.default_rng(0).integers(0, 256, (4, 2000, 3), np.uint8)
    assert "averaged from 2,000" in rendered(wide)


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (3, 5)])
def test_the_smallest_pictures_have_a_page_too(shape):
    rgb = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    assert "<h1>photo.png</h1>" in rendered(rgb, (1, 2, 8))


def test_where_every_row_is_exact_there_is_no_curve():
    text = rendered(np.zeros((20, 20, 3), np.uint8), (1, 2))
    assert "There is nothing to show" in text
    assert '<h2 id="details">' not in text


def test_palettes_beyond_256_colours_have_no_png():
    rgb = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    assert "<td>\N{EN DASH}</td>" in rendered(rgb, (300,))


def test_the_parts_of_the_page_are_in_the_package():
    inside = files("kmq.report")
    for name in ("template.html.j2", "report.css", "report.js"):
        assert inside.joinpath(name).is_file()
