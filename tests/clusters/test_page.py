"""docs/clusters.md: what it imports exists. (What runs without a cluster, test_pages.py runs.)"""

from __future__ import annotations

import re

from pages import blocks


def test_every_name_that_is_imported_exists():
    from kmq import distributed

    code = "\n".join(block.code for block in blocks("docs/clusters.md"))
    lists = re.findall(r"from kmq\.distributed import (.*)", code)
    assert lists
    for names in lists:
        for name in names.split(", "):
            assert callable(getattr(distributed, name))
