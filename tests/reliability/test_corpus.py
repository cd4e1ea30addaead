"""Inputs that an earlier version got wrong, replayed by the library and the commands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import warnings
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import ROOT
from test_format import reference

import kmq
from reliability.decoding import MAX_PIXELS, outcome
from reliability.mutations import mended

CORPUS = Path(__file__).parent / "corpus"
LINE = re.compile(
    r"\| `(?P<file>[^`]+)` \| .+ \| `(?P<result>[^`]+)`(?: and `(?P<note>[^`]+)`)? \|"
)
MOST_BYTES = 2_048
MOST_MEMORY = 3 << 30
"""Bytes of address space: a file of 69 bytes once took 5.2 GB."""


class Expected(NamedTuple):
    """A file's entry in the table of the corpus."""

    result: str
    """`an image of W x H`, or the beginning of `Class: message`."""
    note: str | None

    @property
    def is_image(self) -> bool:
        return self.result.startswith("an image")


EXPECTED = {
    line["file"]: Expected(line["result"], line["note"])
    for line in LINE.finditer((CORPUS / "README.md").read_text())
}
KMQ_FILES = [name for name in EXPECTED if name.startswith("kmq/")]


def kmq_files() -> tuple[list[bytes], list[bool]]:
    """Return the `.kmq` files of the corpus, and whether each is an image."""
    contents = [(CORPUS / name).read_bytes() for name in KMQ_FILES]
    return contents, [EXPECTED[name].is_image for name in KMQ_FILES]


def replayed(path: Path) -> tuple[str, list[str]]:
    """Return the library's result for a file, and its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            image = kmq.load(path) if path.suffix == ".kmq" else kmq.quantize(path)
            result = f"an image of {image.width} x {image.height}"
        except kmq.KmqError as error:
            result = f"{type(error).__name__}: {error}"
    return result, [str(warning.message) for warning in caught]


def run_on_all(command: str, names: list[str], *options: object) -> list[str]:
    """Run a command on the files with bounded memory and time; return its error lines."""
    import resource

    program = "from kmq.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, command, *map(str, options), *names],
        capture_output=True,
        text=True,
        timeout=100,
        cwd=CORPUS,
        env=os.environ | {"KMQ_NUM_THREADS": "2"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY,) * 2),
        check=False,
    )
    assert done.returncode == 1  # some are refused, but nothing worse happens
    return done.stderr.splitlines()


def test_the_table_names_each_file_and_no_other():
    found = {path.relative_to(CORPUS).as_posix() for path in CORPUS.glob("*/*")}
    assert set(EXPECTED) == found


@pytest.mark.parametrize("name", EXPECTED)
def test_a_file_of_the_corpus_is_small(name):
    assert (CORPUS / name).stat().st_size < MOST_BYTES


@pytest.mark.parametrize("name", EXPECTED)
def test_the_library_does_what_the_table_says(name):
    result, notes = replayed(CORPUS / name)
    expected = EXPECTED[name]
    assert result.startswith(expected.result)
    assert len(notes) == (expected.note is not None)
    assert all(expected.note in note for note in notes)


@pytest.mark.parametrize("name", KMQ_FILES)
def test_each_way_of_reading_agrees_and_checksums_are_right(name):
    data = (CORPUS / name).read_bytes()
    assert mended(data) == data
    assert (outcome(data) == "an image") == EXPECTED[name].is_image


@pytest.mark.parametrize("name", KMQ_FILES)
def test_the_reference_decoder_does_what_the_table_says(name):
    try:
        image = reference.decode((CORPUS / name).read_bytes(), MAX_PIXELS)
        result = f"an image of {image.width} x {image.height}"
    except (reference.FormatError, reference.LimitError) as error:
        result = f"{type(error).__name__}: {error}"
    # Messages are each decoder's own.
    assert result.split(":")[0] == EXPECTED[name].result.split(":")[0]


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on address space")
def test_verify_says_one_line_for_each_file_that_is_wrong():
    lines = run_on_all("verify", KMQ_FILES)
    wrong = [name for name in KMQ_FILES if not EXPECTED[name].is_image or EXPECTED[name].note]
    assert [line.split(": ")[1] for line in lines] == wrong


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on address space")
def test_info_says_one_line_for_each_file_whose_head_is_wrong():
    lines = run_on_all("info", KMQ_FILES)
    assert {line.split(": ")[1] for line in lines} == {
        name for name in KMQ_FILES if re.match("FormatError: (stripes|the file)", EXPECTED[name][0])
    }


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on address space")
def test_encode_says_one_line_for_each_picture_that_is_refused(tmp_path):
    pictures = [name for name in EXPECTED if name.startswith("images/")]
    lines = run_on_all("encode", pictures, "--quiet", "-o", f"{tmp_path}/")
    refused = [name for name in pictures if not EXPECTED[name].is_image]
    assert sorted(line.split(": ")[1] for line in lines) == refused
    written = {path.stem for path in tmp_path.iterdir()}
    assert written == {Path(name).stem for name in pictures if EXPECTED[name].is_image}


def test_fuzzing_starts_from_the_corpus():
    makefile = (ROOT / "Makefile").read_text()
    assert makefile.count("tests/reliability/corpus/kmq") == 2
