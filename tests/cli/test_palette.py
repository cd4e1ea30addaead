"""`kmq palette`, and a given palette for `kmq encode`."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import opened
from PIL import Image

import kmq
from kmq import palettes
from kmq.cli import kmq as command
from kmq.image import Palette


def run(*arguments, input=None):
    return CliRunner().invoke(command, [str(argument) for argument in arguments], input=input)


@pytest.fixture
def picture(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rgb = np.random.default_rng(0).integers(0, 256, (12, 17, 3), np.uint8)
    Image.fromarray(rgb).save("photo.png")
    return rgb


def test_the_colours_are_printed_as_hex_lines(picture):
    result = run("palette", "photo.png", "-k", 9)
    assert result.exit_code == 0
    expected = Palette(kmq.quantize(picture, 9).palette)
    assert result.stdout == palettes.to_hex(expected)


@pytest.mark.parametrize("kind", ["hex", "gpl", "json"])
def test_every_kind_can_be_given_to_encode_again(picture, kind):
    assert run("palette", "photo.png", "-k", 9, "--kind", kind, "-o", "colors").exit_code == 0
    result = run("encode", "photo.png", "--palette", "colors")
    assert result.exit_code == 0, result.stderr
    assert kmq.load("photo.kmq") == kmq.quantize(picture, 9)


def test_the_output_says_what_kind(picture):
    run("palette", "photo.png", "-k", 9, "-o", "a.gpl")
    run("palette", "photo.png", "-k", 9, "-o", "a.json")
    run("palette", "photo.png", "-k", 9, "-o", "a.png")
    assert Path("a.gpl").read_text().startswith("GIMP Palette\n")
    assert sum(json.loads(Path("a.json").read_text())["pixels"]) == picture.size // 3
    assert opened(Path("a.png")).size == (9 * 32, 32)


def test_the_palette_of_a_file_is_its_own(picture):
    run("encode", "photo.png", "-k", 9)
    assert run("palette", "photo.kmq").stdout == run("palette", "photo.png", "-k", 9).stdout


def test_a_given_palette_is_kept_whole_and_in_order(picture):
    colors = [[250, 250, 250], [0, 0, 0], [0, 0, 0], [9, 200, 9]]
    Path("colors").write_text(json.dumps(colors))
    assert run("encode", "photo.png", "--palette", "colors").exit_code == 0
    loaded = kmq.load("photo.kmq")
    assert loaded.palette.tolist() == colors
    assert loaded == kmq.apply(picture, colors)
    distances = ((picture[:, :, None].astype(int) - np.array(colors)) ** 2).sum(axis=3)
    assert np.array_equal(loaded.indices, distances.argmin(axis=2))


def test_a_bad_line_is_named(picture):
    Path("colors").write_text("#ff0000\nnonsense\n")
    result = run("encode", "photo.png", "--palette", "colors")
    assert result.exit_code == 2
    assert "colors: line 2: expected a colour" in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    "arguments",
    [
        ["-k", "5"],
        ["--psnr", "30"],
        ["--max-bytes", "900"],
        ["--palette", "missing"],
        ["--effort", "best"],
        ["--effort", "default"],
        ["--seed", "0"],
        ["--max-iter", "2"],
    ],
)
def test_options_that_contradict_a_palette_are_wrong_usage(picture, arguments):
    Path("colors").write_text("#ff0000\n")
    assert run("encode", "photo.png", "--palette", "colors", *arguments).exit_code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["-k", "4"],
        ["--psnr", "90"],
        ["--effort", "default"],
        ["--seed", "0"],
        ["--max-iter", "2"],
        ["--background", "white"],
    ],
)
def test_options_that_do_nothing_to_a_files_own_palette_are_wrong_usage(picture, arguments):
    Path("photo.kmq").write_bytes(kmq.encode(picture, 9))
    result = run("palette", "photo.kmq", *arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    flag = "--colors" if arguments[0] == "-k" else arguments[0]
    assert f"nothing to choose for {flag}" in " ".join(result.stderr.split())
    assert run("palette", "photo.kmq", "--threads", 1, "--max-pixels", 999).exit_code == 0


def test_an_ending_that_no_palette_has_is_wrong_usage(picture):
    result = run("palette", "photo.png", "-k", 9, "-o", "p.xyz")
    assert result.exit_code == 2
    assert "'.xyz'" in result.stderr
    assert not Path("p.xyz").exists()
    for name in ("p.HEX", "p.txt", "p"):
        assert run("palette", "photo.png", "-k", 9, "-o", name).exit_code == 0
        assert Path(name).read_text().startswith("#")
    assert run("palette", "photo.png", "-k", 9, "-o", "p.xyz", "--kind", "hex").exit_code == 0


def test_targets_work_from_the_command_line(picture):
    assert run("encode", "photo.png", "--psnr", 25).exit_code == 0
    assert kmq.load("photo.kmq") == kmq.quantize(picture, psnr=25)
    assert run("encode", "-f", "photo.png", "--max-bytes", 300).exit_code == 0
    assert Path("photo.kmq").read_bytes() == kmq.encode(picture, max_bytes=300)
    failed = run("encode", "-f", "photo.png", "--max-bytes", 20)
    assert failed.exit_code == 1
    assert "one colour takes" in failed.stderr


@pytest.mark.parametrize("effort", ["fast", "default", "best"])
def test_the_effort_is_the_librarys(picture, effort):
    assert run("encode", "-f", "photo.png", "-k", 9, "--effort", effort).exit_code == 0
    assert kmq.load("photo.kmq") == kmq.quantize(picture, 9, effort=effort)


def test_palettes_go_through_pipes(picture):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    assert run("palette", "-", "-k", 3, input=file.getvalue()).stdout.count("\n") == 3


def test_the_help_promises_no_output_into_a_directory():
    told = run("palette", "--help").stdout
    assert "standard output (-)" in " ".join(told.split())
    assert "directory" not in told
