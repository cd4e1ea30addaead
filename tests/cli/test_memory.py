"""`encode --memory`: pictures that are not held whole."""

from __future__ import annotations

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
    told = [each.stderr.split(", ")[1:-1] for each in (result, whole)]
    assert told[0] == told[1]
    assert result.stderr.startswith("scan.tif: ")


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
    assert f"{options[0]} needs them whole" in " ".join(result.stderr.split())
