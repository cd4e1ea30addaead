"""`kmq desktop`: tell the desktop about `.kmq` files."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import click

from kmq import desktop as entries
from kmq.cli.common import display, say, tell
from kmq.errors import KmqError

SYSTEM = click.option(
    "--system",
    is_flag=True,
    help=f"For all users, below {entries.SYSTEM_DATA}, where you have to be allowed to write.",
)


@click.group()
def desktop() -> None:
    """Tell the desktop about .kmq files: their type, a viewer, thumbnails.

    It is for desktops that follow freedesktop.org, such as GNOME, KDE and Xfce.

    \b
    Examples:
      kmq desktop install
      kmq desktop remove
    """
    if sys.platform in ("win32", "darwin"):
        raise KmqError("desktop entries are for Linux and the BSDs; this system has its own way")


@desktop.command()
@SYSTEM
def install(system: bool) -> None:
    """Write the media type, the viewer and the thumbnailer.

    Without --system they are for you alone, below $XDG_DATA_HOME or ~/.local/share. File
    managers that run thumbnailers in a sandbox, such as GNOME's, see only programs below
    /usr: a kmq elsewhere shows no thumbnails there.
    """
    data = _data(system)
    for path in entries.install(data, _program()):
        say(f"wrote {display(str(path))}")
    _update(data)


@desktop.command()
@SYSTEM
def remove(system: bool) -> None:
    """Delete what install wrote."""
    data = _data(system)
    found = entries.remove(data)
    for path in found:
        say(f"deleted {display(str(path))}")
    if found:
        _update(data)
    else:
        say(f"nothing of kmq is below {display(str(data))}")


def _data(system: bool) -> Path:
    return entries.SYSTEM_DATA if system else entries.user_data()


def _update(data: Path) -> None:
    for note in entries.update_databases(data):
        tell(f"kmq: {note}")


def _program() -> Path:
    """Return the `kmq` that is running, or the one beside this Python, or the first on the path."""
    running = Path(sys.argv[0]).absolute()
    beside = Path(sys.executable).with_name("kmq")
    for program in (running, beside):
        if program.name == "kmq" and program.is_file():
            return program
    on_path = shutil.which("kmq")
    if on_path is None:
        raise KmqError("the program kmq is not found; is its folder in PATH?")
    return Path(on_path).absolute()
