"""Registering `.kmq` files with desktops, according to freedesktop.org's specifications.

These are the Shared MIME-info Database, Desktop Entry and Base Directory Specifications.
Thumbnailers have the form that GNOME, Xfce, MATE and Cinnamon read.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from kmq.files import write_whole

MEDIA_TYPE = "image/x-kmq"

SYSTEM_DATA = Path("/usr/local/share")
"""The folder for all users' data that is not from the distribution's packages."""

_MEDIA_TYPE_FILE = f"""\
<?xml version="1.0" encoding="UTF-8"?>
<mime-info xmlns="http://www.freedesktop.org/standards/shared-mime-info">
  <mime-type type="{MEDIA_TYPE}">
    <comment>KMQ image</comment>
    <generic-icon name="image-x-generic"/>
    <magic>
      <match type="string" offset="0" value="\\x89KMQ"/>
    </magic>
    <glob pattern="*.kmq"/>
  </mime-type>
</mime-info>
"""

_APPLICATION = """\
[Desktop Entry]
Type=Application
Name=kmq
GenericName=Image Viewer
Comment=Look at .kmq images in the browser
Exec={program} view %F
Icon=image-x-generic
Terminal=false
NoDisplay=true
MimeType={media_type};
Categories=Graphics;Viewer;
"""

_THUMBNAILER = """\
[Thumbnailer Entry]
Exec={program} thumbnail %i %o %s
MimeType={media_type};
"""

_MEDIA_TYPE_PLACE = Path("mime/packages/kmq.xml")
_APPLICATION_PLACE = Path("applications/kmq.desktop")
_THUMBNAILER_PLACE = Path("thumbnailers/kmq.thumbnailer")

_UPDATES = (("update-mime-database", "mime"), ("update-desktop-database", "applications"))
"""The programs that read these files into databases, each with its folder."""


def user_data() -> Path:
    """Return the folder for the user's data: $XDG_DATA_HOME, or ~/.local/share."""
    chosen = Path(os.environ.get("XDG_DATA_HOME", ""))
    return chosen if chosen.is_absolute() else Path.home() / ".local" / "share"


def install(data: Path, program: Path) -> list[Path]:
    """Write the media type, the application and the thumbnailer, and return their files.

    Parameters
    ----------
    data
        The data folder, such as that of `user_data`.
    program
        The absolute path of the `kmq` program that they run.

    Raises
    ------
    OSError
        If a file cannot be written.
    """
    command = _quoted(os.fspath(program))
    entries = {
        _MEDIA_TYPE_PLACE: _MEDIA_TYPE_FILE,
        _APPLICATION_PLACE: _APPLICATION.format(program=command, media_type=MEDIA_TYPE),
        _THUMBNAILER_PLACE: _THUMBNAILER.format(program=command, media_type=MEDIA_TYPE),
    }
    for place, text in entries.items():
        (data / place).parent.mkdir(parents=True, exist_ok=True)
        write_whole(data / place, text.encode("utf-8", "surrogateescape"))
    return [data / place for place in entries]


def remove(data: Path) -> list[Path]:
    """Delete the files of `install`, and return those that existed."""
    found = []
    for place in (_MEDIA_TYPE_PLACE, _APPLICATION_PLACE, _THUMBNAILER_PLACE):
        try:
            (data / place).unlink()
        except FileNotFoundError:
            continue
        found.append(data / place)
    return found


def update_databases(data: Path) -> Iterator[str]:
    """Let the desktop's own programs read the files; yield a message for each failure."""
    for program, folder in _UPDATES:
        if not (data / folder).is_dir():
            continue
        if shutil.which(program) is None:
            yield f"{program} is not installed; the desktop may not see the change without it"
            continue
        done = subprocess.run(
            [program, data / folder], capture_output=True, text=True, errors="replace", check=False
        )
        if done.returncode != 0:
            yield f"{program} failed: {done.stderr.strip() or f'exit code {done.returncode}'}"


def _quoted(program: str) -> str:
    """Return a program's path, quoted for the key `Exec`.

    It is quoted first for the command line, with percent signs doubled, and then as a string
    in a desktop entry, with backslashes doubled.
    """
    name = program.replace("%", "%%")
    if re.fullmatch(r"[\w/.+%-]+", name, re.ASCII) is None:
        name = '"' + re.sub(r'(["`$\\])', r"\\\1", name) + '"'
    return name.replace("\\", "\\\\")
