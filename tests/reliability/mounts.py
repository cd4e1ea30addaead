"""Small disks and read-only ones, where the system lets tests mount them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

SMALL_DISK_BYTES = 64 * 1024


def _mounted(folder: Path, *options: str) -> Iterator[Path]:
    folder.mkdir()
    mount = shutil.which("mount")
    command = [mount or "mount", *options, str(folder)]
    if mount is None or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("only a superuser, where mounting is permitted, can try this")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system of its own, of 64 KB."""
    yield from _mounted(tmp_path / "small", "-t", "tmpfs", "-o", f"size={SMALL_DISK_BYTES}", "kmq")


@pytest.fixture
def read_only_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder that nobody, not even a superuser, can write to; it holds a file `old.kmq`."""
    folder = tmp_path / "read-only"
    for disk in _mounted(folder, "-t", "tmpfs", "kmq"):
        (disk / "old.kmq").write_bytes(b"old")
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        yield disk
