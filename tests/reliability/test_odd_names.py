"""Names that are hard for shells, terminals and encodings: reading, writing and reporting."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import kmq

KMQ = [sys.executable, "-c", "from kmq.cli import main; main()"]
NAMES = [
    b"two  words",
    b"two\nlines",
    b"a\ttab",
    "grün".encode(),
    "grün".encode("latin-1"),
    b"\xff\xfe",
    b"--force",
    b"-k",
    b"%s {0}",
    b"\x1b[31mred",
]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="names are bytes on Linux alone")


def run(*arguments, folder, **environment):
    return subprocess.run(
        [*KMQ, *arguments],
        cwd=folder,
        capture_output=True,
        timeout=60,
        env=os.environ | environment,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of pictures with odd names, and their files encoded in one run."""
    made = tmp_path_factory.mktemp("names")
    rgb = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    for name in NAMES:
        with open(os.path.join(os.fsencode(made), name + b".png"), "wb") as file:  # noqa: PTH118, PTH123
            Image.fromarray(rgb).save(file, "PNG")
    done = run("encode", "-k", "32", "--", *[name + b".png" for name in NAMES], folder=made)
    assert done.returncode == 0, done.stderr
    assert len(done.stderr.splitlines()) == len(NAMES) + 1
    assert all(line.decode().isprintable() for line in done.stderr.splitlines())
    return made


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_of_any_name_is_encoded_beside_itself(folder, name):
    with open(os.path.join(os.fsencode(folder), name + b".kmq"), "rb") as file:  # noqa: PTH118, PTH123
        assert kmq.load(file.read()).width == 7


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_any_name_is_described_in_lines_that_can_be_printed(folder, name):
    done = run("info", "--", name + b".kmq", folder=folder)
    assert done.returncode == 0, done.stderr
    first, *rest = done.stdout.decode().splitlines()
    assert first.isprintable()
    assert len(rest) == 6


def test_a_folder_of_odd_names_is_encoded_and_decoded(folder, tmp_path):
    assert run("encode", "-q", "-r", ".", "-o", tmp_path / "to", folder=folder).returncode == 0
    done = run("decode", "-q", "-r", "to", "-o", "back", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    back = set(os.listdir(os.fsencode(tmp_path / "back")))  # noqa: PTH208
    assert back == {name + b".png" for name in NAMES}


def test_a_name_that_is_missing_is_reported_in_one_line(folder):
    for name in NAMES:
        done = run("decode", "--", name + b".gone", folder=folder)
        assert done.returncode == 1
        [line] = done.stderr.splitlines()
        assert line.decode().isprintable()


def test_json_and_verify_take_odd_names_even_where_the_locale_is_plain(folder):
    files = [name + b".kmq" for name in NAMES]
    for locale in ("C", "C.UTF-8"):
        done = run("info", "--json", "--", *files, folder=folder, LC_ALL=locale)
        assert done.returncode == 0, done.stderr
        assert len(json.loads(done.stdout)) == len(NAMES)
        done = run("verify", "--", *files, folder=folder, LC_ALL=locale)
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_gimp_palette_of_a_picture_of_any_name_is_written(folder, tmp_path, name):
    to = tmp_path / "colours.gpl"
    done = run("palette", "-k", "4", "-o", to, "--", name + b".png", folder=folder)
    assert done.returncode == 0, done.stderr
    title = to.read_text("utf-8").splitlines()[1]
    assert title.startswith("Name: ")
    assert title.isprintable()


@pytest.mark.parametrize("name", NAMES)
def test_what_is_wrong_with_a_palette_of_any_name_is_reported_in_lines_that_can_be_printed(
    folder, tmp_path, name
):
    for content, colors in ((b"ff0000", "2"), (b"nonsense", "1")):
        with open(os.path.join(os.fsencode(tmp_path), name), "wb") as file:  # noqa: PTH118, PTH123
            file.write(content)
        picture = os.path.join(os.fsencode(folder), b"-k.png")  # noqa: PTH118
        done = run("encode", "-k", colors, b"--palette=" + name, "--", picture, folder=tmp_path)
        assert done.returncode == 2
        told = done.stderr.decode().splitlines()
        assert "Error: " in told[-1]
        assert all(line.isprintable() for line in told)


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_a_name_that_the_encoding_lacks_is_reported(folder, tmp_path, encoding):
    name = "図.kmq"
    shutil.copy(folder / "%s {0}.kmq", tmp_path / name)
    for command in ("info", "verify"):
        done = run(command, name, folder=tmp_path, PYTHONIOENCODING=encoding)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(b"\\u56f3.kmq:")
