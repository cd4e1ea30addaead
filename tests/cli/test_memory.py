"""`encode --memory`: pictures that are not held whole."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
import tifffile
from click.testing import CliRunner
from PIL import Image

import kmq
from kmq.cli import kmq as command
from kmq.codec import streaming

ENOUGH = streaming.memory_for_bands(4000, 16, 1)
"""For the bands of the picture, and not for the whole."""


def run(*arguments, input=None):
    return CliRunner().invoke(command, [str(argument) for argument in arguments], input=input)


@pytest.fixture
def scan(tmp_path, monkeypatch):
    """A TIFF in strips of 16 rows, and the same picture as a PNG."""
    monkeypatch.chdir(tmp_path)
    waves = np.add.outer(np.arange(1500) // 9, np.arange(4000) // 11)
    pixels = np.stack([waves % 256, waves // 3 % 256, waves % 7 * 30], axis=-1).astype(np.uint8)
    tifffile.imwrite("scan.tif", pixels, photometric="rgb", rowsperstrip=16, compression="zlib")
    Image.fromarray(pixels).save("scan.png", compress_level=1)
    return pixels


def test_a_tiff_is_coded_in_bands_to_the_same_bytes(scan, tmp_path, monkeypatch):
    begun = []
    encode = streaming.encode_bands
    monkeypatch.setattr(
        streaming, "encode_bands", lambda *given: (begun.append(given), encode(*given))[1]
    )
    assert streaming.memory_for_whole(4000, 1500) > ENOUGH
    result = run("encode", "scan.tif", "-k", 16, "--threads", 1, "--memory", ENOUGH)
    assert result.exit_code == 0, result.output
    assert len(begun) == 1
    assert (tmp_path / "scan.kmq").read_bytes() == kmq.encode("scan.tif", 16)
    whole = run("encode", "scan.png", "-o", "whole.kmq", "-k", 16)
    told = [each.stderr.splitlines()[-1].split(", ")[1:-1] for each in (result, whole)]
    assert told[0] == told[1]
    assert result.stderr.splitlines()[-1].startswith("scan.tif: ")


def test_a_picture_that_fits_is_read_whole(scan, monkeypatch):
    monkeypatch.setattr(streaming, "encode_bands", None)
    for options in ((), ("--memory", "1GB")):
        assert run("encode", "scan.tif", "-o", "a.kmq", "-f", "-k", 3, *options).exit_code == 0


def test_standard_output_gets_the_file_too(scan):
    arguments = ("encode", "scan.tif", "-o", "-", "-k", 16, "--threads", 1, "--memory", ENOUGH)
    assert run(*arguments).stdout_bytes == kmq.encode("scan.tif", 16)


def test_an_image_that_cannot_be_read_in_bands_is_refused_with_what_it_needs(scan, tmp_path):
    result = run("encode", "scan.png", "--memory", ENOUGH)
    assert result.exit_code == 1
    assert "4,000 x 1,500 pixels take about 72 MB of memory" in result.stderr
    assert "it is a PNG file, which cannot be read in bands" in result.stderr
    assert not (tmp_path / "scan.kmq").exists()


def test_bands_that_are_too_large_are_refused_with_what_they_need(scan):
    result = run("encode", "scan.tif", "--memory", "9MB")
    assert result.exit_code == 1
    assert "in bands of 16 rows take about" in result.stderr


def test_a_damaged_tiff_leaves_no_output(scan, tmp_path):
    path = tmp_path / "scan.tif"
    path.write_bytes(path.read_bytes()[:-60_000])
    result = run("encode", "scan.tif", "-k", 16, "--threads", 1, "--memory", ENOUGH)
    assert result.exit_code == 1
    assert result.stderr.startswith("kmq: scan.tif: a TIFF that cannot be read")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["scan.png", "scan.tif"]


def test_an_output_that_exists_is_not_replaced(scan, tmp_path):
    (tmp_path / "scan.kmq").write_bytes(b"precious")
    result = run("encode", "scan.tif", "-k", 16, "--threads", 1, "--memory", ENOUGH)
    assert result.exit_code == 1
    assert (tmp_path / "scan.kmq").read_bytes() == b"precious"


@pytest.mark.parametrize(
    "options", [("--psnr", 30), ("--max-bytes", "9KB"), ("--rdo", 1), ("--labels",)]
)
def test_what_needs_the_whole_picture_is_wrong_usage(scan, options):
    result = run("encode", "scan.tif", "--memory", ENOUGH, *options)
    assert result.exit_code == 2
    assert f"{options[0]} needs the whole picture" in " ".join(result.stderr.split())


def tall(image, times):
    """The same image many times below each other: several stripes."""
    indices = np.tile(image.indices, (times, 1))
    if image.labels is not None:
        return kmq.IndexedImage.from_labels(np.tile(image.to_labels(), (times, 1)))
    return kmq.IndexedImage(image.palette, indices, is_grey_picture=image.is_grey_picture)


@pytest.fixture
def images(random_indexed):
    """An image of each kind, of 1,001 columns and three stripes."""
    alpha = np.random.default_rng(8).integers(0, 256, (9, 4), np.uint8)
    labels = np.random.default_rng(9).integers(0, 70, (8, 1001)) * 900
    small = {f"{colors} colours": random_indexed(colors, 8, 1001) for colors in (2, 3, 16, 99)}
    small["a grey picture"] = random_indexed(7, 8, 1001, grey=True)
    small["300 colours"] = random_indexed(300, 8, 1001)
    small["alpha"] = kmq.IndexedImage(alpha, random_indexed(9, 8, 1001).indices)
    small["labels"] = kmq.IndexedImage.from_labels(labels)
    small["small labels"] = kmq.IndexedImage.from_labels(labels // 900)
    return {name: tall(image, 300) for name, image in small.items()}


@pytest.mark.parametrize("extension", ["png", "tif"])
def test_a_picture_is_decoded_in_bands_to_the_same_pixels(images, extension, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, image in images.items():
        kmq.save("a.kmq", image.with_metadata(kmq.Metadata(resolution=(300, 200))))
        for memory in ("1MB", "1GB"):
            output = f"{memory}.{extension}"
            result = run("decode", "a.kmq", "-o", output, "-f", "--memory", memory)
            assert result.exit_code == 0, (name, result.output)
        with Image.open(f"1MB.{extension}") as banded, Image.open(f"1GB.{extension}") as whole:
            assert banded.size == whole.size, name
            assert banded.info["dpi"] == pytest.approx(whole.info["dpi"], abs=0.1), name
            if "labels" in name:
                assert np.array_equal(np.asarray(banded), image.to_labels()), name
            else:
                rgba = [np.asarray(each.convert("RGBA")) for each in (banded, whole)]
                assert np.array_equal(*rgba), name
            if extension == "png":
                assert banded.mode == whole.mode or name == "a grey picture", name


def test_a_damaged_file_leaves_no_output(images, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = bytearray(kmq.encode(images["99 colours"]))
    data[-1] ^= 1  # in the last stripe
    (tmp_path / "a.kmq").write_bytes(data)
    result = run("decode", "a.kmq", "--memory", "1MB")
    assert result.exit_code == 1
    assert "the checksum does not match" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["a.kmq"]


def test_what_cannot_be_written_in_bands_says_so(images, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kmq.save("a.kmq", images["3 colours"])
    result = run("decode", "a.kmq", "-o", "a.webp", "--memory", "1MB")
    assert result.exit_code == 1
    assert ".webp cannot be written in bands, only .png, .tif, .tiff" in result.stderr
    result = run("decode", "a.kmq", "--memory", "1MB", "--bleed")
    assert result.exit_code == 2
    assert "--bleed needs them whole" in " ".join(result.stderr.split())


def test_a_pipe_gets_a_whole_picture_or_nothing(images, tmp_path):
    data = kmq.encode(images["99 colours"])
    (tmp_path / "a.kmq").write_bytes(data)
    (tmp_path / "b.kmq").write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    command = [sys.executable, "-m", "kmq", "decode", "-o", "-", "--memory", "1MB"]
    whole, damaged = (
        subprocess.run([*command, tmp_path / name], capture_output=True)
        for name in ("a.kmq", "b.kmq")
    )
    assert whole.returncode == 0, whole.stderr
    with Image.open(io.BytesIO(whole.stdout)) as decoded:
        assert np.array_equal(np.asarray(decoded.convert("RGB")), images["99 colours"].to_rgb())
    assert (damaged.returncode, damaged.stdout) == (1, b"")


@pytest.mark.parametrize(
    ("options", "named"), [(("--palette", "gray4"), "gray4"), (("--dither", "-k", "4"), "--dither")]
)
def test_what_needs_the_whole_picture_is_refused_with_what_to_do(scan, options, named):
    result = run("encode", "scan.tif", "--memory", ENOUGH, *options)
    assert result.exit_code == 2
    assert named in result.stderr
    assert "leave" in result.stderr
