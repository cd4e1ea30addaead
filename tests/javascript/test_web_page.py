"""The page that docs/how-to/web.md shows, in Chromium: with a service worker and without."""

from __future__ import annotations

import io

import pages
import pytest
from browser import browser
from PIL import Image

import kmq
from javascript.browsing import LOOPBACK_ONLY, served
from javascript.decoding import SOURCES

SHOWN, FALLBACK = [
    block.code for block in pages.blocks("docs/how-to/web.md") if block.language == "html"
]


def as_png(color):
    file = io.BytesIO()
    Image.new("RGB", (8, 5), color).save(file, "png")
    return file.getvalue()


@pytest.fixture(params=["a worker", "no worker"])
def opened(request, tmp_path):
    """The page; its .kmq files are blue, and the .png files beside them red."""
    blue = kmq.encode(Image.new("RGB", (8, 5), "blue"))
    ready = "<script>document.documentElement.dataset.ready = 'yes'</script>"
    files = {"/index.html": f"{SHOWN}{FALLBACK}{ready}".encode()}
    files |= {f"/pictures/{name}.kmq": blue for name in ("lake", "diagram")}
    files |= {f"/pictures/{name}.png": as_png("red") for name in ("lake", "diagram")}
    files |= {f"/{name}": (SOURCES / name).read_bytes() for name in ("kmq.js", "kmq-worker.js")}
    with served(files) as site, browser(tmp_path / "profile", LOOPBACK_ONLY) as page:
        if request.param == "no worker":
            hide = "delete Navigator.prototype.serviceWorker"
            page.call("Page.addScriptToEvaluateOnNewDocument", source=hide)
        page.call("Page.navigate", url=site.url("/index.html"))
        yield request.param, page


def test_the_page_shows_kmq_files_where_a_worker_runs_and_png_where_none_does(opened):
    worker, page = opened
    kind = "kmq" if worker == "a worker" else "png"
    image = "document.querySelector('img')"
    page.wait_for(f"{image}?.naturalWidth === 8 && {image}.src.endsWith('diagram.{kind}')")
    style = "getComputedStyle(document.querySelector('header')).backgroundImage"
    page.wait_for(f"{style}.includes('lake.{kind}')")
