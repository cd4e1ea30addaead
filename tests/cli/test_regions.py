from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import kmq
from kmq.cli import kmq as command


@pytest.fixture
def image(random_indexed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = random_indexed(11, 23, 37)
    kmq.save("a.kmq", made)
    return made


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--rows", "3:8"], np.s_[3:8]),
        (["--rows", ":1"], np.s_[:1]),
        (["--rows", "22:"], np.s_[22:]),
        (["--rows", ":"], np.s_[:]),
        (["--box", "0,0,37,23"], np.s_[:]),
        (["--box", "36,22,1,1"], np.s_[22:, 36:]),
        (["--box", "5,7,11,2"], np.s_[7:9, 5:16]),
    ],
)
def test_a_part_of_a_picture_is_decoded_alone(image, arguments, part):
    result = CliRunner().invoke(command, ["decode", "a.kmq", "-o", "a.png", *arguments])
    assert result.exit_code == 0, result.output
    with Image.open("a.png") as decoded:
        assert np.array_equal(np.asarray(decoded.convert("RGB")), image.to_rgb()[part])


def test_a_part_of_what_comes_through_a_pipe_is_decoded_too(image, tmp_path):
    data = (tmp_path / "a.kmq").read_bytes()
    arguments = ["decode", "-", "-o", "a.png", "--box", "1,2,3,4"]
    result = CliRunner().invoke(command, arguments, input=data)
    assert result.exit_code == 0, result.output
    with Image.open("a.png") as decoded:
        assert decoded.size == (3, 4)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--rows", "20:24"], "rows 20 to 23 are not all in a picture of 37 x 23"),
        (["--rows", "23:"], "rows 23 to 23 are not all in"),
        (["--box", "30,0,8,1"], "columns 30 to 37"),
    ],
)
def test_a_part_that_is_not_there_fails(image, arguments, words):
    result = CliRunner().invoke(command, ["decode", "a.kmq", "-o", "a.png", *arguments])
    assert result.exit_code == 1
    assert words in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--rows", "8:3"],
        ["--rows", "3:3"],
        ["--rows", "-1:3"],
        ["--rows", "3"],
        ["--box", "1,2,3"],
        ["--box", "1,2,0,4"],
        ["--box", "1,2,-3,4"],
        ["--rows", "1:2", "--box", "1,2,3,4"],
    ],
)
def test_what_names_no_part_is_wrong_usage(image, arguments):
    result = CliRunner().invoke(command, ["decode", "a.kmq", *arguments])
    assert result.exit_code == 2
    assert arguments[0] in result.stderr
