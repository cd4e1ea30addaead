"""Palettes that have a name: their values, what they do to an image, and how they are found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import kmq
from kmq.cli import kmq as command
from kmq.errors import OptionError
from kmq.palettes.named import NAMED_PALETTES, named_palette

MEASURED = [each for each in NAMED_PALETTES if each.measured is not None]


def run(*arguments):
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


@pytest.fixture
def photo(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows, columns = np.mgrid[0:31, 0:23]
    pixels = np.stack([rows * 8, columns * 11, 255 - rows * 4 - columns * 5], axis=2)
    Image.fromarray(pixels.astype(np.uint8)).save("photo.png")
    return pixels.astype(np.uint8)


def levels(codes):
    return np.array([list(bytes.fromhex(code)) for code in codes])


def to_linear(samples):
    part = samples / 255
    return np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)


def to_samples(light):
    part = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.floor(255 * part + 0.5).clip(0, 255).astype(int)


@pytest.mark.parametrize(
    ("name", "colors"),
    [
        ("spectra6", 6),
        ("acep7", 7),
        ("bw", 2),
        ("gray4", 4),
        ("gray16", 16),
        ("cga", 4),
        ("ega", 16),
        ("gameboy", 4),
        ("c64", 16),
        ("pico8", 16),
        ("web216", 216),
    ],
)
def test_each_named_palette_has_its_colours_and_a_source(name, colors):
    found = named_palette(name)
    assert found.color_count == len(found.choices) == colors
    assert len(np.unique(found.choices.colors, axis=0)) == colors
    assert found.title
    assert found.source


def test_greys_go_from_black_to_white_in_equal_steps():
    assert named_palette("bw").palette.colors[:, 0].tolist() == [0, 255]
    assert named_palette("gray4").palette.colors[:, 1].tolist() == [0, 85, 170, 255]
    assert named_palette("gray16").palette.colors[:, 2].tolist() == list(range(0, 256, 17))


@pytest.mark.parametrize("panel", MEASURED, ids=lambda each: each.name)
def test_what_is_matched_is_what_was_measured_relative_to_the_measured_white(panel):
    light = to_linear(levels(panel.measured))
    white = light[panel.nominal.index("ffffff")]
    assert np.array_equal(to_samples(light / white), levels(panel.matched))


@pytest.mark.parametrize("panel", NAMED_PALETTES, ids=lambda each: each.name)
def test_an_image_in_the_nominal_colours_is_preserved_exactly(panel):
    entries = panel.palette.colors
    indexed = kmq.apply(entries[np.newaxis, ::-1], panel.name)
    assert np.array_equal(indexed.to_rgb(), entries[np.newaxis, ::-1])
    assert set(indexed.indices.ravel().tolist()) == set(panel.numbers)


def test_pixels_are_matched_with_what_the_panel_shows_and_files_hold_the_nominal(photo):
    panel = named_palette("spectra6")
    found = kmq.apply(photo, "spectra6")
    assert np.array_equal(found.palette, panel.palette.colors)
    shown = panel.choices.colors.astype(int)
    distances = ((photo[:, :, None].astype(int) - shown) ** 2).sum(axis=3)
    assert np.array_equal(found.indices, np.array(panel.numbers)[distances.argmin(axis=2)])
    assert not np.array_equal(found.indices, kmq.apply(photo, panel.palette).indices)
    assert kmq.apply(photo, panel) == found


def test_no_pixel_gets_a_number_that_the_hardware_does_not_use(photo):
    panel = named_palette("spectra6")
    assert panel.numbers == [0, 1, 2, 3, 5, 6]
    assert 4 not in kmq.apply(photo, "spectra6", rdo=1).indices


def test_dithering_mixes_what_the_panel_shows():
    panel = named_palette("spectra6")
    light = to_linear(panel.choices.colors).mean(axis=0)
    pixels = np.full((96, 96, 3), to_samples(light), np.uint8)

    def error(indexed):
        return np.abs(to_linear(panel.as_shown(indexed).to_rgb()).mean(axis=(0, 1)) - light).max()

    of_panel = error(kmq.apply(pixels, "spectra6", dither=1))
    assert of_panel < 0.025
    assert of_panel < error(kmq.apply(pixels, panel.palette, dither=1)) / 2


@pytest.mark.parametrize("method", ["diffusion", "pattern"])
def test_dithering_takes_no_number_that_the_hardware_does_not_use(photo, method):
    found = kmq.apply(photo, "spectra6", dither=True, dither_method=method)
    assert set(found.indices.ravel().tolist()) <= {0, 1, 2, 3, 5, 6}
    entries = np.tile(named_palette("spectra6").palette.colors, (5, 1, 1))
    exact = kmq.apply(entries, "spectra6", dither=True, dither_method=method)
    assert np.array_equal(exact.to_rgb(), entries)


def test_strict_is_about_the_nominal_colours(photo):
    assert kmq.apply(np.full((2, 3, 3), (255, 0, 0)), "spectra6", strict=True).indices.max() == 3
    with pytest.raises(OptionError, match="no colour #ae271f"):
        kmq.apply(np.full((2, 3, 3), (0xAE, 0x27, 0x1F)), "spectra6", strict=True)


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(OptionError, match="did you mean spectra6"):
        kmq.named_palette("Spectra-6")
    with pytest.raises(OptionError, match="kmq palette --list"):
        kmq.apply(np.zeros((2, 2, 3), np.uint8), "nonsense")
    with pytest.raises(OptionError, match="no named palette"):
        kmq.named_palette(["c64"])


@pytest.mark.parametrize("how", [["encode", "-o", "x.kmq"], ["quantize", "-o", "x.png"]])
def test_the_commands_write_what_the_library_makes(photo, how):
    name, *output = how
    result = run(name, "photo.png", "--palette", "spectra6", *output)
    assert result.exit_code == 0, result.stderr
    assert ", 6 colours, " in result.stderr
    with Image.open(output[1]) as written:
        expected = kmq.apply(photo, "spectra6").to_rgb()
        assert np.array_equal(np.asarray(written.convert("RGB")), expected)


def test_closeness_is_that_of_what_the_panel_shows(photo):
    from kmq.quality import psnr

    panel = named_palette("spectra6")
    result = run("encode", "photo.png", "--palette", "spectra6")
    shown = psnr(photo, panel.as_shown(kmq.apply(photo, "spectra6")))
    assert f"{shown:.2f} dB" in result.stderr


def test_the_list_names_all_of_them_with_their_sources():
    result = run("palette", "--list")
    assert result.exit_code == 0
    for each in NAMED_PALETTES:
        assert f"{each.name:<9} {each.color_count:>3}  {each.title}" in result.stdout
        assert each.source in result.stdout


def test_a_name_is_the_named_palette_and_a_file_of_that_name_is_not_passed_over_in_silence(photo):
    Path("c64").write_text("#000000\n#ffffff\n")
    named = run("encode", "photo.png", "--palette", "c64", "-o", "a.kmq")
    assert named.exit_code == 0
    assert "the file is ./c64" in named.stderr
    assert len(kmq.load("a.kmq").palette) == 16
    assert run("encode", "photo.png", "--palette", "./c64", "-o", "b.kmq").exit_code == 0
    assert len(kmq.load("b.kmq").palette) == 2


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("spectra", "did you mean spectra6?"),
        ("missing.gpl", "missing.gpl: no such file"),
        (".", ". is a directory"),
    ],
)
def test_what_is_neither_a_name_nor_a_file_is_wrong_usage(photo, given, message):
    result = run("encode", "photo.png", "--palette", given)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_another_number_of_colours_is_refused(photo):
    result = run("encode", "photo.png", "--palette", "spectra6", "-k", 5)
    assert result.exit_code == 2
    assert "--colors 5, but spectra6 has 6" in result.stderr
    assert run("encode", "photo.png", "--palette", "spectra6", "-k", 6).exit_code == 0
