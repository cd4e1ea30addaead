"""Fixtures and settings shared by many tests."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

from kmq import jit, prebuilt
from kmq.image import IndexedImage

ROOT = Path(__file__).parent.parent
REAL_IMAGES = ROOT.parent / "shared" / "data"

JIT_IS_OFF = os.environ.get("NUMBA_DISABLE_JIT", "0") != "0"
needs_jit = pytest.mark.skipif(JIT_IS_OFF, reason="takes too long without the compiler")
needs_numba = pytest.mark.skipif(
    JIT_IS_OFF or jit.in_use != prebuilt.NUMBA, reason="about kernels that numba compiles"
)
collect_ignore_glob = [] if jit.in_use == prebuilt.NUMBA else ["jit/*"]
"""Tests that import numba and are only about it."""

# Compilation and shared machines make single examples slow; the suite has its own limit.
settings.register_profile("kmq", deadline=None, derandomize=True)
settings.load_profile("kmq")


def needed(*programs: str) -> str:
    """Return the first of the programs that is installed; skip the test if none is."""
    for program in programs:
        if shutil.which(program):
            return program
    message = f"needs {' or '.join(programs)}, which is not here"
    if os.environ.get("KMQ_TEST_EVERYTHING"):
        pytest.fail(message)
    pytest.skip(message)


def opened(path: Path) -> Image.Image:
    """Load an image and close its file."""
    with Image.open(path) as image:
        image.load()
        return image


@pytest.fixture(scope="session")
def real_images() -> Path:
    """The folder of real images; without it the test is skipped, if skipping is allowed."""
    if REAL_IMAGES.is_dir():
        return REAL_IMAGES
    message = "needs the real images of ../shared/data, which are not here"
    if os.environ.get("KMQ_TEST_EVERYTHING"):
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture
def random_indexed() -> Callable[..., IndexedImage]:
    """Make an indexed image of random pixels: (colors, height, width)."""

    def make(colors: int, height: int, width: int, *, grey: bool = False) -> IndexedImage:
        random = np.random.default_rng(colors * 1_000_003 + height * 1_009 + width)
        palette = random.integers(0, 256, (colors, 3), np.uint8)
        if grey:
            palette[:] = palette[:, :1]
        indices = random.integers(0, colors, (height, width))
        return IndexedImage(palette, indices, is_grey_picture=grey)

    return make
