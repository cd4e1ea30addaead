"""`--one-palette`: many images in the same colours, in the same order."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import kmq
from kmq.cli import kmq as command

ENCODE = ("encode", "-r", "in", "-o", "out", "-k", 5, "--one-palette")


def run(*arguments, input=None):
    return CliRunner().invoke(command, [str(argument) for argument in arguments], input=input)


def picture(seed, *shape):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


@pytest.fixture
def sprites(tmp_path, monkeypatch):
    """Three pictures of different sizes in a tree."""
    monkeypatch.chdir(tmp_path)
    made = {
        "a.png": picture(1, 3, 5, 3),
        "b.png": picture(2, 31, 17, 3),
        "deep/c.png": picture(3, 8, 1, 3),
    }
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for name, pixels in made.items():
        Image.fromarray(pixels).save(tmp_path / "in" / name)
    return made


def expected_palette(pictures, merge=kmq.Histogram.merge):
    return kmq.fit(merge([kmq.Histogram.from_image(each) for each in pictures]), 5)


def test_all_images_get_the_palette_of_their_pixels_together(sprites, tmp_path):
    result = run(*ENCODE, "--palette-out", "set.gpl")
    assert result.exit_code == 0, result.output
    palette = expected_palette(sprites.values())
    for name, pixels in sprites.items():
        stored = (tmp_path / "out" / name).with_suffix(".kmq").read_bytes()
        assert stored == kmq.encode(kmq.apply(pixels, palette))
        assert np.array_equal(kmq.load(stored).palette, palette.colors)
    given = run("encode", "in/a.png", "--palette", "set.gpl", "-o", "again.kmq")
    assert given.exit_code == 0, given.output
    assert kmq.load("again.kmq") == kmq.load("out/a.kmq")


def test_each_image_can_count_the_same_whatever_its_size(sprites):
    assert run(*ENCODE, "--per-image").exit_code == 0
    palette = expected_palette(sprites.values(), kmq.Histogram.merge_equally)
    assert np.array_equal(kmq.load("out/a.kmq").palette, palette.colors)
    assert palette != expected_palette(sprites.values())
    alone = run("palette", "-r", "in", "-k", 5, "--per-image")
    assert alone.stdout.split() == [f"#{bytes(entry).hex()}" for entry in palette.colors]


def test_merging_equally_weighs_a_large_image_like_a_small_one():
    red, blue = np.zeros((1, 1, 3), np.uint8), np.zeros((300, 100, 3), np.uint8)
    red[..., 0], blue[..., 2] = 255, 255
    blue[0, 0] = 9
    merged = kmq.Histogram.merge_equally([kmq.Histogram.from_image(each) for each in (red, blue)])
    weights = dict(zip(map(tuple, merged.colors.tolist()), merged.counts.tolist(), strict=True))
    assert weights[255, 0, 0] == 1 << 32
    assert weights[0, 0, 255] + weights[9, 9, 9] == 1 << 32
    assert weights[9, 9, 9] == round((1 << 32) / 30_000)


def test_ordinary_images_can_share_a_palette_too(sprites):
    result = run("quantize", "-r", "in", "-o", "out", "-k", 5, "--one-palette")
    assert result.exit_code == 0, result.output
    with Image.open("out/a.png") as one, Image.open("out/deep/c.png") as other:
        assert one.getpalette()[:15] == other.getpalette()[:15]


def test_a_palette_can_be_sought_for_a_quality(sprites):
    arguments = ("encode", "-r", "in", "-o", "out", "--psnr", "20", "--one-palette")
    assert run(*arguments).exit_code == 0
    merged = kmq.Histogram.merge([kmq.Histogram.from_image(each) for each in sprites.values()])
    assert len(kmq.load("out/a.kmq").palette) < len(merged)


def test_images_with_and_without_transparency_are_reported_and_share_a_palette(sprites, tmp_path):
    clear = np.dstack([picture(4, 6, 7, 3), np.tile(np.uint8([0, 255, 90, 255, 0, 7, 1]), (6, 1))])
    Image.fromarray(clear).save(tmp_path / "in" / "d.png")
    result = run(*ENCODE)
    assert result.exit_code == 0, result.output
    assert "1 of 4 images have transparent pixels" in result.stderr
    assert len({kmq.load(path).palette.tobytes() for path in tmp_path.glob("out/**/*.kmq")}) == 1
    assert kmq.load("out/d.kmq").has_alpha


def test_a_damaged_image_leaves_all_as_it_was(sprites, tmp_path):
    (tmp_path / "in" / "e.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    result = run(*ENCODE, "--palette-out", "set.gpl")
    assert result.exit_code == 1
    assert "e.png" in result.stderr
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "set.gpl").exists()


def test_a_set_without_images_is_reported(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.txt").write_text("nothing to see")
    result = run(*ENCODE)
    assert result.exit_code == 1
    assert "in: there is nothing to do below it" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--per-image",), "--per-image is for the palette of --one-palette"),
        (("--palette-out", "a.gpl"), "--palette-out is for the palette of --one-palette"),
        (("--one-palette", "--palette", "in/a.png"), "leave --palette out"),
        (("--one-palette", "--max-bytes", "9KB"), "leave --max-bytes out"),
        (("--one-palette", "--labels"), "leave --labels out"),
        (("--one-palette", "--resume"), "leave --resume out"),
        (("--one-palette", "--skip-existing"), "leave --skip-existing out"),
        (("--one-palette", "--palette-out", "a.xyz"), "--palette-out: no palette ends in '.xyz'"),
    ],
)
def test_what_does_not_go_with_one_palette_is_wrong_usage(sprites, arguments, words):
    result = run("encode", "-r", "in", "-o", "out", *arguments)
    assert result.exit_code == 2
    assert words in " ".join(result.stderr.split())


def test_standard_input_cannot_be_read_twice(sprites):
    result = run("encode", "-", "-o", "a.kmq", "--one-palette", input=b"")
    assert result.exit_code == 2
    assert "standard input can be read once" in " ".join(result.stderr.split())
