"""Checks on compiled code: who can have written it, and from which sources it was made."""

from __future__ import annotations

import functools
import hashlib
import os
import stat
from pathlib import Path

_OTHERS_CAN_WRITE = stat.S_IWGRP | stat.S_IWOTH


def is_trusted(path: Path) -> bool:
    """Whether only this user and root can have written a file, or the files in a folder.

    Whoever can write to a cache can plant code that runs as its reader. There is no such check
    on systems without file owners.
    """
    if not hasattr(os, "getuid"):
        return True
    found = path.stat()
    return found.st_uid in (0, os.getuid()) and not found.st_mode & _OTHERS_CAN_WRITE


def keep_others_out(path: Path) -> None:
    """Remove others' permission to write to a file or folder of this user."""
    if not hasattr(os, "getuid"):
        return
    found = path.stat()
    if found.st_uid == os.getuid() and found.st_mode & _OTHERS_CAN_WRITE:
        path.chmod(stat.S_IMODE(found.st_mode) & ~_OTHERS_CAN_WRITE)


@functools.lru_cache
def source_stamp(folder: Path) -> str:
    """Return a hash of all sources in a folder, the only ones that a kernel is compiled from.

    Within an archive, it is a hash of the archive's path, size and time.

    Raises
    ------
    RuntimeError
        If there are no sources.
    """
    digest = hashlib.sha256()
    paths = sorted(folder.glob("*.py"))
    for path in paths:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    if not paths:
        archive = next((parent for parent in folder.parents if parent.is_file()), None)
        if archive is None:
            raise RuntimeError(f"{folder} has no sources")
        found = archive.stat()
        digest.update(f"{archive} {found.st_size} {found.st_mtime_ns}".encode())
    return digest.hexdigest()
