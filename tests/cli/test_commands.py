"""The command line in this process: what each command does and says."""

from __future__ import annotations

import io
import json
import os

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import opened
from PIL import Image

import kmq
from kmq import codec
from kmq.cli import COMMANDS
from kmq.cli import kmq as command


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def picture(folder):
    rgb = np.random.default_rng(0).integers(0, 256, (12, 17, 3), np.uint8)
    Image.fromarray(rgb).save(folder / "photo.png")
    return rgb


def run(*arguments, input=None):
    return CliRunner().invoke(command, [str(argument) for argument in arguments], input=input)


def test_encode_and_decode_go_there_and_back(folder, picture):
    assert run("encode", "photo.png", "-k", 9).exit_code == 0
    assert run("decode", "photo.kmq", "--force").exit_code == 0
    decoded = opened(folder / "photo.png")
    assert decoded.mode == "P"
    assert np.array_equal(np.asarray(decoded.convert("RGB")), kmq.quantize(picture, 9).to_rgb())


def test_the_file_is_the_librarys(folder, picture):
    run("encode", "photo.png", "-k", 9, "--seed", 4, "--max-iter", 3, "--threads", 2)
    expected = kmq.encode(picture, 9, seed=4, max_iter=3)
    assert (folder / "photo.kmq").read_bytes() == expected


def test_one_line_a_file_tells_sizes_colours_quality_and_time(folder, picture):
    result = run("encode", "photo.png", "-k", 40)
    sizes = [(folder / name).stat().st_size for name in ("photo.png", "photo.kmq")]
    assert result.stdout == ""
    lines = [line for line in result.stderr.splitlines() if "compiling" not in line]
    assert len(lines) == 1
    assert lines[0].startswith(f"photo.png: {sizes[0]:,} -> {sizes[1]:,} bytes (")
    assert ", 40 colours, " in lines[0]
    assert " dB, " in lines[0]
    assert lines[0].endswith(" s")


def test_an_image_that_is_preserved_exactly_is_called_exact(folder, picture):
    assert "exact" in run("encode", "photo.png", "-k", 300).stderr


def test_quiet_is_quiet(folder, picture):
    assert run("encode", "photo.png", "-q").output == ""
    assert run("decode", "photo.kmq", "-q", "-f").output == ""
    assert run("verify", "photo.kmq", "-q").output == ""


def test_an_existing_output_is_refused_without_force(folder, picture):
    (folder / "photo.kmq").write_bytes(b"precious")
    result = run("encode", "photo.png")
    assert result.exit_code == 1
    assert "photo.kmq exists; replace it with --force" in result.stderr
    assert (folder / "photo.kmq").read_bytes() == b"precious"
    assert run("encode", "photo.png", "--force").exit_code == 0
    assert kmq.decode(folder / "photo.kmq").shape == picture.shape


@pytest.mark.parametrize("output", ["out", "out/"])
def test_the_output_may_be_a_directory(folder, picture, output):
    (folder / "out").mkdir()
    assert run("encode", "photo.png", "-o", output).exit_code == 0
    assert (folder / "out" / "photo.kmq").is_file()


def test_the_output_may_have_any_name(folder, picture):
    assert run("encode", "photo.png", "-o", "other.bin").exit_code == 0
    assert kmq.info(folder / "other.bin").width == 17


@pytest.mark.parametrize("extension", ["gif", "bmp", "webp", "tiff", "jpg"])
def test_decode_writes_what_the_extension_says(folder, picture, extension):
    run("encode", "photo.png")
    assert run("decode", "photo.kmq", "-o", f"x.{extension}").exit_code == 0
    assert opened(folder / f"x.{extension}").size == (17, 12)


def test_decode_refuses_an_extension_that_nothing_writes(folder, picture):
    run("encode", "photo.png")
    result = run("decode", "photo.kmq", "-o", "x.txt")
    assert result.exit_code == 1
    assert "'.txt'" in result.stderr
    assert not (folder / "x.txt").exists()


@pytest.mark.parametrize(("colors", "mode"), [(9, "P"), (300, "RGB")])
def test_decode_writes_palette_images_up_to_256_colours(folder, colors, mode):
    rgb = np.random.default_rng(0).integers(0, 256, (30, 30, 3), np.uint8)
    kmq.save(folder / "a.kmq", rgb, colors)
    run("decode", "a.kmq")
    assert opened(folder / "a.png").mode == mode


def test_grey_palettes_become_grey_pictures(folder):
    kmq.save(folder / "a.kmq", np.arange(100, dtype=np.uint8).reshape(10, 10), 20)
    run("decode", "a.kmq")
    assert opened(folder / "a.png").mode == "L"


def test_pipes_work_both_ways(folder, picture):
    encoded = run("encode", "-", "-k", 9, input=(folder / "photo.png").read_bytes())
    assert encoded.exit_code == 0
    assert encoded.stdout_bytes == kmq.encode(picture, 9)
    decoded = run("decode", "-", input=encoded.stdout_bytes)
    png = Image.open(io.BytesIO(decoded.stdout_bytes))
    assert png.format == "PNG"
    assert np.array_equal(np.asarray(png.convert("RGB")), kmq.decode(encoded.stdout_bytes))
    assert "17 x 12" in run("info", "-", input=encoded.stdout_bytes).stdout
    assert run("verify", "-", input=encoded.stdout_bytes).stdout == "standard input: ok\n"


def test_a_file_may_go_to_standard_output(folder, picture):
    assert run("encode", "photo.png", "-o", "-").stdout_bytes == kmq.encode(picture)


def test_one_failing_input_does_not_stop_the_rest(folder, picture):
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnonsense")
    result = run("encode", "broken.png", "missing.png", "photo.png")
    assert result.exit_code == 1
    assert (folder / "photo.kmq").is_file()
    assert not (folder / "broken.kmq").exists()
    failures = [line for line in result.stderr.splitlines() if line.startswith("kmq: ")]
    failures = [line for line in failures if "compiling" not in line]
    assert len(failures) == 2
    assert failures[0].startswith("kmq: broken.png: ")
    assert failures[1].startswith("kmq: missing.png: No such file or directory")


def test_a_damaged_file_is_reported_in_one_line(folder, picture):
    run("encode", "photo.png")
    data = bytearray((folder / "photo.kmq").read_bytes())
    data[-20] ^= 1
    (folder / "photo.kmq").write_bytes(data)
    for name in ("decode", "verify"):
        result = run(name, "photo.kmq", *(["-f"] if name == "decode" else []))
        assert result.exit_code == 1
        assert result.stderr == (
            "kmq: photo.kmq: rows 0 to 11: the checksum does not match: the stripe is damaged\n"
        )


def test_verify_names_every_file_that_is_well(folder, picture):
    run("encode", "photo.png")
    (folder / "bad.kmq").write_bytes(b"nonsense")
    result = run("verify", "bad.kmq", "photo.kmq")
    assert result.exit_code == 1
    assert result.stdout == "photo.kmq: ok\n"
    assert result.stderr.startswith("kmq: bad.kmq: not a .kmq file")


def test_the_limit_on_pixels_is_reported_with_the_way_to_raise_it(folder, picture):
    result = run("encode", "photo.png", "--max-pixels", 203)
    assert result.exit_code == 1
    assert "--max-pixels" in result.stderr
    run("encode", "photo.png")
    for name in (["decode", "-f"], ["verify"]):
        result = run(*name, "photo.kmq", "--max-pixels", 203)
        assert result.exit_code == 1
        assert "--max-pixels" in result.stderr


def icon():
    """Return a disc with a soft edge on clear ground, (H, W, 4)."""
    y, x = np.mgrid[-20:21, -20:21]
    alpha = (18 - np.hypot(x, y)).clip(0, 1) * 255
    return np.dstack([x + 100, y + 100, np.full_like(x, 60), alpha]).astype(np.uint8)


def test_transparency_goes_there_and_back(folder):
    Image.fromarray(icon()).save(folder / "icon.png")
    assert run("encode", "icon.png", "-k", "16").exit_code == 0
    stored = kmq.decode(folder / "icon.kmq")
    assert (stored[icon()[..., 3] == 0][:, 3] == 0).all()
    for output in ("out.png", "out.webp", "out.tif"):
        assert run("decode", "icon.kmq", "-o", output).exit_code == 0
        written = np.asarray(opened(folder / output).convert("RGBA"))
        assert np.array_equal(written[..., 3], stored[..., 3])
        assert np.array_equal(written[stored[..., 3] > 0], stored[stored[..., 3] > 0])


def test_a_format_without_transparency_is_refused_until_a_background_is_named(folder):
    Image.fromarray(icon()).save(folder / "icon.png")
    run("encode", "icon.png", "-k", "16")
    result = run("decode", "icon.kmq", "-o", "out.jpg")
    assert result.exit_code == 1
    assert "--background" in result.stderr
    assert not (folder / "out.jpg").exists()
    assert run("decode", "icon.kmq", "-o", "out.bmp", "--background", "#0a141e").exit_code == 0
    assert opened(folder / "out.bmp").convert("RGB").getpixel((0, 0)) == (10, 20, 30)


def test_info_names_what_a_palette_holds(folder):
    Image.fromarray(icon()).save(folder / "icon.png")
    run("encode", "icon.png", "-k", "16")
    assert "16 colours, RGBA" in run("info", "icon.kmq").stdout
    assert "takes 32 bits" in run("info", "icon.kmq").stdout
    kmq.save(folder / "labels.kmq", kmq.IndexedImage.from_labels([[0, 7, 1000]]))
    assert "3 labels" in run("info", "labels.kmq").stdout
    assert kmq.info(folder / "labels.kmq").has_labels


def test_clear_pixels_bleed_on_demand(folder):
    Image.fromarray(icon()).save(folder / "icon.png")
    run("encode", "icon.png", "-k", "16")
    assert run("decode", "icon.kmq", "--bleed", "-o", "out.png").exit_code == 0
    written = np.asarray(opened(folder / "out.png"))
    stored = kmq.decode(folder / "icon.kmq")
    assert np.array_equal(written[..., 3], stored[..., 3])
    seen = {tuple(color) for color in stored[stored[..., 3] > 0][:, :3].tolist()}
    assert {tuple(color) for color in written[..., :3].reshape(-1, 3).tolist()} <= seen


def test_partial_transparency_becomes_clear_or_opaque_for_gif(folder):
    Image.fromarray(icon()).save(folder / "icon.png")
    result = run("quantize", "icon.png", "-k", "16", "-o", "out.gif")
    assert result.exit_code == 1
    assert "--alpha binary" in result.stderr
    result = run("quantize", "icon.png", "-k", "16", "--alpha", "binary", "-o", "out.gif")
    assert result.exit_code == 0, result.stderr
    alpha = np.asarray(opened(folder / "out.gif").convert("RGBA"))[..., 3]
    assert np.array_equal(alpha, np.where(icon()[..., 3] < 128, 0, 255))


def test_a_file_is_decoded_to_gif_with_pixels_clear_or_opaque(folder):
    Image.fromarray(icon()).save(folder / "icon.png")
    run("encode", "icon.png", "-k", "16")
    result = run("decode", "icon.kmq", "-o", "out.gif")
    assert result.exit_code == 1
    assert "--alpha binary" in result.stderr
    assert run("decode", "icon.kmq", "--alpha", "binary", "-o", "out.gif").exit_code == 0
    alpha = np.asarray(opened(folder / "out.gif").convert("RGBA"))[..., 3]
    stored = kmq.decode(folder / "icon.kmq")[..., 3]
    assert np.array_equal(alpha, np.where(stored < 128, 0, 255))


@pytest.mark.parametrize("name", ["decode", "quantize"])
def test_an_output_in_kmq_is_refused_and_encode_is_named(folder, name):
    Image.fromarray(icon()).save(folder / "icon.png")
    run("encode", "icon.png")
    source = "icon.kmq" if name == "decode" else "icon.png"
    result = run(name, source, "-o", "out.kmq")
    assert result.exit_code != 0
    assert "kmq encode" in " ".join(result.stderr.split())
    assert not (folder / "out.kmq").exists()


def test_a_background_leaves_nothing_for_alpha_to_choose(folder):
    Image.fromarray(icon()).save(folder / "icon.png")
    result = run("encode", "icon.png", "--background", "red", "--alpha", "binary")
    assert result.exit_code == 2
    assert "alpha: a background leaves no transparency" in result.stderr


def test_a_background_is_laid_behind_transparent_pixels(folder):
    Image.new("RGBA", (4, 4), (1, 2, 3, 0)).save(folder / "a.png")
    assert run("encode", "a.png", "--background", "#0a141e").exit_code == 0
    assert kmq.decode(folder / "a.kmq")[0, 0].tolist() == [10, 20, 30]


def test_an_animation_is_said_to_lose_its_other_frames(folder):
    frames = [Image.new("RGB", (4, 4), color) for color in ("red", "blue")]
    frames[0].save(folder / "a.gif", save_all=True, append_images=frames[1:])
    result = run("encode", "a.gif")
    assert "a.gif: only the first of its 2 frames is taken" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["encode"],
        ["encode", "photo.png", "-k", "0"],
        ["encode", "photo.png", "-k", "65537"],
        ["encode", "photo.png", "--seed", "-1"],
        ["encode", "photo.png", "--threads", "0"],
        ["encode", "photo.png", "--background", "no such colour"],
        ["encode", "photo.png", "photo.png", "-o", "x.kmq"],
        ["encode", "photo.png", "photo.jpg"],
        ["decode"],
        ["info"],
        ["nonsense"],
    ],
)
def test_wrong_usage_exits_with_2(folder, picture, arguments):
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Usage:" in result.stderr
    assert [path.name for path in folder.iterdir()] == ["photo.png"]


def test_info_prints_both_counts(folder, picture):
    run("encode", "photo.png", "-k", 9)
    text = run("info", "photo.kmq").stdout
    size = (folder / "photo.kmq").stat().st_size
    assert "17 x 12 pixels" in text
    assert "9 colours, RGB" in text
    assert "coding      packed\n" in text
    assert f"{size * 8 / 204:.3f} bits per pixel" in text
    in_theory = 24 * 9 + 204 * np.log2(9)
    assert f"{in_theory:,.0f} bits" in text
    assert f"in theory   {np.ceil(in_theory / 8):.0f} bytes = " in text
    assert f"the file is {size - np.ceil(in_theory / 8):.0f} bytes larger" in text
    assert f"{size * 8:,} bits" in text


def test_info_speaks_json(folder, picture):
    run("encode", "photo.png", "-k", 9)
    (folder / "bad.kmq").write_bytes(b"nonsense")
    result = run("info", "--json", "photo.kmq", "bad.kmq")
    assert result.exit_code == 1
    [found] = json.loads(result.stdout)
    assert found["file"] == "photo.kmq"
    assert found["colors"] == 9
    assert found["file_bytes"] == (folder / "photo.kmq").stat().st_size
    assert found["stripes"][0]["coding"] == "packed"


@pytest.mark.parametrize(
    "name", ["with space.png", "-leading.png", "new\nline.png", os.fsdecode(b"latin\xe9.png")]
)
def test_any_file_name_works_and_is_reported_in_one_line(folder, picture, name):
    (folder / "photo.png").rename(folder / name)
    result = run("encode", "--", name)
    assert result.exit_code == 0
    assert (folder / name).with_suffix(".kmq").is_file()
    assert len([line for line in result.stderr.splitlines() if "compiling" not in line]) == 1


def test_the_demo_goes_the_whole_way_and_leaves_its_files(folder):
    result = run("demo")
    assert result.exit_code == 0
    assert "equal" in result.stdout
    original, decoded = (
        np.asarray(opened(folder / name).convert("RGB"))
        for name in ("kmq-demo.png", "kmq-demo-decoded.png")
    )
    assert np.array_equal(kmq.decode(folder / "kmq-demo.kmq"), decoded)
    assert np.array_equal(kmq.quantize(original, 64).to_rgb(), decoded)
    again = run("demo")
    assert again.exit_code == 1
    assert "--force" in again.stderr
    assert run("demo", "--force").exit_code == 0


def test_the_demo_fails_if_what_it_decodes_is_not_what_it_encoded(folder, monkeypatch):
    another = kmq.IndexedImage([[1, 2, 3]], [[0, 0]])
    monkeypatch.setattr(codec, "load", lambda _: another)
    result = run("demo")
    assert result.exit_code == 1
    assert "DIFFERENT" in result.stdout
    assert "decoded to other pixels" in result.stderr


def test_every_command_has_help_with_an_example():
    for name in COMMANDS:
        result = run(name, "--help")
        assert result.exit_code == 0
        assert "Example" in result.stdout
        assert f"kmq {name}" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["encode", ""],
        ["encode", "-r", "photo.png", ""],
        ["encode", "photo.png", "-o", ""],
        ["decode", ""],
        ["info", ""],
        ["verify", ""],
        ["palette", ""],
        ["palette", "photo.png", "-o", ""],
        ["compare", ""],
        ["compare", "photo.png", "--report", ""],
    ],
)
def test_an_empty_name_is_wrong_usage(folder, arguments):
    result = run(*arguments)
    assert result.exit_code == 2
    assert "the name of a file is empty" in result.stderr
    assert not (folder / "photo.kmq").exists()
