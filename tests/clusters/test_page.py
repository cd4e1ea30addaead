"""What docs/clusters.md tells is code that runs, as far as it runs without a cluster of others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parent.parent.parent / "docs" / "clusters.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS)
def test_every_block_of_python_is_python(block):
    compile(block, PAGE.name, "exec")


def test_the_array_of_masks_can_be_made(tmp_path, monkeypatch):
    pytest.importorskip("zarr", reason="needs kmq[zarr]")
    monkeypatch.chdir(tmp_path)
    (block,) = (block for block in BLOCKS if "KmqArrayCodec" in block)
    scope = {}
    exec(block, scope)
    assert scope["masks"].chunks == (1, 1024, 1024)


def test_every_name_that_is_imported_exists():
    from kmq import distributed

    for names in re.findall(r"from kmq\.distributed import (.*)", "\n".join(BLOCKS)):
        for name in names.split(", "):
            assert callable(getattr(distributed, name))
