"""`--resume`, `--json` and `verify -r`: long runs, and the programs that start them."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import kmq
from kmq.cli import kmq as command


def run(*arguments, input=None):
    return CliRunner().invoke(command, [str(argument) for argument in arguments], input=input)


def picture(seed):
    return np.random.default_rng(seed).integers(0, 256, (12, 17, 3), np.uint8)


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Two pictures in a folder, and their outputs, each a second younger."""
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(("a", "b")):
        path = tmp_path / "in" / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(picture(number)).save(path)
        os.utime(path, (1_000, 1_000))
    return tmp_path


ENCODE = ["encode", "-r", "in", "-o", "out"]
QUANTIZE = ["quantize", "-r", "in", "-o", "out"]


@pytest.mark.parametrize(("arguments", "extension"), [(ENCODE, ".kmq"), (QUANTIZE, ".png")])
def test_resuming_passes_over_what_is_whole_and_makes_the_rest(tree, arguments, extension):
    assert run(*arguments).exit_code == 0
    a, b = (tree / "out" / f"{name}{extension}" for name in ("a", "b"))
    whole = b.read_bytes()
    result = run(*arguments, "--resume")
    assert result.exit_code == 0
    assert "0 of 2 files" in result.stderr
    assert "2 there already" in result.stderr
    for damaged in (whole[:-9], whole[:60] + bytes([whole[60] ^ 1]) + whole[61:], b"precious"):
        b.write_bytes(damaged)
        before = a.stat().st_mtime_ns
        result = run(*arguments, "--resume")
        assert result.exit_code == 0, result.stderr
        assert "1 of 2 files" in result.stderr
        assert b.read_bytes() == whole
        assert a.stat().st_mtime_ns == before


def test_resuming_makes_outputs_anew_that_are_older_than_their_inputs(tree):
    run(*ENCODE)
    os.utime(tree / "out" / "a.kmq", (999, 999))
    os.utime(tree / "out" / "b.kmq", (1_000, 1_000))
    result = run(*ENCODE, "--resume")
    assert "1 of 2 files" in result.stderr
    assert (tree / "out" / "a.kmq").stat().st_mtime > 1_000
    assert run("encode", "-", "-o", "out/a.kmq", "--resume", input=b"no image").exit_code == 1


def test_json_describes_every_file_in_a_line_of_its_own(tree):
    (tree / "in" / "c.png").write_bytes(b"\x89PNG\r\n\x1a\nnonsense")
    (tree / "in" / "notes.txt").write_text("not an image")
    result = run(*ENCODE, "-k", 9, "--json")
    assert result.exit_code == 1
    a, b, c, notes = map(json.loads, result.stdout.splitlines())
    out = tree / "out" / "a.kmq"
    assert a["input"] == "in/a.png"
    assert a["output"] == "out/a.kmq"
    assert a["input_bytes"] == (tree / "in" / "a.png").stat().st_size
    assert a["output_bytes"] == out.stat().st_size
    assert (a["width"], a["height"], a["colors"], a["exact"]) == (17, 12, 9, False)
    assert 15 < a["psnr"] < 20
    assert len(a["notes"]) == 1
    assert b["input"] == "in/b.png"
    assert c["error"]
    assert f"kmq: in/c.png: {c['error']}\n" in result.stderr
    assert notes == {"input": "in/notes.txt", "output": "out/notes.kmq", "skipped": "not an image"}
    [again, *_] = map(json.loads, run(*ENCODE, "--json", "--skip-existing").stdout.splitlines())
    assert again["skipped"] == "the output exists"


def test_json_of_decode_and_of_an_exact_copy(tree):
    encoded = json.loads(run("encode", "in/a.png", "-k", 300, "--json").stdout)
    assert (encoded["exact"], encoded["psnr"]) == (True, None)
    decoded = json.loads(run("decode", "in/a.kmq", "-o", "x.png", "--json").stdout)
    assert decoded["output"] == "x.png"
    assert (decoded["width"], decoded["height"], decoded["colors"]) == (17, 12, 204)


def test_json_does_not_mix_with_a_file_on_standard_output(tree):
    result = run("encode", "in/a.png", "-o", "-", "--json")
    assert result.exit_code == 2
    assert "--json prints on standard output" in " ".join(result.stderr.split())


def test_verify_looks_below_directories(tree):
    run(*ENCODE)
    (tree / "out" / "deep").mkdir()
    (tree / "out" / "deep" / "c.kmq").write_bytes(b"nonsense")
    result = run("verify", "-r", "out", "in")
    assert result.exit_code == 1
    assert result.stdout == "out/a.kmq: ok\nout/b.kmq: ok\n"
    assert "kmq: out/deep/c.kmq: not a .kmq file" in result.stderr
    assert "kmq: in: there is nothing to do below it\n" in result.stderr
    assert run("verify", "out").stderr == "kmq: out: it is a directory; -r takes the files below\n"


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="needs /dev/zero")  # noqa: PTH110
@pytest.mark.parametrize("arguments", [["verify"], ["info"], ["decode", "-o", "x.png"]])
def test_an_endless_file_is_not_read_to_its_end(tree, arguments):
    result = run(*arguments, "/dev/zero")
    assert result.exit_code == 1
    assert result.stderr.startswith("kmq: /dev/zero: not a .kmq file")


def test_decode_says_what_is_wrong_with_its_input_before_it_looks_for_the_output(tree):
    result = run("decode", "in/a.png")
    assert result.exit_code == 1
    assert result.stderr == (
        "kmq: in/a.png: not a .kmq file; kmq encode makes such files of images\n"
    )
    kmq.save("in/a.kmq", picture(0), 9)
    assert "in/a.png exists; replace it with --force" in run("decode", "in/a.kmq").stderr


@pytest.mark.parametrize("name", ["decode", "encode", "info", "verify", "palette", "compare"])
def test_an_error_names_its_file_once(tree, name):
    assert run(name, "missing.kmq").stderr.count("missing.kmq") == 1
