"""The manual pages that `make man` writes."""

from __future__ import annotations

import subprocess

import pytest
from conftest import ROOT, needed

from docs import make_man
from kmq.cli import COMMANDS


@pytest.fixture(scope="module")
def pages():
    return dict(make_man.pages())


def test_there_is_a_page_for_kmq_and_for_each_command(pages):
    assert set(pages) == {"kmq.1", *(f"kmq-{name}.1" for name in COMMANDS)}


def test_a_page_has_the_options_the_examples_and_the_exit_codes(pages):
    page = pages["kmq-encode.1"]
    assert "\\fB\\-k, \\-\\-colors INTEGER RANGE\\fR" in page
    assert "\n.nf\nExamples:\n  kmq encode photo.jpg\n" in page
    assert "\n.SH EXIT STATUS\n" in page
    assert ".TP\n\\fBIMAGES" not in page  # the description says what it is


def test_a_command_of_commands_has_its_own(pages):
    page = pages["kmq-desktop.1"]
    assert "\\fBinstall\\fR" in page
    assert "\\fBencode\\fR" not in page


def test_words_that_roff_would_take_for_requests_are_shown():
    assert make_man._text(".kmq files\\n") == "\\&.kmq files\\en"


def test_the_date_can_be_fixed(monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert dict(make_man.pages())["kmq.1"].startswith('.TH "KMQ" 1 "1970-01-02" ')


def test_the_pages_are_well_formed(pages, tmp_path):
    program = needed("mandoc", "groff")
    for name, text in pages.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    options = {
        "mandoc": ["-T", "lint", "-W", "warning"],
        "groff": ["-man", "-ww", "-z", "-K", "utf8"],
    }
    check = subprocess.run(
        [program, *options[program], *sorted(pages)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (check.returncode, check.stdout, check.stderr) == (0, "", "")


def test_make_man_writes_them(pages, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["make_man.py", str(tmp_path / "man")])
    make_man.main()
    assert {path.name for path in (tmp_path / "man").iterdir()} == set(pages)
    assert "build/man" in (ROOT / "Makefile").read_text()
