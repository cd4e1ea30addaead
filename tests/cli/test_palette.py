"""`kmq palette`, and a given palette for `kmq encode`."""

from __future__ import annotations

import io
import json
import os
import threading
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
    assert result.stdout.encode() == palettes.write(expected, palettes.kind_named("hex"))


@pytest.mark.parametrize("kind", [kind.name for kind in palettes.KINDS if kind.name != "act"])
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
    told = " ".join(run("palette", "--help").stdout.split())
    assert "Write to this file, or to standard output (-), which is the default." in told


def test_the_help_lists_every_kind():
    told = run("palette", "--help").stdout
    for kind in palettes.KINDS:
        assert kind.title in told


@pytest.mark.parametrize(
    ("kind", "extension"),
    [(kind.name, extension) for kind in palettes.KINDS for extension in kind.extensions],
)
def test_the_extension_of_the_output_chooses_the_kind(picture, kind, extension):
    assert run("palette", "photo.png", "-k", 9, "-o", f"p{extension}").exit_code == 0
    assert run("palette", "photo.png", "-k", 9, "-o", "named", "--kind", kind).exit_code == 0
    assert Path(f"p{extension}").read_bytes() == Path("named").read_bytes()
    assert run("encode", "-f", "photo.png", "--palette", f"p{extension}").exit_code == 0


@pytest.fixture
def two_pictures(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("sub/deeper").mkdir(parents=True)
    both = np.random.default_rng(1).integers(0, 256, (2, 7, 11, 3), np.uint8)
    Image.fromarray(both[0]).save("sub/a.png")
    Image.fromarray(both[1]).save("sub/deeper/b.png")
    Path("sub/notes.txt").write_text("no picture")
    return np.concatenate(both)


@pytest.mark.parametrize("images", [["sub/a.png", "sub/deeper/b.png"], ["-r", "sub"]])
def test_several_images_get_the_palette_of_their_pixels_put_together(two_pictures, images):
    result = run("palette", "-k", 9, "--kind", "json", *images)
    assert result.exit_code == 0, result.stderr
    described = json.loads(result.stdout)
    together = kmq.quantize(two_pictures, 9)
    expected = [f"#{bytes(color).hex()}" for color in together.palette]
    assert described["colors"] == expected
    assert described["pixels"] == np.bincount(together.indices.ravel()).tolist()


def test_several_images_may_have_a_target(two_pictures):
    result = run("palette", "--psnr", 22, "-r", "sub")
    assert result.stdout.count("\n") == len(kmq.quantize(two_pictures, psnr=22).palette)


def test_of_several_images_those_that_fail_are_reported_and_no_palette_is_written(two_pictures):
    Path("sub/c.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    result = run("palette", "-k", 9, "sub/a.png", "sub/c.png", "missing.png", "-o", "p.gpl")
    assert result.exit_code == 1
    assert "kmq: sub/c.png: " in result.stderr
    assert "kmq: missing.png: No such file" in result.stderr
    assert not Path("p.gpl").exists()


def test_a_directory_needs_the_option_and_something_in_it(two_pictures):
    result = run("palette", "sub")
    assert result.exit_code == 1
    assert "kmq: sub: it is a directory; -r takes the files below" in result.stderr
    Path("empty").mkdir()
    result = run("palette", "-r", "empty")
    assert result.exit_code == 1
    assert "kmq: empty: there is nothing to do below it" in result.stderr


def test_files_of_kmqs_own_count_as_images_among_several(two_pictures):
    kmq.save("a.kmq", two_pictures, 3)
    result = run("palette", "-k", 9, "sub/a.png", "a.kmq")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.count("\n") == 9


def test_an_output_that_exists_is_reported_before_anything_is_read(two_pictures):
    Path("p.gpl").write_text("mine")
    result = run("palette", "sub/a.png", "missing.png", "-o", "p.gpl")
    assert result.exit_code == 1
    assert result.stderr == "kmq: p.gpl: p.gpl exists; replace it with --force\n"


def test_only_the_head_of_a_file_is_read_unless_its_pixels_are_counted(picture):
    Path("cut.kmq").write_bytes(kmq.encode(picture, 9)[:-1])
    assert run("palette", "cut.kmq").stdout.count("\n") == 9
    assert run("palette", "cut.kmq", "--kind", "json").exit_code == 1


def test_a_named_pipe_is_read_once(picture):
    os.mkfifo("pipe")
    data = Path("photo.png").read_bytes()
    writer = threading.Thread(target=lambda: Path("pipe").write_bytes(data))
    writer.start()
    result = run("palette", "pipe", "-k", 3)
    writer.join(timeout=60)
    assert result.stdout == run("palette", "photo.png", "-k", 3).stdout


def test_an_image_with_a_palette_keeps_it_as_encode_does(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    colors = [[5, 6, 7], [0, 0, 9], [5, 6, 7], [200, 0, 0]]
    image = Image.frombytes("P", (3, 1), b"\2\0\0")
    image.putpalette(np.array(colors, np.uint8).tobytes())
    image.save("sprite.png")
    described = json.loads(run("palette", "sprite.png", "--kind", "json").stdout)
    assert described["colors"] == [f"#{bytes(color).hex()}" for color in colors]
    assert described["pixels"] == [2, 0, 1, 0]
    assert run("palette", "sprite.png", "-k", 3).stdout == "#050607\n"


def test_what_a_reader_notes_is_reported(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, second = (Image.new("RGB", (3, 3), color) for color in ("red", "blue"))
    first.save("a.gif", save_all=True, append_images=[second])
    assert "kmq: a.gif: only the first of its 2 frames is taken" in run("palette", "a.gif").stderr


def test_a_kind_that_cannot_hold_the_palette_is_reported(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    colors = [[number, number // 2, 9] for number in range(256)] + [[1, 2, 3]]
    Path("photo.kmq").write_bytes(kmq.encode(kmq.IndexedImage(colors, [[0]])))
    result = run("palette", "photo.kmq", "-o", "p.act")
    assert result.exit_code == 1
    assert "but the kind act holds at most 256" in result.stderr
    assert not Path("p.act").exists()


def test_weights_choose_what_the_palette_is_for(picture):
    mask = np.zeros(picture.shape[:2], np.uint8)
    mask[:, :5] = 255
    Image.fromarray(mask).save("mask.png")
    result = run("palette", "photo.png", "-k", 7, "--weights", "mask.png")
    expected = Palette(kmq.quantize(picture, 7, weights=mask).palette)
    assert result.stdout.encode() == palettes.write(expected, palettes.kind_named("hex"))
    assert result.stdout != run("palette", "photo.png", "-k", 7).stdout


@pytest.mark.parametrize("options", [("--per-image",), ("--weights", "photo.png"), ("--seed", "7")])
def test_what_a_stored_palette_does_not_need_is_refused_in_one_line(picture, options):
    run("encode", "photo.png", "-k", 9)
    result = run("palette", "photo.kmq", *options)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert options[0] in result.stderr.splitlines()[-1]


def test_weights_are_for_one_image(picture):
    run("quantize", "photo.png", "-o", "other.png")
    Image.new("L", (17, 12), 9).save("mask.png")
    result = run("palette", "photo.png", "other.png", "--weights", "mask.png")
    assert result.exit_code == 2
    assert "--weights are for the pixels of one image" in result.stderr


def test_the_usage_shows_that_a_list_needs_no_images():
    usage = run("palette", "--help").stdout
    assert "[OPTIONS] IMAGES...\n" in usage
    assert " palette --list\n" in usage
    assert "indices" not in usage
