"""Whose compiled code may run, and of which sources it is."""

from __future__ import annotations

import functools
import hashlib
import os
import stat
from pathlib import Path

_OTHERS_CAN_WRITE = stat.S_IWGRP | stat.S_IWOTH


def is_trusted(path: Path) -> bool:
    """Whether nobody but this user and root can have written a file, or what is in a folder.

    Whoever can write to a cache can plant code that runs as its reader. Systems without
    owners have no such check.
    """
    if not hasattr(os, "getuid"):
        return True
    found = path.stat()
    return found.st_uid in (0, os.getuid()) and not found.st_mode & _OTHERS_CAN_WRITE


def keep_others_out(path: Path) -> None:
    """Take from others the permission to write to a file or a folder of this user's."""
    if not hasattr(os, "getuid"):
        return
    found = path.stat()
    if found.st_uid == os.getuid() and found.st_mode & _OTHERS_CAN_WRITE:
        path.chmod(stat.S_IMODE(found.st_mode) & ~_OTHERS_CAN_WRITE)


@functools.lru_cache
def source_stamp(folder: Path) -> str:
    """Return a hash of all sources in a folder: a kernel takes constants from no other.

    Within an archive it stands for the whole archive, by its size and time.

    Raises
    ------
    RuntimeError
        If there are no sources: what they are cannot be told then.
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
