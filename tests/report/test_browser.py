"""The report in a real browser: Chromium, headless, without a network."""

from __future__ import annotations

import re
import subprocess

import pytest
from browser import find_chromium

from kmq import report
from kmq.cli.demo_picture import draw
from kmq.comparison import compare
from kmq.options import Options

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--enable-logging=stderr",
    # Timers run as fast as they can, and the page is printed when they have.
    "--virtual-time-budget=30000",
    "--dump-dom",
)


@pytest.fixture(scope="module")
def chromium():
    return find_chromium()


@pytest.fixture(scope="module")
def page():
    rgb = draw()[100:260, 160:400]
    options = Options()
    return report.render("photo.png", rgb, 1000, compare(rgb, (2, 16, 300), options), options)


def browse(chromium, folder, page):
    """Open a page with #self-test; return what its root element says, and console lines.

    The page's own policy forbids every request, and a forbidden one is told there.
    """
    file = folder / "page.html"
    file.write_text(page, encoding="utf-8")
    done = subprocess.run(
        [chromium, *FLAGS, f"--user-data-dir={folder / 'profile'}", f"{file.as_uri()}#self-test"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    root = re.search(r"<html[^>]*>", done.stdout)
    assert root, done.stderr
    console = [line for line in done.stderr.splitlines() if ":CONSOLE" in line]
    return dict(re.findall(r'data-([\w-]+)="([^"]*)"', root[0])), console


def test_the_page_works_and_the_console_stays_empty(chromium, tmp_path, page):
    said, console = browse(chromium, tmp_path, page)
    assert console == []
    assert said == {"ready": "yes", "self-test": "passed"}


def test_a_request_would_be_noticed(chromium, tmp_path, page):
    asking = page.replace("<footer>", '<footer><img src="http://127.0.0.1:9/x.png" alt="">')
    _, console = browse(chromium, tmp_path, asking)
    assert len(console) == 1
    assert "Content Security Policy" in console[0]


def test_a_page_that_does_not_work_would_be_noticed(chromium, tmp_path, page):
    without_slider = page.replace('id="reduced"', 'id="something-else"')
    said, console = browse(chromium, tmp_path, without_slider)
    assert console
    assert said.get("self-test") != "passed"
