"""The viewer in a real browser: Chromium, headless, without a network."""

from __future__ import annotations

import base64
import io
import re
import time

import numpy as np
import pytest
from browser import browser
from conftest import ROOT, opened
from PIL import Image

import kmq
from kmq import viewer
from kmq.container.fields import checksum
from kmq.container.head import PACKED, RGB, write_head

PAGE = ROOT / "docs" / "viewer.html"
TIMES = "\N{MULTIPLICATION SIGN}"


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture
def page(chromium):
    """The viewer without a file, wide; what it complains of fails the test."""
    chromium.resize(1100, 700)
    chromium.prefer("light")
    chromium.open(PAGE.as_uri())
    yield chromium
    assert chromium.console == []


@pytest.fixture
def files(tmp_path):
    """Save an image as a `.kmq` file and return its path."""

    def save(name, indexed, **options):
        kmq.save(tmp_path / name, indexed, **options)
        return tmp_path / name

    return save


def show(page, *paths, is_broken=False):
    """Choose files and wait until all are decoded; the first one is shown, or its fault."""
    page.choose_files("#chooser", *paths)
    page.wait_for("opened.length > 0 && opened.every((entry) => entry.state !== 'waiting')")
    assert is_seen(page, "#fault") == is_broken, text(page, "#fault-text")


def text(page, selector):
    return page.evaluate(f"document.querySelector({selector!r}).innerText")


def is_seen(page, selector):
    return page.evaluate(f"document.querySelector({selector!r}).checkVisibility()")


def drawn(page):
    """Return what is on the canvas, (H, W, 4)."""
    url = page.evaluate("stage.drawNow(); stage.canvas.toDataURL()")
    with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as image:
        return np.asarray(image.convert("RGBA"))


def colors_drawn(page):
    """Return the colours on the canvas as numbers, and how often each occurs."""
    return np.unique(drawn(page).copy().view("<u4"), return_counts=True)


def at(page, x, y):
    """Return the colour on the canvas in the middle of a pixel of the picture."""
    place = page.evaluate(f"stage.toCanvas({{ x: {x} + 0.5, y: {y} + 0.5 }})")
    return drawn(page)[int(place["y"]), int(place["x"])].tolist()


def place_of(page, x, y):
    """Return where in the page a pixel of the picture is."""
    return page.evaluate(
        f"(() => {{ const box = stage.canvas.getBoundingClientRect(); const {{ x, y }} = "
        f"stage.toCanvas({{ x: {x} + 0.5, y: {y} + 0.5 }}); return [box.x + x, box.y + y]; }})()"
    )


PICTURE = kmq.IndexedImage(
    [[250, 10, 20], [0, 90, 200], [30, 160, 60], [9, 9, 9]],
    [[0, 0, 0, 1], [0, 0, 2, 1], [0, 2, 2, 1]],
)


def test_a_file_that_is_chosen_is_shown_with_its_palette(page, files):
    assert is_seen(page, "#welcome")
    show(page, files("few.kmq", PICTURE))
    assert not is_seen(page, "#welcome")
    assert page.evaluate("document.title") == "few.kmq · kmq viewer"
    assert f"4 {TIMES} 3 pixels in 4 colours" in text(page, "#summary")
    rows = page.evaluate("[...document.querySelectorAll('.swatch')].map((s) => s.ariaLabel)")
    assert rows == [
        "#fa0a14, index 0, 50 %",
        "#005ac8, index 1, 25 %",
        "#1ea03c, index 2, 25 %",
        "#090909, index 3, 0 %",
    ]
    assert "4 colours, 1 unused" in text(page, "#chosen")
    for y, x in ((0, 0), (2, 1), (2, 3)):
        assert at(page, x, y) == [*PICTURE.to_rgb()[y, x].tolist(), 255]


def test_sizes_and_theory_are_those_of_info(page, files, random_indexed):
    path = files("a.kmq", random_indexed(17, 60, 70))
    show(page, path)
    info = kmq.info(path)
    assert f"{info.file_bytes:,} bytes" in text(page, "#sizes .is-file")
    assert f"{-(-info.theoretical_bits // 8):,.0f} bytes" in text(page, "#sizes .is-theory")
    assert f"{3 * 60 * 70:,} bytes" in text(page, "#sizes")
    assert "log2 K = 4.087 bits" in text(page, "#theory")
    assert f"takes {info.excess_bytes:.0f} bytes more than that" in text(page, "#theory")


def test_a_dropped_and_a_pasted_file_are_opened(page, files):
    path = files("dropped.kmq", PICTURE)
    page.drop_files(500, 400, path)
    page.wait_for("document.querySelector('#name').innerText === 'dropped.kmq'")
    assert not is_seen(page, "#veil")
    page.evaluate(
        "(() => { const data = new DataTransfer(); data.items.add(new File("
        f"[Uint8Array.from({list(path.read_bytes())})], 'pasted.kmq')); "
        "document.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data })); })()"
    )
    page.wait_for("document.querySelector('#name').innerText === 'pasted.kmq'")


def test_files_inside_the_page_are_opened(page, tmp_path, files):
    data = files("a.kmq", PICTURE).read_bytes()
    (tmp_path / "page.html").write_text(viewer.page([("a.kmq", data)]), encoding="utf-8")
    page.open((tmp_path / "page.html").as_uri())
    page.wait_for("document.querySelector('#name').innerText === 'a.kmq'")


def test_the_example_is_shown(page):
    page.evaluate("document.querySelector('#example').click()")
    page.wait_for("document.querySelector('#name').innerText === 'example.kmq'")
    assert f"640 {TIMES} 400 pixels in 64 colours" in text(page, "#summary")


def saved(page, folder, name):
    page.save_downloads_in(folder)
    page.press("p")
    end = time.monotonic() + 20
    while not (folder / name).exists():
        assert time.monotonic() < end, "nothing was saved"
        time.sleep(0.05)
    return opened(folder / name)


def with_alpha(indexed):
    alpha = np.arange(len(indexed.palette)) * 37 % 256
    return kmq.IndexedImage(np.column_stack([indexed.palette, alpha]), indexed.indices)


@pytest.mark.parametrize("colors", [1, 2, 3, 5, 200, 300])
@pytest.mark.parametrize("alpha", [False, True])
def test_the_png_that_is_saved_has_the_same_pixels(
    page, files, tmp_path, random_indexed, colors, alpha
):
    indexed = random_indexed(colors, 13, 21)
    if alpha:
        indexed = with_alpha(indexed)
    show(page, files("a b.kmq", indexed))
    picture = saved(page, tmp_path, "a b.png")
    assert np.array_equal(np.asarray(picture.convert("RGBA")), indexed.to_rgba())
    assert picture.mode == ("P" if colors <= 256 else "RGBA" if alpha else "RGB")


@pytest.mark.parametrize("highest", [255, 256])
def test_labels_are_told_apart_and_saved_as_numbers(page, files, tmp_path, highest):
    labels = np.array([[0, 7, 100], [highest, 7, 0]])
    show(page, files("mask.kmq", kmq.IndexedImage.from_labels(labels)))
    assert "in 4 labels" in text(page, "#summary")
    assert len({tuple(at(page, x, 0)) for x in range(3)}) == 3
    x, y = place_of(page, 0, 1)
    page.mouse("mouseMoved", x, y)
    assert f"label {highest}" in text(page, "#pixel")
    assert np.array_equal(np.asarray(saved(page, tmp_path, "mask.png")), labels)


def test_a_pixel_under_the_pointer_says_its_index_and_colour(page, files):
    show(page, files("a.kmq", PICTURE))
    page.mouse("mouseMoved", *place_of(page, 2, 1))
    assert re.sub(r"\s+", " ", text(page, "#pixel")) == "#1ea03c index 2 column 2, row 1"
    page.mouse("mouseMoved", 1000, 300)
    assert not is_seen(page, "#pixel")


def test_a_chosen_colour_stands_out_until_it_is_chosen_again(page, files):
    show(page, files("a.kmq", PICTURE))
    page.click(*place_of(page, 3, 0))
    page.mouse("mouseMoved", 1000, 300)
    assert at(page, 3, 1) == [0, 90, 200, 255]
    red, green, blue, _ = at(page, 0, 0)
    assert red == green == blue > 200  # light, because the chosen colour is dark
    assert "#005ac8" in text(page, "#chosen")
    assert "3 pixels, 25 %" in text(page, "#chosen")
    assert page.evaluate("document.querySelector('[aria-selected=true]').dataset.index") == "1"
    page.evaluate("document.querySelector('.swatch[data-index=\"1\"]').click()")
    assert at(page, 0, 0) == [250, 10, 20, 255]


def test_the_keyboard_alone_reaches_everything(page, files):
    show(page, files("a.kmq", PICTURE))
    reached = []
    for _ in range(25):
        page.press("Tab")
        reached.append(
            page.evaluate(
                "document.activeElement.id || document.activeElement.className "
                "|| document.activeElement.innerText"
            )
        )
    wanted = {"open", "save", "help", "canvas", "order", "swatch", "Fit", "1:1", "Grid", "Smooth"}
    assert wanted <= set(reached)
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


def test_keys_move_over_the_pixels_pick_and_zoom(page, files):
    show(page, files("a.kmq", PICTURE))
    page.evaluate("stage.canvas.focus()")
    page.press("ArrowLeft")
    assert "column 2, row 1" in text(page, "#pixel")
    page.press("ArrowLeft")
    page.press("ArrowUp")
    assert "column 1, row 0" in text(page, "#pixel")
    assert "column 1, row 0: #fa0a14, index 0" in text(page, "#spoken")
    page.press("ArrowRight", shift=True)
    assert "column 3, row 0" in text(page, "#pixel")
    page.press("Enter")
    assert "#005ac8" in text(page, "#chosen")
    page.press("Escape")
    assert "4 colours" in text(page, "#chosen")
    before = page.evaluate("stage.view.zoom")
    page.press("+")
    assert page.evaluate("stage.view.zoom") == 1.5 * before
    page.press("1")
    assert page.evaluate("stage.view.zoom") == 1
    assert text(page, "#zoom") == "100 %"
    page.press("0")
    assert page.evaluate("stage.view.zoom") == before


def test_keys_walk_through_the_palette(page, files, random_indexed):
    for colors, down in ((9, 1), (300, None)):
        show(page, files("a.kmq", random_indexed(colors, 40, 40)))
        page.evaluate("document.querySelector('.swatch').focus()")
        page.press("ArrowDown")
        columns = page.evaluate(
            "getComputedStyle(document.querySelector('#swatches'))"
            ".gridTemplateColumns.split(' ').length"
        )
        place = "[...document.querySelectorAll('.swatch')].indexOf(document.activeElement)"
        assert page.evaluate(place) == (down or columns)
        page.press("Enter")
        assert page.evaluate("document.activeElement.ariaSelected") == "true"
        page.press("End")
        assert page.evaluate(place) == colors - 1
        page.press("Home")
        assert page.evaluate(place) == 0


def test_the_palette_has_four_orders(page, files):
    show(page, files("a.kmq", PICTURE))
    for order, expected in {
        "index": [0, 1, 2, 3],
        "share": [0, 1, 2, 3],
        "lightness": [3, 1, 0, 2],
        "hue": [3, 2, 1, 0],
    }.items():
        listed = page.evaluate(
            f"(() => {{ const order = document.querySelector('#order'); order.value = '{order}'; "
            "order.dispatchEvent(new Event('change')); return [...document.querySelectorAll("
            "'.swatch')].map((swatch) => Number(swatch.dataset.index)); })()"
        )
        assert listed == expected, order


def test_a_large_palette_is_listed_in_parts(page, files):
    indices = np.arange(65_536).reshape(256, 256)
    palette = np.column_stack([indices.ravel() >> 8, indices.ravel() & 255, indices.ravel() % 7])
    show(page, files("a.kmq", kmq.IndexedImage(palette, indices), coding="packed"))
    assert page.evaluate("document.querySelectorAll('.swatch').length") == 1024
    assert text(page, "#more") == "Show more, 64,512 are left"
    page.evaluate("document.querySelector('#more').click()")
    assert page.evaluate("document.querySelectorAll('.swatch').length") == 2048
    page.evaluate("palette.choose(5000)")
    assert page.evaluate("document.querySelector('[aria-selected=true]').dataset.index") == "5000"


def test_the_wheel_zooms_about_the_pointer_and_dragging_pans(page, files, random_indexed):
    show(page, files("a.kmq", random_indexed(7, 60, 80)))
    before = page.evaluate("stage.view.zoom")
    x, y = place_of(page, 20, 10)
    page.mouse("mouseWheel", x, y, deltaX=0, deltaY=-300)
    page.wait_for(f"stage.view.zoom > {before}")
    assert "column 20, row 10" in text(page, "#pixel")
    page.mouse("mousePressed", x, y, button="left", clickCount=1)
    page.mouse("mouseMoved", x + 90, y + 40, button="left")
    page.mouse("mouseReleased", x + 90, y + 40, button="left", clickCount=1)
    assert place_of(page, 20, 10) == pytest.approx([x + 90, y + 40], abs=20)
    assert "7 colours" in text(page, "#chosen")  # a drag chooses nothing


def test_two_fingers_zoom(page, files, random_indexed):
    show(page, files("a.kmq", random_indexed(7, 60, 80)))
    before = page.evaluate("stage.view.zoom")

    def touch(kind, *points):
        fingers = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]
        page.call("Input.dispatchTouchEvent", type=kind, touchPoints=fingers)

    touch("touchStart", (300, 300))
    touch("touchStart", (300, 300), (400, 300))
    touch("touchMove", (250, 300), (450, 300))
    touch("touchEnd")
    assert page.evaluate("stage.view.zoom") == pytest.approx(2 * before)
    assert "7 colours" in text(page, "#chosen")


def test_grid_and_smoothing_can_be_switched(page, files):
    show(page, files("a.kmq", PICTURE))
    assert len(colors_drawn(page)[0]) > 4
    page.press("g")
    assert len(colors_drawn(page)[0]) == 4  # three colours and around
    page.press("s")
    assert len(colors_drawn(page)[0]) > 50
    pressed = "document.querySelector('[data-toggle={}]').ariaPressed"
    assert page.evaluate(pressed.format("grid")) == "false"
    assert page.evaluate(pressed.format("smooth")) == "true"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_chequers_are_behind_transparency(page, files, scheme):
    page.prefer(scheme)
    show(page, files("a.kmq", kmq.IndexedImage([[0, 0, 0, 0], [9, 8, 7, 255]], [[0, 1]])))
    page.press("g")
    colors, counts = colors_drawn(page)
    often = [int(color).to_bytes(4, "little") for color in colors[counts > 100]]
    greys = [color for color in often if color[3] == 255 and color[:3] != bytes((9, 8, 7))]
    assert len(greys) == 2
    assert all((grey[0] > 128) == (scheme == "light") for grey in greys)


def test_stripes_are_listed_and_drawn(page, files, random_indexed):
    from_rows = random_indexed(3, 4097, 520)
    show(page, files("a.kmq", from_rows, coding="packed"))
    # Bands that were decoded in parallel are in their places.
    counts = np.bincount(from_rows.indices.ravel()).tolist()
    assert page.evaluate("[...current.picture.counts]") == counts
    for y in (0, 2015, 2016, 4032, 4096):
        row = page.evaluate(f"[...current.picture.indices.subarray({y * 520}, {y * 520 + 520})]")
        assert row == from_rows.indices[y].tolist()
    info = kmq.info(files("a.kmq", from_rows, coding="packed"))
    assert f"{len(info.stripes)} stripes, packed" in text(page, "#stripes")
    last = info.stripes[-1]
    assert f"{last.first_row} to {last.first_row + last.rows - 1}" in text(page, "#stripes table")
    plain = drawn(page)
    page.press("b")
    assert (drawn(page) != plain).any()


def test_pictures_larger_than_a_tile_are_drawn_whole(page, files):
    indices = np.zeros((5, 4100), np.uint8)
    indices[:, 2047:2049] = 1
    indices[:, -1] = 2
    show(page, files("a.kmq", kmq.IndexedImage([[250, 0, 0], [0, 250, 0], [0, 0, 250]], indices)))
    page.press("1")
    page.evaluate("stage.zoomTo(16); stage.panTo(2048, 2)")
    assert [at(page, x, 2)[:3] for x in (2046, 2047, 2048, 2049)] == [
        [250, 0, 0], [0, 250, 0], [0, 250, 0], [250, 0, 0],
    ]  # fmt: skip
    page.press("0")
    assert at(page, 1000, 2)[:3] == [250, 0, 0]


def test_metadata_are_text_whatever_they_hold(page, files):
    metadata = kmq.Metadata(
        resolution=(300, 72),
        xmp=b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>",
        exif=bytes.fromhex("49492a00080000000000 00000000"),
        text=(("Title", "<img src=x onerror=alert(1)>"), ("<b>", "Dünen")),
    )
    show(page, files("a.kmq", PICTURE.with_metadata(metadata)))
    said = text(page, "#metadata")
    for part in (
        f"300 {TIMES} 72 pixels per inch",
        "<img src=x onerror",
        "<b>",
        "Dünen",
        "xmpmeta",
        "14 bytes",
    ):
        assert part in said
    assert page.evaluate("document.querySelectorAll('#metadata img, #metadata b').length") == 0


def test_damaged_metadata_do_not_cost_the_picture(page):
    show(page, ROOT / "formats" / "vectors" / "valid" / "metadata-bad-checksum.kmq")
    assert "Damaged" in text(page, "#metadata")


def large_file():
    """Return a file of 83 megapixels of one colour."""
    stripes = [(PACKED, b"")] * 20
    head = write_head(4096, 20_480, RGB, bytes(3), 1024, stripes)
    return head + checksum(b"") * 20


BROKEN = {
    "empty": (b"", "ends"),
    "another kind": (b"\x89PNG\r\n\x1a\n", "89 4B 4D 51"),
    "cut short": (kmq.encode(PICTURE)[:-3], "short|ends"),
    "damaged": (kmq.encode(PICTURE)[:-1] + b"\0", "checksum"),
    "too large": (large_file(), "pixels"),
}


@pytest.mark.parametrize(("content", "message"), BROKEN.values(), ids=BROKEN)
def test_a_file_that_cannot_be_shown_says_why(page, tmp_path, content, message):
    (tmp_path / "<i>bad.kmq").write_bytes(content)
    show(page, tmp_path / "<i>bad.kmq", is_broken=True)
    assert text(page, "#fault-title") == "<i>bad.kmq cannot be shown"
    assert re.search(message, text(page, "#fault-text"))
    assert text(page, "#fault-hint") != ""
    assert not is_seen(page, "#panel")
    assert page.evaluate("document.querySelector('#save').disabled")
    page.press("p")
    page.press("+")


def test_two_files_are_shown_in_turn_and_keep_their_colour(page, files, tmp_path):
    (tmp_path / "bad.kmq").write_bytes(b"nothing")
    show(page, files("a.kmq", PICTURE), files("b.kmq", PICTURE), tmp_path / "bad.kmq")
    page.wait_for("document.querySelectorAll('.tab.is-broken').length === 1")
    assert text(page, "#name") == "a.kmq"
    page.evaluate("palette.choose(2)")
    page.press("]")
    assert text(page, "#name") == "b.kmq"
    assert "4 colours" in text(page, "#chosen")
    page.press("]")
    assert text(page, "#fault-title") == "bad.kmq cannot be shown"
    page.press("w")
    page.press("[")
    assert text(page, "#name") == "a.kmq"
    assert "#1ea03c" in text(page, "#chosen")
    page.press("w")
    page.press("w")
    assert is_seen(page, "#welcome")
    assert page.evaluate("document.title") == "kmq viewer"


@pytest.mark.parametrize("width", [320, 390, 768])
def test_a_phone_never_scrolls_sideways(page, files, random_indexed, width):
    page.resize(width, 700, ratio=2, is_phone=True)
    scrolls = "document.documentElement.scrollWidth > innerWidth"
    assert not page.evaluate(scrolls)
    long_name = "a-name-that-is-longer-than-any-phone-is-wide-and-has-no-spaces.kmq"
    named = kmq.Metadata(text=(("x" * 70, "y" * 300),))
    show(
        page,
        files(long_name, random_indexed(40, 31, 29).with_metadata(named)),
        files("b.kmq", PICTURE),
    )
    assert not page.evaluate(scrolls)
    page.evaluate("palette.choose(3)")
    page.press("?")
    assert is_seen(page, "#keys")
    assert not page.evaluate(scrolls)
    # The picture stays in sight beside its palette.
    page.press("Escape")
    page.evaluate("document.querySelector('#swatches').scrollIntoView()")
    assert page.evaluate("stage.canvas.getBoundingClientRect().bottom") > 250


def test_without_workers_the_page_decodes_itself(chromium, files):
    added = chromium.call("Page.addScriptToEvaluateOnNewDocument", source="delete window.Worker")
    try:
        chromium.open(PAGE.as_uri())
        show(chromium, files("a.kmq", PICTURE))
        assert text(chromium, "#name") == "a.kmq"
        assert chromium.console == []
    finally:
        chromium.call("Page.removeScriptToEvaluateOnNewDocument", identifier=added["identifier"])


def test_a_request_would_be_refused_and_noticed(chromium, tmp_path):
    asking = viewer.page().replace("<dialog", '<img src="http://127.0.0.1:9/x.png" alt=""><dialog')
    (tmp_path / "page.html").write_text(asking, encoding="utf-8")
    chromium.open((tmp_path / "page.html").as_uri())
    assert any("Content Security Policy" in line for line in chromium.console)
