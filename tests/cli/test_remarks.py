"""What encode and quantize remark on, and sizes as people write them."""

from __future__ import annotations

import click
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from kmq.cli import kmq as command
from kmq.cli.byte_counts import ByteCount


def run(*arguments):
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def remarks(result):
    assert result.exit_code == 0, result.stderr
    lines = [line for line in result.stderr.splitlines() if "compiling" not in line]
    return [line.removeprefix("kmq: photo.png: ") for line in lines[:-1]]


@pytest.fixture
def picture(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rgb = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    Image.fromarray(rgb).save("photo.png")
    return rgb


def test_nothing_is_remarked_on_a_good_result(picture):
    assert remarks(run("encode", "photo.png")) == []


def test_a_target_that_leaves_one_colour_is_reported(picture):
    [line] = remarks(run("encode", "photo.png", "--max-bytes", 99))
    assert line == "only one colour fits in 99 bytes: nothing of the picture is left"


@pytest.mark.parametrize("arguments", [["encode"], ["quantize", "-o", "x.png"]])
def test_a_poor_result_is_reported(picture, arguments):
    [line] = remarks(run(*arguments, "photo.png", "-k", 3))
    assert line.endswith(" dB is far from the original; more colours come closer")


def test_an_output_larger_than_its_input_is_reported(picture):
    Image.fromarray(picture[:1, :2]).save("photo.png", optimize=True)
    [line] = remarks(run("quantize", "photo.png", "-o", "x.tif"))
    assert line.startswith("the output is larger than the input, by ")


def test_quiet_leaves_remarks_out(picture):
    assert run("encode", "photo.png", "-q", "--max-bytes", 99).output == ""


@pytest.mark.parametrize(
    ("given", "count"),
    [
        ("20000", 20_000),
        ("20KB", 20_000),
        ("20kB", 20_000),
        ("20 K", 20_000),
        ("20KiB", 20_480),
        ("1.5mb", 1_500_000),
        ("1.5 MiB", 1_572_864),
        ("0.0005KB", None),
        ("0.001KB", 1),
        ("1.0009 k", 1_000),
        ("2GB", 2_000_000_000),
        ("300B", 300),
        ("", None),
        ("0", None),
        ("-1", None),
        ("KB", None),
        ("20iB", None),
        ("1e3", None),
        ("20,000", None),
    ],
)
def test_a_size_is_read_with_its_unit(given, count):
    if count is None:
        with pytest.raises(click.BadParameter):
            ByteCount().convert(given, None, None)
    else:
        assert ByteCount().convert(given, None, None) == count


def test_a_size_with_a_unit_is_the_target(picture):
    run("encode", "photo.png", "--max-bytes", "0.5 KiB", "-o", "a.kmq")
    run("encode", "photo.png", "--max-bytes", 512, "-o", "b.kmq")
    with open("a.kmq", "rb") as a, open("b.kmq", "rb") as b:  # noqa: PTH123
        assert a.read() == b.read()
