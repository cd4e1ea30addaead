"""`dither` through the library and Pillow."""

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
from kmq.dithering.light import linear
from kmq.palettes.named import named_palette


def test_without_dither_and_with_0_the_file_is_the_same():
    rgb = photo_like()
    plain = kmq.encode(rgb, 9)
    for dither in (None, False, 0, 0.0, 0.001):
        assert kmq.encode(rgb, 9, dither=dither) == plain


def test_true_stands_for_seven_eighths_and_diffusion():
    rgb = photo_like()
    dithered = kmq.quantize(rgb, 9, dither=True)
    assert dithered == kmq.quantize(rgb, 9, dither=0.875, dither_method="diffusion")
    assert dithered != kmq.quantize(rgb, 9)
    assert dithered != kmq.quantize(rgb, 9, dither=True, dither_method="pattern")
    assert kmq.load(kmq.encode(rgb, 9, dither=True)) == dithered


@pytest.mark.parametrize("method", ["diffusion", "pattern"])
def test_the_mean_light_of_a_dithered_ramp_comes_closer(method):
    ramp = np.linspace(0, 255, 256).astype(np.uint8)
    rgb = np.repeat(np.tile(ramp, (64, 1))[..., None], 3, axis=2)
    plain = kmq.quantize(rgb, 5)
    dithered = kmq.quantize(rgb, 5, dither=True, dither_method=method)
    assert np.array_equal(plain.palette, dithered.palette)

    def light(pixels):
        """The mean light of 8x8 pixels, between the darkest and the lightest entry."""
        return linear()[pixels[..., 0]].reshape(8, 8, 32, 8).mean(axis=(1, 3))[:, 4:-4]

    errors = [np.abs(light(each.to_rgb()) - light(rgb)).mean() for each in (plain, dithered)]
    assert errors[1] < 0.2 * errors[0]


@pytest.mark.parametrize("given", [-0.01, 1.01, math.nan, math.inf, "1", np.array([1, 1])])
def test_a_strength_out_of_range_is_named(given):
    with pytest.raises(kmq.OptionError, match=r"dither: expected a number from 0 to 1"):
        kmq.Options(dither=given)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dither_method": "pattern"}, "dither_method: nothing is dithered"),
        ({"dither": False, "dither_method": "pattern"}, "dither_method: nothing is dithered"),
        ({"dither": True, "dither_method": "bayer"}, "dither_method: expected one of diffusion"),
        ({"dither": True, "psnr": 30}, "dither: cannot be asked for together with psnr"),
        ({"dither": True, "rdo": 1}, "dither: cannot be asked for together with rdo"),
    ],
)
def test_what_does_not_go_with_dithering_is_named(options, message):
    with pytest.raises(kmq.OptionError, match=message):
        kmq.Options(**options)


def test_an_rdo_of_0_goes_with_dithering():
    rgb = photo_like()
    assert kmq.encode(rgb, 5, dither=True, rdo=0) == kmq.encode(rgb, 5, dither=True)


def test_an_indexed_image_is_stored_as_it_is():
    with pytest.raises(kmq.OptionError, match="dither: an IndexedImage"):
        kmq.encode(kmq.quantize(photo_like(), 5), dither=True)


def test_a_palette_image_that_is_kept_is_not_touched():
    image = Image.fromarray(photo_like()).quantize(40)
    assert kmq.encode(image, dither=True) == kmq.encode(image)
    assert kmq.encode(image, 5, dither=True) != kmq.encode(image, 5)


def test_exact_images_stay_exact():
    rgb = photo_like(8, 8)
    assert np.array_equal(kmq.decode(kmq.encode(rgb, 64, dither=1)), rgb)


def test_the_bytes_that_are_a_target_are_those_of_the_dithered_picture():
    rgb = photo_like(120, 130)
    data = kmq.encode(rgb, max_bytes=4000, dither=True)
    fitting = kmq.load(data)
    assert len(data) <= 4000
    assert data == kmq.encode(rgb, len(fitting.palette), dither=True)
    assert len(kmq.encode(rgb, len(fitting.palette) + 1, dither=True)) > 4000


def test_a_given_palette_keeps_its_entries_and_their_order():
    rgb = photo_like()
    palette = kmq.Palette(np.random.default_rng(3).integers(0, 256, (20, 3), np.uint8))
    plain, dithered = kmq.apply(rgb, palette), kmq.apply(rgb, palette, dither=True)
    assert np.array_equal(dithered.palette, palette.colors)
    assert not np.array_equal(dithered.indices, plain.indices)


def test_a_named_palette_is_dithered_with_what_the_panel_shows():
    rgb, spectra = photo_like(), named_palette("spectra6")
    written = kmq.apply(rgb, "spectra6", dither=True)
    assert written.palette.tolist() == spectra.palette.colors.tolist()
    shown = kmq.apply(rgb, spectra.choices, dither=True)
    assert np.array_equal(np.array(spectra.numbers)[shown.indices], written.indices)


def test_pinned_colours_bits_and_weights_go_with_dithering():
    rgb = photo_like()
    for options in (
        {"pinned": ["#ff0000"]},
        {"bits": 565},
        {"weights": np.arange(2000).reshape(40, 50)},
    ):
        plain = kmq.quantize(rgb, 6, **options)
        dithered = kmq.quantize(rgb, 6, dither=True, **options)
        assert np.array_equal(plain.palette, dithered.palette)
        assert not np.array_equal(plain.indices, dithered.indices)


def test_clear_pixels_stay_clear_and_opaque_ones_opaque():
    rgba = np.dstack([photo_like(60, 70), np.full((60, 70), 255, np.uint8)])
    rgba[:20, :, 3] = 0
    rgba[20:30, :, 3] = 130
    for method in ("diffusion", "pattern"):
        dithered = kmq.quantize(rgba, 8, dither=True, dither_method=method).to_rgba()
        assert (dithered[:20, :, 3] == 0).all()
        assert (dithered[30:, :, 3] == 255).all()


def test_the_number_of_threads_changes_no_byte():
    rgb = photo_like(400, 300)
    files = {kmq.encode(rgb, 12, dither=True, threads=threads) for threads in (1, 2, 8)}
    assert len(files) == 1


def test_pillow_saves_dithered(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rgb = photo_like()
    Image.fromarray(rgb).save("photo.kmq", colors=9, dither=True, dither_method="pattern")
    expected = kmq.encode(rgb, 9, dither=True, dither_method="pattern")
    assert Path("photo.kmq").read_bytes() == expected


def run(*arguments):
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


@pytest.fixture
def photo(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rgb = photo_like(60, 70)
    Image.fromarray(rgb).save("photo.png")
    return rgb


@pytest.mark.parametrize(
    ("arguments", "strength"),
    [
        (["--dither", "photo.png"], 0.875),
        (["photo.png", "--dither"], 0.875),
        (["--dither", "-q", "photo.png"], 0.875),
        (["--dither", "1", "photo.png"], 1),
        (["--dither=0", "photo.png"], 0),
        (["--dither", "--", "photo.png"], 0.875),
    ],
)
def test_the_command_lines_strength_may_be_left_out(photo, arguments, strength):
    assert run("encode", "-k", 9, *arguments).exit_code == 0
    assert Path("photo.kmq").read_bytes() == kmq.encode(photo, 9, dither=strength)


def test_quantize_dithers_with_found_and_given_palettes(photo):
    pattern = ("--dither", "--dither-method", "pattern")
    assert run("quantize", "-k", 9, *pattern, "photo.png", "-o", "few.png").exit_code == 0
    expected = kmq.quantize(photo, 9, dither=True, dither_method="pattern")
    assert np.array_equal(Image.open("few.png").convert("RGB"), expected.to_rgb())
    given = ("--palette", "bw", "--dither", 1)
    assert run("quantize", *given, "photo.png", "-o", "bw.png").exit_code == 0
    expected = kmq.apply(photo, "bw", dither=1)
    assert np.array_equal(Image.open("bw.png").convert("RGB"), expected.to_rgb())


def test_one_palette_for_all_is_dithered_with(photo):
    Image.fromarray(photo[::-1]).save("turned.png")
    Path("out").mkdir()
    flags = ("-k", 9, "--one-palette", "--dither", "-o", "out")
    assert run("encode", *flags, "photo.png", "turned.png").exit_code == 0
    indexed = kmq.load("out/photo.kmq")
    assert indexed == kmq.apply(photo, indexed.palette, dither=True)


def test_a_dithered_picture_is_not_called_far_from_the_original(photo):
    plain = run("encode", "--palette", "bw", "photo.png", "-o", "plain.kmq")
    assert "far from the original" in plain.stderr
    dithered = run("encode", "--palette", "bw", "--dither", "photo.png", "-o", "dithered.kmq")
    assert "far from the original" not in dithered.stderr


def test_compare_shows_the_dithered_picture_beside_the_other(photo):
    plain = json.loads(run("compare", "photo.png", "-k", "4,9", "--json").stdout)
    both = json.loads(run("compare", "photo.png", "-k", "4,9", "--dither", "--json").stdout)
    for without, row, colors in zip(plain["rows"], both["rows"], (4, 9), strict=True):
        assert row["modelled_bytes"] == without["modelled_bytes"]
        assert row["dithered_bytes"] == len(kmq.encode(photo, colors, dither=True))
        assert row["dithered_psnr"] < row["psnr"]
    table = run("compare", "photo.png", "-k", "4,9", "--dither").stdout
    assert "dithered: the .kmq file with --dither" in " ".join(table.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["encode", "--dither", "1.5"], "--dither: expected a number from 0 to 1, got 1.5"),
        (["quantize", "-o", "a.png", "--dither=nan"], "--dither: expected a number from 0 to 1"),
        (["encode", "--dither", "--psnr", "30"], "--dither: cannot be asked for together with"),
        (["encode", "--dither", "--rdo"], "--dither: cannot be asked for together with rdo"),
        (["compare", "--dither", "--rdo"], "--dither: cannot be asked for together with rdo"),
        (["encode", "--dither-method", "pattern"], "--dither-method: nothing is dithered"),
        (["encode", "--dither", "--dither-method", "bayer"], "'--dither-method': 'bayer' is not"),
        (["encode", "--labels", "--dither"], "--labels leaves nothing to choose for --dither"),
        (
            ["encode", "--memory", "1GB", "--dither"],
            "--memory reads a picture in bands, and --dither",
        ),
    ],
)
def test_what_does_not_go_with_dither_is_wrong_usage(photo, arguments, message):
    result = run(*arguments, "photo.png")
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.replace("│", " ").split())


def test_a_report_of_a_dithered_comparison_still_shows_cheaper_indices(photo):
    pytest.importorskip("matplotlib")
    assert run("compare", "photo.png", "-k", "4", "--dither", "--report", "a.html").exit_code == 0
    assert run("compare", "photo.png", "-k", "4", "--report", "b.html").exit_code == 0
    assert "cheaper" in Path("b.html").read_text()
    assert "cheaper" in Path("a.html").read_text()
