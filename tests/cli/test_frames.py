"""Files of several pages or frames: one of them, all of them, or the first and a note."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import kmq
from kmq import pixels
from kmq.cli import kmq as command

COLORS = [(250, 10, 20), (30, 240, 60), (20, 40, 230)]


def run(*arguments, input=None):
    return CliRunner().invoke(command, [str(argument) for argument in arguments], input=input)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path, count=3):
    """Write a picture with frames of one colour each."""
    frames = [Image.new("RGB", (7, 5), color) for color in COLORS[:count]]
    options = {"lossless": True} if path.suffix == ".webp" else {}
    frames[0].save(path, save_all=True, append_images=frames[1:], **options)


def color_of(path):
    rgb = kmq.decode(path)
    assert (rgb == rgb[0, 0]).all()
    return tuple(rgb[0, 0].tolist())


KINDS = [("a.tif", "page"), ("a.gif", "frame"), ("a.webp", "frame"), ("a.png", "frame")]


@pytest.mark.parametrize(("name", "word"), KINDS)
def test_without_a_choice_the_first_is_taken_and_called_what_it_is(folder, name, word):
    write(folder / name)
    result = run("encode", name)
    assert f"kmq: {name}: only the first of its 3 {word}s is taken\n" in result.stderr
    assert color_of("a.kmq") == COLORS[0]


@pytest.mark.parametrize(("name", "word"), KINDS)
def test_all_of_them_become_files_with_numbers(folder, name, word):
    write(folder / name)
    result = run("encode", name, "--frames", "all")
    assert result.exit_code == 0, result.stderr
    assert sorted(path.name for path in folder.glob("*.kmq")) == [
        "a-001.kmq",
        "a-002.kmq",
        "a-003.kmq",
    ]
    for number, color in enumerate(COLORS, 1):
        assert color_of(f"a-00{number}.kmq") == color
        assert f"{name}: {word} {number}: " in result.stderr
    assert "only the first" not in result.stderr


def test_every_frame_of_a_gif_keeps_all_its_colours(folder):
    rng = np.random.default_rng(0)
    palette = rng.integers(0, 256, (100, 3), np.uint8)
    frames = []
    for _ in range(3):
        frame = Image.fromarray(rng.integers(0, 100, (19, 21), np.uint8), "P")
        frame.putpalette(palette.tobytes())
        frames.append(frame)
    frames[0].save("a.gif", save_all=True, append_images=frames[1:], optimize=False)
    result = run("encode", "a.gif", "--frames", "all")
    assert result.exit_code == 0, result.stderr
    for number, frame in enumerate(frames, 1):
        stored = kmq.load(f"a-00{number}.kmq")
        assert np.array_equal(stored.to_rgb(), np.asarray(frame.convert("RGB")))


@pytest.mark.parametrize(("name", "word"), KINDS)
def test_one_of_them_can_be_chosen(folder, name, word):
    write(folder / name)
    assert run("encode", name, "--frames", 2, "-o", "b.kmq").exit_code == 0
    assert color_of("b.kmq") == COLORS[1]
    result = run("encode", name, "--frames", 4)
    assert result.exit_code == 1
    assert f"frames: expected a {word} from 1 to 3, got 4" in result.stderr
    assert run("encode", name, "--frames", 0).exit_code == 2


def test_the_numbers_go_into_names_that_are_given_and_into_folders(folder):
    write(folder / "a.gif")
    assert run("quantize", "a.gif", "--frames", "all", "-o", "x.png").exit_code == 0
    (folder / "in").mkdir()
    write(folder / "in" / "b.tif", 2)
    Image.new("RGB", (3, 2)).save(folder / "in" / "c.png")
    (folder / "in" / "d.png").write_bytes(b"\x89PNG\r\n\x1a\nnonsense")
    result = run("encode", "-r", "in", "-o", "out", "--frames", "all", "--json")
    assert result.exit_code == 1
    assert [path.name for path in sorted(folder.glob("*.png"))] == [
        "x-001.png",
        "x-002.png",
        "x-003.png",
    ]
    names = [path.name for path in sorted((folder / "out").iterdir())]
    assert names == ["b-001.kmq", "b-002.kmq", "c.kmq"]
    frames = [json.loads(line).get("frame") for line in result.stdout.splitlines()]
    assert frames == [1, 2, None, None]


def test_pipes_hold_one_frame(folder):
    write(folder / "a.gif")
    stored = (folder / "a.gif").read_bytes()
    piped = run("encode", "-", "--frames", 3, input=stored)
    assert tuple(kmq.decode(piped.stdout_bytes)[0, 0].tolist()) == COLORS[2]
    for arguments in (["-"], ["a.gif", "-o", "-"]):
        assert run("encode", *arguments, "--frames", "all", input=stored).exit_code == 2


def test_a_picture_that_is_alone_has_no_other_number(folder):
    Image.new("RGB", (3, 2)).save("a.png")
    assert run("encode", "a.png", "--frames", 1).exit_code == 0
    result = run("encode", "a.png", "-f", "--frames", 2)
    assert "frames: the file holds one picture, and no number 2" in result.stderr


def test_a_chosen_frame_is_all_that_was_asked_for(folder):
    write(folder / "a.gif")
    assert pixels.read("a.gif").lost == ("frames after the first",)
    chosen = pixels.read("a.gif", frame=2)
    assert (chosen.lost, chosen.notes, chosen.frame) == ((), (), "frame 2")


@pytest.mark.parametrize("kind", ["TIFF", "GIF", "PNG"])
def test_a_damaged_frame_fails_by_itself(folder, kind):
    rgb = np.random.default_rng(0).integers(0, 256, (2, 40, 50, 3), np.uint8)
    file = io.BytesIO()
    first, second = map(Image.fromarray, rgb)
    first.save(file, kind, save_all=True, append_images=[second])
    (folder / "a").write_bytes(file.getvalue()[:-900])
    result = run("encode", "a", "--frames", "all")
    assert result.exit_code == 1
    assert [path.name for path in folder.glob("*.kmq")] == ["a-001.kmq"]
    [line] = [line for line in result.stderr.splitlines() if line.startswith("kmq: a: ")]
    assert "early" in line or "truncated" in line


def test_the_bytes_of_a_file_count_once_however_many_frames_are_taken(folder):
    write(folder / "a.tif")
    size = (folder / "a.tif").stat().st_size
    summary = run("encode", "a.tif", "--frames", "all").stderr.splitlines()[-1]
    written = sum(path.stat().st_size for path in folder.glob("*.kmq"))
    assert f"3 of 3 files, {size:,} -> {written:,} bytes" in summary
