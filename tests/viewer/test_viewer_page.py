"""What the viewer's page holds, before any browser has seen it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from importlib.resources import files

import pytest
from conftest import ROOT
from test_format import module

from kmq import viewer


class Elements(HTMLParser):
    """Every element of a page with its attributes, which must be closed in order."""

    VOID = ("meta", "link", "input", "br", "img")

    def __init__(self, text):
        super().__init__()
        self.found, self.open = [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag


@pytest.fixture(scope="module")
def text():
    return viewer.page([("a.kmq", b"\x89KMQ")])


def embedded(text, name):
    return re.search(rf'id="{name}">(.*?)</script>', text, re.DOTALL)[1]


def test_nothing_is_loaded_from_anywhere(text):
    for _, attributes in Elements(text).found:
        for name in ("src", "href", "xlink:href", "action", "srcset"):
            assert (attributes.get(name) or "#").startswith(("data:", "#"))
    for sign in ("@import", "url(", "fetch(", "XMLHttpRequest", "http:", "https:", "WebSocket"):
        assert sign not in text, sign


def test_the_policy_allows_one_script_and_the_decoder(text):
    [policy] = [a["content"] for _, a in Elements(text).found if "http-equiv" in a]
    [script] = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; script-src 'sha256-{digest}' blob:; worker-src blob:; "
        "style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def test_modules_of_the_page_are_one_script(text):
    for part in (embedded(text, "decoder"), text.rpartition("<script>")[2]):
        assert not re.search(r"^(import|export)\b", part, re.MULTILINE)


def test_no_id_occurs_twice_and_every_reference_has_one(text):
    attributes = [attributes for _, attributes in Elements(text).found]
    ids = [each["id"] for each in attributes if "id" in each]
    assert len(ids) == len(set(ids))
    for name in ("aria-labelledby", "aria-describedby"):
        assert {each[name] for each in attributes if name in each} <= set(ids)


def test_every_button_without_words_has_a_name_and_every_key_is_listed(text):
    buttons = [attributes for tag, attributes in Elements(text).found if tag == "button"]
    keys = re.findall(r"<kbd>(.*?)</kbd>", text)
    assert len(buttons) > 10
    for button in buttons:
        if key := button.get("aria-keyshortcuts"):
            assert key.replace("-", "\N{MINUS SIGN}") in [*keys, "?"]
    for name in ("out", "in"):
        [button] = [button for button in buttons if button.get("data-do") == name]
        assert button["aria-label"].startswith("Zoom")


def test_files_are_inside_whatever_their_names():
    name, data = '</script><b>&"\u2028.kmq', bytes(range(256))
    text = viewer.page([(name, data), ("b.kmq", b"")])
    assert "<b>" not in text.replace('element("b"', "")
    first, second = json.loads(embedded(text, "files"))
    assert (first["name"], base64.b64decode(first["data"])) == (name, data)
    assert second == {"name": "b.kmq", "data": ""}


def test_the_same_files_give_the_same_page():
    assert viewer.page([("a", b"1")]) == viewer.page([("a", b"1")])


def test_the_published_page_and_the_decoder_in_the_package_are_up_to_date():
    # `make viewer` writes both.
    page = (ROOT / "docs" / "viewer.html").read_text(encoding="utf-8")
    assert page == viewer.page()
    make_viewer = module(ROOT / "docs" / "make_viewer.py")
    assert make_viewer.IN_PACKAGE.read_bytes() == make_viewer.DECODER.read_bytes()


def test_the_parts_of_the_page_are_in_the_package():
    inside = files("kmq.viewer")
    parts = ("viewer.html", "viewer.css", "kmq.js", "reading.js", "example.kmq", *viewer.SCRIPTS)
    assert all(inside.joinpath(name).is_file() for name in parts)
