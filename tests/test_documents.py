"""Checks of the pages' statements against the project."""

from __future__ import annotations

import re

import pytest
from conftest import ROOT

import kmq
from kmq.container.summary import packed_allowance

PROMISES = (ROOT / "docs" / "reliability.md").read_text()


def promised_tests():
    """Yield (file, test) for each test that the page names; None for a whole file."""
    for cell in re.findall(r"\|([^|]*)\|$", PROMISES, re.MULTILINE):
        file = None
        for name in re.findall(r"`([^`]+)`", cell):
            if not re.fullmatch(r"(tests/[\w/]+\.py|test_\w+\.py)?(::test_\w+)?", name):
                continue
            path, _, test = name.partition("::")
            if path:
                file = path if path.startswith("tests/") else f"tests/reliability/{path}"
            assert file is not None, name
            yield file, test or None


def test_every_test_that_the_reliability_page_names_exists():
    named = list(promised_tests())
    assert len(named) > 40
    missing = [
        f"{file}::{test}"
        for file, test in named
        if not (ROOT / file).is_file() or (test and f"def {test}(" not in (ROOT / file).read_text())
    ]
    assert missing == []


@pytest.mark.parametrize("page", ["docs/architecture.md", "formats/kmq-1.md"])
def test_the_pages_promise_the_same_size_of_packed_files_as_the_tests(page):
    text = (ROOT / page).read_text()
    pattern = r"at most (\d+) bytes .{,150}at most (\d+) more for each further 2\^20 pixels"
    first, further = map(int, re.search(pattern, text).groups())
    for stripes in (1, 2, 9):
        assert packed_allowance(stripes << 20) == first + further * (stripes - 1)
        assert packed_allowance((stripes << 20) + 1) == first + further * stripes


def test_the_citation_names_the_version():
    assert f"\nversion: {kmq.__version__}\n" in (ROOT / "CITATION.cff").read_text()
