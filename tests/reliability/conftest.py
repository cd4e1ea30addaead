"""Fixtures of the reliability tests: threading layers, cold starts, small disks."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kmq import jit, prebuilt
from reliability.programs import EIGHT_AT_ONCE, SECONDS, layer_environment, run

SMALL_DISK_BYTES = 64 * 1024


@pytest.fixture(params=["none", "workqueue", "omp", "tbb"])
def layer(request: pytest.FixtureRequest) -> dict[str, str]:
    """Each available threading layer, as the environment that selects it.

    There is none if numba does not compile the kernels.
    """
    if (request.param == "none") == (jit.in_use == prebuilt.NUMBA):
        pytest.skip("kernels that were compiled ahead know no threading layer, numba's do")
    if request.param == "none":
        return {}
    environment = layer_environment(request.param)
    if environment is None:
        pytest.skip(f"numba cannot load its {request.param} layer here")
    return environment


@pytest.fixture(scope="session")
def cold_start(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], str]:
    """Start eight threads that have to compile for a generic processor, which takes long.

    Return the environment that finds the compiled code, and the output of the threads.
    """
    environment = {
        "NUMBA_CPU_NAME": "generic",
        "NUMBA_CPU_FEATURES": "",
        "NUMBA_CACHE_DIR": str(tmp_path_factory.mktemp("cache")),
    }
    return environment, run(EIGHT_AT_ONCE, **environment).stdout


def _mounted(folder: Path, *options: str) -> Iterator[Path]:
    folder.mkdir()
    mount = shutil.which("mount")
    command = [mount or "mount", *options, str(folder)]
    if (
        mount is None
        or subprocess.run(command, capture_output=True, timeout=SECONDS).returncode != 0
    ):
        pytest.skip("only a superuser, where mounting is permitted, can try this")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True, timeout=SECONDS)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a separate file system of 64 KB."""
    yield from _mounted(tmp_path / "small", "-t", "tmpfs", "-o", f"size={SMALL_DISK_BYTES}", "kmq")


@pytest.fixture
def read_only_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder that nobody, not even root, can write to; it contains a file `old.kmq`."""
    folder = tmp_path / "read-only"
    for disk in _mounted(folder, "-t", "tmpfs", "kmq"):
        (disk / "old.kmq").write_bytes(b"old")
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True, timeout=SECONDS)
        yield disk
