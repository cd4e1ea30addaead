"""`rdo` through the library and the command line."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from test_codec import photo_like

import kmq
from kmq.cli import kmq as command
from kmq.quality import psnr
from kmq.quantizing import with_cheaper_indices


def run(*arguments):
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


@pytest.fixture
def photo(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rgb = photo_like(60, 70)
    Image.fromarray(rgb).save("photo.png")
    return rgb


def test_without_rdo_and_with_0_the_file_is_the_same():
    rgb = photo_like()
    plain = kmq.encode(rgb, 9)
    assert kmq.encode(rgb, 9, rdo=0) == kmq.encode(rgb, 9, rdo=0.001) == plain
    assert kmq.encode(rgb, 9, rdo=None) == plain


def test_rdo_makes_the_file_smaller_for_little_error():
    rgb = photo_like(120, 130)
    plain, chosen = kmq.quantize(rgb, 12), kmq.quantize(rgb, 12, rdo=1)
    assert len(kmq.encode(chosen)) < 0.95 * len(kmq.encode(plain))
    assert psnr(rgb, chosen) > psnr(rgb, plain) - 1
    assert kmq.encode(rgb, 12, rdo=1) == kmq.encode(chosen)


def test_more_effort_makes_the_file_smaller():
    rgb = photo_like(120, 130)
    nearest = kmq.quantize(rgb, 12)
    sizes = [
        len(kmq.encode(with_cheaper_indices(rgb, nearest, kmq.Options(rdo=1, effort=effort))))
        for effort in ("fast", "default", "best")
    ]
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == 3


@pytest.mark.parametrize("given", [-0.01, 4.01, math.nan, math.inf, "1", True])
def test_a_strength_out_of_range_is_named(given):
    with pytest.raises(kmq.OptionError, match=r"rdo: expected a number from 0 to 4"):
        kmq.Options(rdo=given)


def test_an_indexed_image_is_stored_as_it_is():
    indexed = kmq.quantize(photo_like(), 5)
    with pytest.raises(kmq.OptionError, match="rdo: an IndexedImage"):
        kmq.encode(indexed, rdo=0.5)


def test_a_palette_image_that_is_kept_is_not_touched():
    image = photo_like_palette_image()
    assert kmq.encode(image, rdo=2) == kmq.encode(image)
    assert kmq.encode(image, 5, rdo=2) != kmq.encode(image, 5)


def photo_like_palette_image():
    return Image.fromarray(photo_like()).quantize(40)


def test_exact_images_stay_exact():
    rgb = photo_like(8, 8)
    assert np.array_equal(kmq.decode(kmq.encode(rgb, 64, rdo=4)), rgb)


def test_a_given_palette_keeps_its_entries_and_their_order():
    rgb = photo_like()
    palette = kmq.Palette(np.random.default_rng(3).integers(0, 256, (20, 3), np.uint8))
    plain, chosen = kmq.apply(rgb, palette), kmq.apply(rgb, palette, rdo=1)
    assert np.array_equal(chosen.palette, palette.colors)
    assert len(kmq.encode(chosen)) < len(kmq.encode(plain))


def test_pillow_saves_with_rdo(photo):
    Image.fromarray(photo).save("photo.kmq", colors=9, rdo=1)
    assert Path("photo.kmq").read_bytes() == kmq.encode(photo, 9, rdo=1)


@pytest.mark.parametrize(
    ("arguments", "strength"),
    [
        (["--rdo", "photo.png"], 0.25),
        (["photo.png", "--rdo"], 0.25),
        (["--rdo", "-q", "photo.png"], 0.25),
        (["--rdo", "1", "photo.png"], 1),
        (["--rdo=0", "photo.png"], 0),
        (["--rdo", "--", "photo.png"], 0.25),
    ],
)
def test_the_command_lines_strength_may_be_left_out(photo, arguments, strength):
    result = run("encode", "-k", 9, *arguments)
    assert result.exit_code == 0, result.stderr
    assert Path("photo.kmq").read_bytes() == kmq.encode(photo, 9, rdo=strength)


def test_a_strength_out_of_range_is_wrong_usage(photo):
    result = run("encode", "photo.png", "--rdo", "5")
    assert result.exit_code == 2
    assert "rdo: expected a number from 0 to 4, got 5" in result.stderr


def test_a_palette_of_the_command_line_stays_as_it_is(photo):
    Path("colours.hex").write_text("102030\nff0000\n00ff00\n8080ff\nffffff\n")
    result = run("encode", "photo.png", "--palette", "colours.hex", "--rdo", "2")
    assert result.exit_code == 0, result.stderr
    found = kmq.load("photo.kmq")
    assert found == kmq.apply(photo, found.palette, rdo=2) != kmq.apply(photo, found.palette)
    assert len(found.palette) == 5


def test_compare_has_columns_with_and_without_rdo(photo):
    [row] = json.loads(run("compare", "photo.png", "-k", 9, "--json", "--rdo", 1).stdout)["rows"]
    [plain] = json.loads(run("compare", "photo.png", "-k", 9, "--json").stdout)["rows"]
    chosen = kmq.quantize(photo, 9, rdo=1)
    assert row["modelled_bytes"] == plain["modelled_bytes"]
    assert row["rdo_bytes"] == len(kmq.encode(chosen))
    assert row["rdo_psnr"] == psnr(photo, chosen)
    assert "rdo_bytes" not in plain
    table = run("compare", "photo.png", "-k", 9, "--rdo", 1).stdout
    assert f"{row['rdo_bytes']:,} {row['rdo_psnr']:.2f}" in " ".join(table.split())
