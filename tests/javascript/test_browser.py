"""The service worker and the element in a real browser: Chromium, headless."""

from __future__ import annotations

import io

import numpy as np
import pytest
from browser import browser
from conftest import ROOT
from PIL import Image

from javascript.browsing import LOOPBACK_ONLY, reported, served
from javascript.decoding import SOURCES

VECTORS = ROOT / "formats" / "vectors" / "valid"
PAGE = ROOT / "tests" / "javascript" / "page.html"

PICTURES = b"""<!doctype html><meta charset="utf-8"><style>
body { margin: 0; display: flex; background: #123456 }
div { width: 31px; height: 23px; background: url(/vectors/colours-200.kmq) }
</style><img src="/vectors/colours-200.kmq" alt=""><div></div>
<script>addEventListener("load", () => { document.documentElement.dataset.ready = "yes" })</script>
"""


@pytest.fixture(scope="module")
def site():
    vector = (VECTORS / "modelled-256.kmq").read_bytes()
    png = io.BytesIO()
    Image.new("RGB", (3, 2), "red").save(png, "png")
    files = {f"/{path.name}": path.read_bytes() for path in SOURCES.glob("*.js")}
    files |= {f"/vectors/{path.name}": path.read_bytes() for path in VECTORS.glob("*.kmq")}
    files |= {
        "/page.html": PAGE.read_bytes(),
        "/pictures.html": PICTURES,
        "/truncated.kmq": vector,
        "/cut.kmq": vector[:-9],
        "/html.kmq": b"<!doctype html><title>Not found</title>",
        "/large.kmq": (VECTORS / "modelled-1024x1025.kmq").read_bytes(),
        "/png.kmq": png.getvalue(),
    }
    with served(files) as serving:
        yield serving


@pytest.fixture(scope="module")
def opened(site, tmp_path_factory):
    with browser(tmp_path_factory.mktemp("profile"), LOOPBACK_ONLY) as page:
        yield page


@pytest.fixture(scope="module")
def found(site, opened):
    """What the page found, loaded again by the worker that it has just registered."""
    return reported(opened, site, "/page.html")


def test_images_and_elements_show_the_pixels_of_the_decoder(found):
    assert "error" not in found, found["error"]
    names = ["colours-3", "colours-200", "colours-1000", "modelled-256", "grey-2", "stripes-64"]
    for name in names:
        assert found[f"img {name}"] is True, name
        assert found[f"element {name}"] is True, name
    assert found["img with a query"] is True


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("/truncated.kmq", "TypeError"),
        ("/cut.kmq", "file"),
        ("/missing.kmq", "file"),
        ("/html.kmq", "file"),
        ("/large.kmq", "limit"),
    ],
)
def test_what_cannot_be_shown_is_an_error_event(found, path, fault):
    assert found[f"element {path}"] == ["error", fault]
    assert found[f"img {path}"] == ("load" if path == "/large.kmq" else "error")


def test_requests_that_are_not_for_an_image_of_the_format_are_passed_through(found):
    assert found["img of a PNG with another name"] == "load"
    assert found["a script gets the file"] is True
    assert found["a range is passed through"] == 206


def test_images_from_elsewhere_are_shown_where_the_other_server_allows_it(found):
    assert found["img from elsewhere"] == "error"
    assert found["img from elsewhere, allowed"] == "load"


def test_large_files_are_decoded_in_workers_and_without_them_in_the_page(found):
    assert found["in workers"] is True
    assert found["where workers cannot start"] is True
    assert found["without workers"] is True


def test_the_element_keeps_its_aspect_ratio_waits_if_lazy_and_saves_png(found):
    assert found["keeps its aspect ratio"] is True
    assert found["is pixelated"] == "pixelated"
    assert found["lazy, far away"] is True
    assert found["lazy, near"] == "load"
    assert found["saves PNG"] is True


def test_an_image_and_a_background_look_as_they_should(site, opened, found):
    opened.resize(100, 40)
    opened.open(site.url("/pictures.html"))
    seen = np.asarray(Image.open(io.BytesIO(opened.screenshot())).convert("RGB"))
    with Image.open(VECTORS / "colours-200.kmq") as image:
        expected = np.asarray(image.convert("RGB"))
    height, width = expected.shape[:2]
    assert np.array_equal(seen[:height, :width], expected)
    assert np.array_equal(seen[:height, width : 2 * width], expected)
