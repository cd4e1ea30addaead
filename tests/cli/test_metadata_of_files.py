"""Resolution, EXIF, XMP and texts through the command line."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

import kmq
from kmq.cli import kmq as command

XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"


def run(*arguments, code=0):
    result = CliRunner().invoke(command, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.stderr
    return result


def notes(result, name):
    lines = result.stderr.splitlines()
    return [line.removeprefix(f"kmq: {name}: ") for line in lines if line.startswith("kmq: ")]


def exif(**tags):
    made = Image.Exif()
    for name, value in tags.items():
        made[ExifTags.Base[name]] = value
    return made.tobytes()


def reopened(name):
    with Image.open(name) as image:
        image.load()
    return image


@pytest.fixture
def page(tmp_path, monkeypatch):
    """A small scanned page, without metadata."""
    monkeypatch.chdir(tmp_path)
    page = np.full((40, 30, 3), 250, np.uint8)
    page[5:-5:4, 5:-5] = 20
    return Image.fromarray(page)


@pytest.fixture
def described(page):
    """The page as a PNG with all kinds of metadata, stored on its side."""
    chunks = PngInfo()
    chunks.add_text("Title", "A page")
    chunks.add_itxt("Author", "Ünal")
    chunks.add_itxt("XML:com.adobe.xmp", XMP.decode())
    block = exif(Orientation=6, Artist="A. Person")
    page.save("page.png", dpi=(300, 300), exif=block, pnginfo=chunks)


@pytest.mark.parametrize("back", ["png", "tif", "jpg", "webp"])
@pytest.mark.parametrize("kind", ["png", "tif", "jpg"])
def test_a_scanned_page_keeps_its_resolution(page, kind, back):
    page.save(f"page.{kind}", dpi=(300, 300))
    run("encode", f"page.{kind}", "-o", "page.kmq")
    assert notes(run("decode", "page.kmq", "-o", f"back.{back}"), "page.kmq") == []
    written = reopened(f"back.{back}")
    if back == "webp":
        assert written.getexif()[ExifTags.Base.XResolution] == pytest.approx(300, abs=0.01)
    else:
        assert written.info["dpi"] == pytest.approx((300, 300), abs=0.01)


@pytest.mark.parametrize("optimize", [[], ["--optimize"]])
@pytest.mark.parametrize("made_by", [["quantize"], ["encode", "decode"]])
def test_a_png_keeps_everything(described, made_by, optimize):
    *before, last = made_by
    for step in before:
        assert notes(run(step, "page.png", "-o", "page.kmq"), "page.png") == []
    source = "page.kmq" if before else "page.png"
    assert notes(run(last, source, *optimize, "-o", "back.png"), source) == []
    written = reopened("back.png")
    assert written.size == (40, 30)
    assert written.info["dpi"] == pytest.approx((300, 300), abs=0.01)
    assert written.info["srgb"] == 0
    assert written.info["xmp"] == XMP
    assert written.text["Title"] == "A page"
    assert written.text["Author"] == "Ünal"
    assert dict(written.getexif()) == {
        ExifTags.Base.Orientation: 1,
        ExifTags.Base.Artist: "A. Person",
    }


@pytest.mark.parametrize(
    ("back", "note"),
    [
        ("jpg", "not kept in JPEG: 2 texts"),
        ("tif", "not kept in TIFF: 2 texts"),
        ("webp", "not kept in WEBP: resolution, 2 texts"),
        ("gif", "not kept in GIF: resolution, EXIF, XMP, 2 texts"),
    ],
)
def test_what_another_format_has_no_place_for_is_noted_once(described, back, note):
    run("encode", "page.png")
    assert notes(run("decode", "page.kmq", "-o", f"back.{back}"), "page.kmq") == [note]
    written = reopened(f"back.{back}")
    if back != "gif":
        assert written.getexif()[ExifTags.Base.Artist] == "A. Person"
        assert kmq.quantize(written).metadata.xmp == XMP or back == "tif"
    result = run("decode", "page.kmq", "--json", "-f", "-o", f"back.{back}")
    assert json.loads(result.stdout)["notes"] == [note]


@pytest.mark.parametrize("made_by", ["quantize", "encode", "decode"])
def test_strip_leaves_everything_out_and_says_nothing(described, made_by):
    if made_by == "decode":
        run("encode", "page.png")
    source = "page.kmq" if made_by == "decode" else "page.png"
    target = "out.kmq" if made_by == "encode" else "out.png"
    assert notes(run(made_by, source, "--strip", "-o", target), source) == []
    if made_by == "encode":
        assert kmq.info(target).metadata_bytes == 0
    else:
        assert reopened(target).info.keys() == {"srgb"}


def test_many_colours_and_a_background_keep_them(page):
    random = np.random.default_rng(0).integers(0, 256, (20, 25, 4), np.uint8)
    Image.fromarray(random).save("page.png", dpi=(300, 300))
    run("encode", "page.png", "-k", 400)
    run("decode", "page.kmq", "-o", "flat.tif", "--background", "white")
    run("decode", "page.kmq", "-o", "back.png")
    for name in ("flat.tif", "back.png"):
        assert reopened(name).info["dpi"] == pytest.approx((300, 300), abs=0.01)


def test_metadata_counts_towards_a_size(described):
    run("encode", "page.png", "-o", "whole.kmq")
    size = kmq.info("whole.kmq").file_bytes
    run("encode", "page.png", "--max-bytes", size, "-o", "fits.kmq")
    assert kmq.load("fits.kmq").metadata == kmq.load("whole.kmq").metadata
    result = run("encode", "page.png", "--max-bytes", 90, "-o", "small.kmq", code=1)
    assert "--strip leaves the metadata out" in result.stderr
    run("encode", "page.png", "--max-bytes", 90, "--strip", "-o", "small.kmq")


def test_a_given_palette_and_a_kmq_input_keep_them(described):
    run("encode", "page.png")
    (kmq_file := reopened("page.kmq")).save("again.kmq")
    run("encode", "again.kmq", "-o", "twice.kmq")
    run("encode", "page.png", "--palette", "page.kmq", "-o", "given.kmq")
    for name in ("again.kmq", "twice.kmq", "given.kmq"):
        assert kmq.load(name).metadata == kmq.load("page.kmq").metadata
    assert kmq_file.text == {"Title": "A page", "Author": "Ünal"}


def test_info_shows_them_in_few_lines(described):
    metadata = kmq.quantize("page.png").metadata
    texts = (*metadata.text, ("Log", "\x1b[31m" + "x" * 1000), *[("n", str(i)) for i in range(20)])
    indexed = kmq.quantize("page.png").with_metadata(
        kmq.Metadata(resolution=(300, 300), exif=b"II*\0", xmp=XMP, text=texts)
    )
    kmq.save("page.kmq", indexed)
    lines = run("info", "page.kmq").stdout.splitlines()
    shown = [" ".join(line.split()) for line in lines if line.split()[0] in LABELS]
    assert shown[:6] == [
        "resolution 300 x 300 pixels per inch",
        "EXIF 4 bytes",
        f"XMP {len(XMP)} bytes",
        "text Title: A page",
        "text Author: Ünal",
        f"text Log: \\x1b[31m{'x' * 55}... (1,005 characters)",
    ]
    assert shown[-1] == "text and 13 more"
    assert all(len(line) < 120 for line in shown)
    [whole] = json.loads(run("info", "--json", "page.kmq").stdout)
    assert whole["metadata"] == {
        "resolution": [300.0, 300.0],
        "exif": base64.b64encode(b"II*\0").decode(),
        "xmp": XMP.decode(),
        "text": [list(pair) for pair in texts],
    }


LABELS = ("resolution", "EXIF", "XMP", "text")


def test_damaged_metadata_never_costs_the_picture(described):
    run("encode", "page.png")
    stored = bytearray(Path("page.kmq").read_bytes())
    stored[-9] ^= 1
    Path("page.kmq").write_bytes(stored)
    damage = "metadata: the checksum does not match"
    [note] = notes(run("decode", "page.kmq", "-o", "back.png"), "page.kmq")
    assert note == f"{damage}; the picture is read without them"
    assert "metadata    damaged: the checksum does not match" in run("info", "page.kmq").stdout
    assert notes(run("verify", "page.kmq", code=1), "page.kmq") == [damage]
    with pytest.warns(kmq.KmqWarning, match=damage):
        assert not kmq.load("page.kmq").metadata
    with pytest.warns(kmq.KmqWarning, match=damage), Image.open("page.kmq") as image:
        assert image.size == (40, 30)
