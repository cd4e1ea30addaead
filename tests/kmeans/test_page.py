"""The page that walks through K-means: its blocks run, and print what it says."""

from __future__ import annotations

import re

import numpy as np
import pytest
from conftest import ROOT

PAGE = (ROOT / "docs" / "k-means.md").read_text()


def test_the_blocks_run_in_their_order_and_print_what_the_page_says(tmp_path, monkeypatch, capsys):
    pytest.importorskip("matplotlib", reason="needs matplotlib (extra report)")
    monkeypatch.chdir(tmp_path)
    names = {}
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert len(blocks) > 5
    for block in blocks:
        exec(block, names)
    (printed,) = re.findall(r"^It prints\n\n```\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert capsys.readouterr().out == printed
    assert (tmp_path / "path.png").stat().st_size > 0
    assert (tmp_path / "colours.png").stat().st_size > 0
    assert len(np.unique(names["in_eight_colours"].reshape(-1, 3), axis=0)) == 8
