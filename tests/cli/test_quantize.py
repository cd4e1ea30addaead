"""`kmq quantize`, and the names that each command writes to."""

from __future__ import annotations

import io

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import opened
from PIL import Image

import kmq
from kmq.cli import kmq as command
from kmq.extensions import names_another_format


def run(*arguments, input=None):
    return CliRunner().invoke(command, [str(argument) for argument in arguments], input=input)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def picture(folder):
    rgb = np.random.default_rng(0).integers(0, 256, (12, 17, 3), np.uint8)
    Image.fromarray(rgb).save(folder / "photo.png")
    return rgb


@pytest.mark.parametrize("extension", [".png", ".gif", ".webp", ".bmp", ".tif", ".TIFF"])
def test_an_ordinary_image_holds_the_pixels_of_the_library(folder, picture, extension):
    result = run("quantize", "photo.png", "-o", f"x{extension}", "-k", 9, "--seed", 4)
    assert result.exit_code == 0, result.stderr
    written = opened(folder / f"x{extension}")
    assert written.mode == ("RGB" if extension == ".webp" else "P")
    expected = kmq.quantize(picture, 9, seed=4).to_rgb()
    assert np.array_equal(np.asarray(written.convert("RGB")), expected)
    assert ", 9 colours, " in result.stderr


def test_quantize_reads_and_writes_pipes_and_folders(folder, picture):
    piped = run("quantize", "-", "-k", 9, input=(folder / "photo.png").read_bytes())
    assert Image.open(io.BytesIO(piped.stdout_bytes)).mode == "P"
    (folder / "in" / "deep").mkdir(parents=True)
    for name in ("in/a.bmp", "in/deep/b.png"):
        Image.fromarray(picture).save(folder / name)
    assert run("quantize", "-r", "in", "-o", "out").exit_code == 0
    assert opened(folder / "out" / "a.png").mode == "P"
    assert opened(folder / "out" / "deep" / "b.png").mode == "P"


def test_the_file_that_quantize_writes_fits_in_max_bytes(folder, picture):
    assert run("quantize", "photo.png", "-o", "x.png", "--max-bytes", 250).exit_code == 0
    size = (folder / "x.png").stat().st_size
    colors = len(opened(folder / "x.png").getcolors())
    run("quantize", "photo.png", "-o", "y.png", "-k", colors + 1)
    assert size <= 250 < (folder / "y.png").stat().st_size


def test_a_target_of_quantize_takes_no_more_colours_than_a_palette_image_holds(folder):
    rgb = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    Image.fromarray(rgb).save("photo.png")
    result = run("quantize", "photo.png", "-o", "x.png", "--psnr", 60)
    assert result.exit_code == 1
    assert "256 colours give" in result.stderr
    assert run("quantize", "photo.png", "-o", "x.png", "--max-bytes", 100_000).exit_code == 0
    assert len(opened(folder / "x.png").getcolors()) == 256


@pytest.mark.parametrize("name", ["x.png", "x.PNG", "x.jpg", "x.gif", "x.svg", "x.jxl", "x.txt"])
def test_encode_points_to_quantize_where_the_output_is_an_ordinary_image(folder, picture, name):
    result = run("encode", "photo.png", "-o", name)
    assert result.exit_code == 2
    assert f"kmq quantize photo.png -o {name}" in " ".join(result.stderr.split())
    with pytest.raises(kmq.OptionError, match="path: "):
        kmq.save(folder / name, picture)
    assert not (folder / name).exists()


@pytest.mark.parametrize("name", ["x.kmq", "x.KMQ", "x", "x.v1.2", "x.bin", "x.raw"])
def test_other_names_hold_kmq_files(name):
    assert not names_another_format(name)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["photo.png"], "name the output with -o"),
        (["photo.png", "-"], "name the output with -o"),
        (["photo.png", "-o", "x.kmq"], "kmq encode writes .kmq files"),
        (["photo.png", "-o", "x.jpg"], "quantize writes files that end in .png, .gif"),
        (["photo.png", "-o", "x"], "quantize writes files that end in .png, .gif"),
        (["photo.png", "-o", "x.png", "-k", "257"], "1<=x<=256"),
        (["photo.png", "-o", "x.png", "--palette", "many.hex"], "has 257 colours"),
    ],
)
def test_what_quantize_cannot_write_is_wrong_usage(folder, picture, arguments, told):
    (folder / "many.hex").write_text("".join(f"#00{n:04x}\n" for n in range(257)))
    result = run("quantize", *arguments)
    assert result.exit_code == 2
    assert told in " ".join(result.stderr.split())


@pytest.mark.parametrize(("typed", "meant"), [("deocde", "decode"), ("quantise", "quantize")])
def test_a_mistyped_command_gets_a_suggestion(typed, meant):
    result = run(typed, "x")
    assert result.exit_code == 2
    assert f"Did you mean '{meant}'?" in result.stderr


def test_optimize_runs_oxipng_on_png_alone(folder, picture):
    pytest.importorskip("oxipng")
    run("quantize", "photo.png", "-o", "plain.png", "-k", 17)
    assert run("quantize", "photo.png", "-o", "x.png", "-k", 17, "--optimize").exit_code == 0
    run("encode", "photo.png", "-k", 17)
    assert run("decode", "photo.kmq", "-o", "y.png", "--optimize").exit_code == 0
    for name in ("x.png", "y.png"):
        assert (folder / name).stat().st_size <= (folder / "plain.png").stat().st_size
        assert np.array_equal(
            np.asarray(opened(folder / name).convert("RGB")),
            np.asarray(opened(folder / "plain.png").convert("RGB")),
        )
    for arguments in (["quantize", "photo.png"], ["decode", "photo.kmq"]):
        result = run(*arguments, "-o", "x.gif", "--optimize")
        assert result.exit_code == 2
        assert "--optimize is for outputs in PNG, not x.gif" in " ".join(result.stderr.split())


@pytest.mark.parametrize("arguments", [["quantize", "x", "-o", "y.png"], ["decode", "x"]])
def test_without_oxipng_optimize_says_how_to_install_it(folder, monkeypatch, arguments):
    monkeypatch.setattr("kmq.cli.arguments.find_spec", lambda _: None)
    (folder / "x").touch()
    result = run(*arguments, "--optimize")
    assert result.exit_code == 2
    assert "pip install 'kmq[optimize]'" in result.stderr


@pytest.mark.parametrize("extension", [".png", ".gif", ".bmp", ".tif"])
def test_a_palette_of_an_images_own_goes_from_file_to_file(folder, extension):
    colors = [(9, 9, 9), (1, 2, 3), (9, 9, 9), (0, 0, 0), (77, 0, 0)]
    own = kmq.IndexedImage(np.array(colors), np.array([[4, 2, 0], [0, 2, 4]]))
    own.to_pil().save(folder / "a.png")
    result = run("quantize", "a.png", "-o", f"b{extension}")
    assert result.exit_code == 0, result.stderr
    written = kmq.IndexedImage.from_pil(opened(folder / f"b{extension}"))
    assert written.palette[:5].tolist() == own.palette.tolist()
    assert np.array_equal(written.indices, own.indices)
    assert run("quantize", "a.png", "-o", "c.png", "--sort").exit_code == 0
    assert len(kmq.IndexedImage.from_pil(opened(folder / "c.png")).palette) == 2


def test_a_kmq_file_of_more_than_256_colours_is_brought_to_few(folder):
    colors = np.random.default_rng(1).integers(0, 256, (300, 3))
    kmq.save("a.kmq", kmq.IndexedImage(colors, np.arange(300).reshape(15, 20)))
    result = run("quantize", "a.kmq", "-o", "b.png")
    assert ", 64 colours, " in result.stderr


def test_another_coding_of_a_kmq_file_changes_nothing_else(folder):
    colors = np.random.default_rng(1).integers(0, 256, (300, 3))
    kmq.save("a.kmq", kmq.IndexedImage(colors, np.arange(300).reshape(15, 20)))
    assert run("encode", "--coding", "packed", "a.kmq", "-o", "b.kmq").exit_code == 0
    assert kmq.load("b.kmq") == kmq.load("a.kmq")


def test_exact_is_said_only_if_nothing_of_the_file_is_lost(folder):
    Image.fromarray(np.array([[0, 1, 60_000]], np.uint16)).save(folder / "deep.png")
    Image.fromarray(np.array([[0, 1, 200]], np.uint8)).save(folder / "shallow.png")
    deep, shallow = run("encode", "deep.png"), run("encode", "shallow.png")
    assert "exact" not in deep.stderr
    assert "lossless except for 16 bits per channel" in deep.stderr
    assert "exact" in shallow.stderr


def test_strict_names_the_colour_that_the_palette_lacks(folder):
    Image.fromarray(np.array([[[0, 0, 0], [255, 16, 0]]], np.uint8)).save(folder / "a.png")
    (folder / "two.hex").write_text("000000\nff1100\n")
    result = run("encode", "--palette", "two.hex", "--strict", "a.png")
    assert result.exit_code == 1
    assert "no colour #ff1000, which is that of the pixel at x = 1, y = 0" in result.stderr
    assert run("encode", "--palette", "two.hex", "a.png").exit_code == 0
    assert "name one" in run("encode", "--strict", "a.png").stderr
