"""`kmq thumbnail`: small pictures for file managers."""

from __future__ import annotations

import io
import itertools
import tracemalloc

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import ROOT
from PIL import Image

import kmq
from kmq import thumbnails
from kmq.cli import kmq as command
from kmq.container.head import write_head
from kmq.image.notebook import label_colors

INVALID = ROOT / "formats" / "vectors" / "invalid"


def run(*arguments):
    return CliRunner().invoke(command, ["thumbnail", *map(str, arguments)])


def made(image: kmq.IndexedImage | bytes, size: int) -> Image.Image:
    data = image if isinstance(image, bytes) else kmq.encode(image)
    png = thumbnails.thumbnail(io.BytesIO(data), size, max_pixels=1 << 24, threads=1)
    return Image.open(io.BytesIO(png))


def pixels_of(image: kmq.IndexedImage, size: int) -> np.ndarray:
    return np.asarray(made(image, size).convert("RGBA")).astype(int)


@pytest.mark.parametrize(
    ("width", "height", "size"),
    list(itertools.product((1, 31, 64, 701), (1, 33, 64, 509), (1, 2, 31, 64, 128))),
)
def test_it_is_no_larger_than_asked_and_keeps_its_shape(width, height, size, random_indexed):
    picture = made(random_indexed(3, height, width), size)
    longest = max(width, height, size)
    assert picture.size == tuple(max(1, round(side * size / longest)) for side in (width, height))


def test_a_picture_that_is_small_enough_keeps_its_pixels_and_palette(random_indexed):
    image = random_indexed(7, 20, 30)
    picture = made(image, 30)
    assert picture.mode == "P"
    assert np.array_equal(np.asarray(picture.convert("RGB")), image.to_rgb())


@pytest.mark.parametrize("size", [9, 16, 40])
def test_a_chequerboard_keeps_its_brightness(size):
    # Half of the light of white is the grey 188, not 128.
    board = np.indices((160, 160)).sum(axis=0) % 2
    image = kmq.IndexedImage(np.array([[0, 0, 0], [255, 255, 255]], np.uint8), board)
    shown = pixels_of(image, size)
    assert np.abs(shown[2:-2, 2:-2, :3] - 188).max() <= 6


def test_clear_pixels_do_not_colour_their_neighbours():
    palette = np.array([[255, 0, 0, 255], [0, 255, 0, 0]], np.uint8)
    board = np.indices((90, 90)).sum(axis=0) % 2
    shown = pixels_of(kmq.IndexedImage(palette, board), 15)[2:-2, 2:-2]
    assert (shown[..., 0] == 255).all()
    assert (shown[..., 1:3] == 0).all()
    assert np.abs(shown[..., 3] - 128).max() <= 6


def test_a_large_picture_is_averaged_in_bands_like_one_of_one_colour(monkeypatch, random_indexed):
    image = random_indexed(9, 300, 407)
    whole = pixels_of(image, 20)
    monkeypatch.setattr(thumbnails, "_BAND_PIXELS", 5_000)
    assert np.array_equal(pixels_of(image, 20), whole)
    plain = kmq.IndexedImage(np.array([[10, 20, 30]], np.uint8), np.zeros((1003, 977), int))
    assert (pixels_of(plain, 50) == [10, 20, 30, 255]).all()


def test_labels_get_colours_that_tell_them_apart_and_are_not_averaged():
    labels = np.repeat(np.array([[0, 3, 700]], np.uint16), 90, axis=0).repeat(30, axis=1)
    shown = np.asarray(made(kmq.IndexedImage.from_labels(labels), 16))
    expected = label_colors(np.array([0, 3, 700], np.uint16))
    assert {tuple(color) for color in shown.reshape(-1, 3)} == {tuple(c) for c in expected}


def test_the_command_writes_a_png_over_a_file_that_is_there(tmp_path, random_indexed):
    kmq.save(tmp_path / "a.kmq", random_indexed(5, 60, 70))
    (tmp_path / "out").write_bytes(b"made beforehand")
    assert run(tmp_path / "a.kmq", tmp_path / "out", 32).exit_code == 0
    with Image.open(tmp_path / "out") as picture:
        assert (picture.format, picture.size) == ("PNG", (32, 27))


@pytest.mark.parametrize("size", ["0", "-3", "big", "1.5"])
def test_a_size_that_is_none_is_wrong_usage(size, tmp_path):
    result = run("--", tmp_path / "a.kmq", tmp_path / "out.png", size)
    assert result.exit_code == 2
    assert "Invalid value for 'SIZE'" in result.stderr


@pytest.mark.parametrize("name", ["stripe-checksum", "empty", "file-cut", "signature"])
def test_a_damaged_file_is_reported_and_what_is_there_stays(name, tmp_path):
    out = tmp_path / "out.png"
    out.write_bytes(b"old")
    result = run(INVALID / f"{name}.kmq", out, 64)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"kmq: {INVALID / name}.kmq: ")
    assert out.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["out.png"]


def test_a_file_that_is_missing_or_of_another_type_is_reported(tmp_path):
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    assert "not a .kmq file" in run(tmp_path / "a.png", tmp_path / "out.png", 64).stderr
    assert "No such file" in run(tmp_path / "none.kmq", tmp_path / "out.png", 64).stderr
    assert not (tmp_path / "out.png").exists()


def test_a_picture_of_too_many_pixels_is_refused_before_memory_is_taken_for_it(tmp_path):
    # 2^30 pixels of one colour, in a few kilobytes.
    bodies = [(0, b"")] * 256
    palette = b"\x07\x08\x09"
    data = write_head(1 << 15, 1 << 15, 1, palette, 1 << 7, bodies) + bytes(4) * 256
    (tmp_path / "huge.kmq").write_bytes(data)
    tracemalloc.start()
    result = run(tmp_path / "huge.kmq", tmp_path / "out.png", 64)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert result.exit_code == 1
    assert "1,073,741,824 pixels" in result.stderr
    assert most < 1 << 24
