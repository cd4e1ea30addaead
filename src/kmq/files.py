"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def write_whole(path: str | Path, data: bytes, *, overwrite: bool = True) -> None:
    """Write `data` to `path` so that nobody ever sees a part of it.

    It goes to a temporary file beside the target, is flushed to the disk, and takes
    the target's name in one step. A link is followed; what is no ordinary file (a
    terminal, /dev/null, a named pipe) is written to as it is.

    Raises
    ------
    FileExistsError
        If there is such a file and `overwrite` is false.
    OSError
        If it cannot be written, with the target's name; the target is then as it was.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        target.write_bytes(data)
        return
    if not overwrite and target.exists():
        raise FileExistsError(f"{path} exists")
    temporary = target.with_name(f".kmq-{os.urandom(8).hex()}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if overwrite:
            temporary.replace(target)
        else:
            _take_free_name(temporary, target)
    except OSError as error:
        if error.errno is not None:  # the system's, which names the temporary file or none
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        with contextlib.suppress(OSError):  # it has the target's name, or was never there
            temporary.unlink()


def _take_free_name(temporary: Path, target: Path) -> None:
    """Give the file the target's name, failing if another has taken it meanwhile."""
    try:
        target.hardlink_to(temporary)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if target.exists():
            raise FileExistsError(f"{target} exists") from None
        temporary.replace(target)
