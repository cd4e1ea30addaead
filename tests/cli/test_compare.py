"""`kmq compare`: its table, its other shapes, and its report."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import kmq
from kmq import quality, report
from kmq.cli import kmq as command


def run(*arguments, input=None):
    return CliRunner().invoke(command, [str(argument) for argument in arguments], input=input)


@pytest.fixture
def picture(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rgb = np.random.default_rng(0).integers(0, 256, (12, 17, 3), np.uint8)
    Image.fromarray(rgb).save("photo.png")
    return rgb


@pytest.fixture
def without_extra(monkeypatch):
    found = importlib.util.find_spec
    absent = ("matplotlib", "jinja2", "skimage")
    for module in ("kmq.report", "kmq.comparison"):
        monkeypatch.setattr(
            f"{module}.find_spec", lambda name: None if name in absent else found(name)
        )


def test_the_table_has_a_line_for_each_number_of_colours(picture):
    result = run("compare", "photo.png", "--colors", "2,9")
    assert result.exit_code == 0, result.stderr
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[1][:4] == ["K", "theory", "packed", "modelled"]
    [row] = [line for line in lines if line[:1] == ["9"]]
    size = len(kmq.encode(picture, 9))
    assert row[2] == str(len(kmq.encode(picture, 9, coding="packed")))
    assert row[3] == str(size)
    assert row[4] == f"{size / Path('photo.png').stat().st_size:.1%}"
    indexed = kmq.quantize(picture, 9)
    assert row[7] == f"{quality.psnr(picture, indexed):.2f}"
    assert row[8] == f"{quality.ssim(picture, indexed):.4f}"


def test_no_number_of_the_table_is_cut_short(picture, monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    assert "…" not in run("compare", "photo.png", "--colors", "2,9").stdout


def test_eight_numbers_of_colours_are_compared_unless_others_are_named(picture):
    rows = json.loads(run("compare", "photo.png", "--json").stdout)["rows"]
    assert [row["colors"] for row in rows] == [2, 4, 8, 16, 32, 64, 128, 256]


def test_json_has_the_librarys_numbers(picture):
    result = run("compare", "photo.png", "-k", "300,9", "--json", "--seed", 4, "--effort", "best")
    found = json.loads(result.stdout)
    assert found["file"] == "photo.png"
    assert found["file_bytes"] == Path("photo.png").stat().st_size
    assert (found["width"], found["height"]) == (17, 12)
    exact, lossy = found["rows"]
    assert exact["exact"]
    assert exact["psnr"] is None
    assert exact["used"] == 204
    indexed = kmq.quantize(picture, 9, seed=4, effort="best")
    assert lossy["packed_bytes"] == len(kmq.encode(indexed, coding="packed"))
    assert lossy["modelled_bytes"] == len(kmq.encode(indexed))
    assert lossy["psnr"] == quality.psnr(picture, indexed)
    assert lossy["share"] == lossy["modelled_bytes"] / found["file_bytes"]


def test_csv_has_the_numbers_of_json(picture):
    rows = json.loads(run("compare", "photo.png", "-k", "2,300", "--json").stdout)["rows"]
    table = list(
        csv.DictReader(io.StringIO(run("compare", "photo.png", "-k", "2,300", "--csv").stdout))
    )
    assert len(table) == 2
    for line, row in zip(table, rows, strict=True):
        assert list(line) == list(row)
        for name in set(row) - {"seconds"}:
            assert line[name] == ("" if row[name] is None else str(row[name]))


def test_numbers_of_colours_are_taken_once_and_in_order(picture):
    rows = json.loads(run("compare", "photo.png", "-k", "9,2,9", "--json").stdout)["rows"]
    assert [row["colors"] for row in rows] == [9, 2]


@pytest.mark.parametrize(
    "arguments",
    [
        ["photo.png", "--colors", "2,0"],
        ["photo.png", "--colors", "2,,4"],
        ["photo.png", "--colors", "two"],
        ["photo.png", "--colors", "65537"],
        ["photo.png", "--json", "--csv"],
        ["photo.png", "--report", "."],
        ["photo.png", "--report", "-"],
        ["photo.png", "photo.png"],
        [],
    ],
)
def test_wrong_usage_exits_with_2(picture, arguments):
    assert run("compare", *arguments).exit_code == 2
    assert [path.name for path in Path().iterdir()] == ["photo.png"]


def test_a_file_that_is_not_an_image_is_reported_in_one_line(picture):
    Path("notes.txt").write_text("nothing to see")
    result = run("compare", "notes.txt")
    assert result.exit_code == 1
    assert result.stderr == "kmq: notes.txt: not an image of a known kind\n"


def test_transparent_pictures_are_compared_with_their_transparency(picture):
    y, x = np.mgrid[:40, :60]
    rgba = np.dstack([x, y, x + y, (4 * x).clip(0, 255)]).astype(np.uint8)
    Image.fromarray(rgba).save("a.png")
    result = run("compare", "a.png", "-k", "8", "--json", "--report", "a.html")
    assert result.exit_code == 0, result.stderr
    [row] = json.loads(result.stdout)["rows"]
    assert row["theoretical_bytes"] == (32 * 8 + 40 * 60 * 3) / 8
    assert row["png_bytes"] > row["modelled_bytes"]
    assert 20 < row["psnr"] < 60
    assert run("compare", "a.png", "-k", "2", "--background", "white").exit_code == 0


def test_an_image_may_come_through_a_pipe(picture):
    result = run("compare", "-", "-k", "2", "--json", input=Path("photo.png").read_bytes())
    assert json.loads(result.stdout)["rows"][0]["colors"] == 2


def test_a_report_is_written_beside_the_table(picture):
    result = run("compare", "photo.png", "-k", "2,9", "--report", "photo.html")
    assert result.exit_code == 0, result.stderr
    assert "packed" in result.stdout
    assert "<h1>photo.png</h1>" in Path("photo.html").read_text()
    assert f"photo.html: {Path('photo.html').stat().st_size:,} bytes" in result.stderr


def test_an_existing_report_is_refused_without_force(picture):
    Path("photo.html").write_text("precious")
    arguments = ["compare", "photo.png", "-k", "2", "--report", "photo.html"]
    result = run(*arguments)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "photo.html exists; replace it with --force" in result.stderr
    assert Path("photo.html").read_text() == "precious"
    assert run(*arguments, "--force").exit_code == 0
    assert Path("photo.html").read_text() != "precious"


def test_a_report_that_cannot_be_written_leaves_nothing(picture, monkeypatch):
    monkeypatch.setattr("kmq.comparison.compare", None)  # it is found out beforehand
    result = run("compare", "photo.png", "-k", "2", "--report", "missing/photo.html")
    assert result.exit_code == 1
    assert "No such file or directory" in result.stderr
    assert [path.name for path in Path().iterdir()] == ["photo.png"]


def test_a_report_without_its_packages_names_the_command_that_installs_them(picture, without_extra):
    result = run("compare", "photo.png", "--report", "photo.html")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert report.INSTALL == "pip install 'kmq[report]'"
    assert report.INSTALL in result.stderr
    assert not Path("photo.html").exists()


def test_without_the_extra_the_table_has_no_ssim_and_says_so(picture, without_extra):
    result = run("compare", "photo.png", "-k", "2")
    assert result.exit_code == 0, result.stderr
    assert "SSIM" not in result.stdout
    assert "SSIM is left out" in result.stderr
    assert report.INSTALL in result.stderr


@pytest.mark.parametrize("given", ["4,", ",4", "2,,4", "two", "4;8", ""])
def test_a_list_that_is_none_is_reported_as_a_whole(picture, given):
    result = run("compare", "photo.png", "-k", given)
    assert result.exit_code == 2
    told = " ".join(result.stderr.split())
    assert f"expected numbers with commas between them, got {given!r}" in told


def test_what_lost_bits_when_it_was_read_is_not_called_exact(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.array([[0, 1], [2, 60_000]], np.uint16)).save("deep.png")
    result = run("compare", "deep.png", "--colors", "4")
    assert "lossless" in result.stdout
    assert "exact" not in result.stdout
    assert "kmq: deep.png: compared without its 16 bits per channel" in result.stderr
    row = json.loads(run("compare", "deep.png", "--colors", "4", "--json").stdout)["rows"][0]
    assert row["exact"] is False
    assert row["psnr"] is None
