"""C compilers, and the programs that they make of the decoder."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import needed

from c.compiling import C99, DRIVER, SANITIZED, SOURCES, compiled


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which programs are built."""
    return tmp_path_factory.mktemp("c")


@pytest.fixture(scope="session")
def driver(folder: Path) -> Path:
    """Return the driver."""
    return compiled(DRIVER, folder / "driver", needed("gcc", "clang"), *C99)


@pytest.fixture(scope="session")
def strict_driver(folder: Path) -> Path:
    """Return the driver with sanitizers, which end it where it does what C does not allow."""
    return compiled(DRIVER, folder / "strict_driver", needed("clang", "gcc"), *SANITIZED)


@pytest.fixture(scope="session")
def example(folder: Path) -> Path:
    """Return the example, which turns a file into a PNG."""
    compiler = needed("clang", "gcc")
    return compiled(SOURCES / "kmq2png.c", folder / "kmq2png", compiler, *SANITIZED)
