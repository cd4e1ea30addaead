"""Node, which runs kmq.js."""

from __future__ import annotations

import os
import shutil

import pytest


def needed(*programs: str) -> str:
    """Return the first of the programs that is here; without any, the test is skipped."""
    for program in programs:
        if shutil.which(program):
            return program
    message = f"needs {' or '.join(programs)}, which is not here"
    if os.environ.get("KMQ_TEST_EVERYTHING"):
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def node() -> str:
    """Return the name of Node."""
    return needed("node", "nodejs")
