"""The site: every public name has its place in the reference."""

from __future__ import annotations

import importlib

import pytest
from conftest import ROOT

REFERENCE = (ROOT / "docs" / "site" / "api.rst").read_text()


@pytest.mark.parametrize("module", ["kmq", "kmq.kmeans"])
def test_the_reference_of_the_library_describes_every_public_name(module):
    names = importlib.import_module(module).__all__
    described = {
        line.split(":: ")[1] for line in REFERENCE.splitlines() if line.startswith(".. auto")
    }
    missing = [
        name for name in names if name != "__version__" and f"{module}.{name}" not in described
    ]
    assert missing == []
