"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import io
import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, BinaryIO, cast

_TEMPORARY = re.compile(r"\.kmq-[0-9a-f]{16}\.tmp")
"""The names of files that are not yet complete."""


def is_temporary(path: Path) -> bool:
    """Whether it has the name of a file that is being written, or that a crash left incomplete."""
    return _TEMPORARY.fullmatch(path.name) is not None


def write_whole(path: str | Path, data: bytes, *, overwrite: bool = True) -> None:
    """Write `data` to `path` so that nobody ever sees a partial file; see `writing_whole`."""
    with writing_whole(path, overwrite=overwrite) as file:
        file.write(data)


@contextlib.contextmanager
def writing_whole(path: str | Path, *, overwrite: bool = True) -> Iterator[BinaryIO]:
    """Yield a file to write to, which appears at `path` whole or not at all.

    It is a temporary file next to the target. It gets the permissions of the file that it
    replaces, is flushed to disk, and takes the target's name in one step. Links are followed;
    anything but a regular file (a terminal, /dev/null, a pipe) is written to directly.

    Raises
    ------
    FileExistsError
        If the file exists and `overwrite` is false.
    OSError
        If it cannot be written, with the target's name; the target is then unchanged.
    """
    replaced = _status(path)
    if replaced is not None and not stat.S_ISREG(replaced.st_mode):
        with Path(path).open("wb") as file:  # the target of /dev/stdout may have no name
            yield file
        return
    if not overwrite and replaced is not None:
        raise FileExistsError(f"{path} exists")
    target = Path(path)
    if target.is_symlink():
        target = Path(os.path.realpath(target))
    temporary = target.with_name(f".kmq-{os.urandom(8).hex()}.tmp")
    try:
        with open(temporary, "xb", opener=_opener(replaced)) as file:
            yield file
            file.flush()
            if replaced is not None:
                _take_permissions(file.fileno(), replaced)
            os.fsync(file.fileno())
        if overwrite:
            temporary.replace(target)
        else:
            _take_free_name(temporary, target)
    except OSError as error:
        # The system's error names the temporary file or none; errors of other files are kept.
        if error.errno is not None and error.filename in (None, str(temporary)):
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        with contextlib.suppress(OSError):  # it already has the target's name, or was never created
            temporary.unlink()


def at_its_beginning(file: IO[bytes]) -> BinaryIO:
    """Return a seekable file at its beginning: this one, or a copy of a pipe's contents."""
    try:
        file.seek(0)
    except (AttributeError, OSError):
        return io.BytesIO(file.read())
    return cast("BinaryIO", file)


def _status(path: str | Path) -> os.stat_result | None:
    """Return the status of the file at a path; None if there is none."""
    try:
        return Path(path).stat()
    except FileNotFoundError:
        return None


def _opener(replaced: os.stat_result | None) -> Callable[[str, int], int] | None:
    """Return an opener that keeps the file private until it has the old one's permissions."""
    if replaced is None:
        return None
    return lambda name, flags: os.open(name, flags, 0o600)


def _take_permissions(descriptor: int, replaced: os.stat_result) -> None:
    """Give a file the mode of the one that it replaces, and its owner if that is allowed."""
    if not hasattr(os, "fchown"):  # Windows
        return
    for owner, group in ((-1, replaced.st_gid), (replaced.st_uid, -1)):
        with contextlib.suppress(OSError):  # only root may give files away
            os.fchown(descriptor, owner, group)
    with contextlib.suppress(OSError):  # a file system without modes
        os.fchmod(descriptor, stat.S_IMODE(replaced.st_mode))


def _take_free_name(temporary: Path, target: Path) -> None:
    """Give the file the target's name; fail if another file has taken it meanwhile."""
    try:
        target.hardlink_to(temporary)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if target.exists():
            raise FileExistsError(f"{target} exists") from None
        temporary.replace(target)
