"""`kmq view`: `.kmq` files in the browser."""

from __future__ import annotations

import os
import sys
import tempfile
import webbrowser
from pathlib import Path

import click

from kmq import viewer
from kmq.cli import arguments
from kmq.cli.common import (
    FILE,
    NOT_KMQ,
    STANDARD,
    display,
    for_each,
    read_kmq,
    refuse_existing,
    require_folder,
    tell,
    write_output,
)
from kmq.container.head import SIGNATURE
from kmq.errors import FormatError


@click.command()
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option(
    "-o",
    "--output",
    type=arguments.FILE,
    help="Write the page to this file, or to standard output (-), and open nothing.",
)
@arguments.FORCE
def view(files: tuple[str, ...], output: str | None, force: bool) -> None:
    """Open .kmq files in the browser: pixels, palette, sizes, stripes, metadata.

    The page holds the files and loads nothing, so it can be kept and sent: -o writes it.
    Without -o it is a temporary file. If your browser is not allowed to read such files,
    write the page with -o and open it yourself.

    \b
    Examples:
      kmq view photo.kmq
      kmq view *.kmq -o pictures.html
    """
    pictures: list[tuple[str, bytes]] = []

    def take(source: str) -> None:
        if output is not None:
            refuse_existing(output, force=force)
            require_folder(output)
        data = read_kmq(source)
        if not data.startswith(SIGNATURE):
            raise FormatError(NOT_KMQ)
        pictures.append((_title(source), data))

    def write(target: str) -> None:
        write_output(target, viewer.page(pictures).encode(), force=force, is_text=True)

    try:
        for_each(files, take)
    finally:
        if pictures and output is None:
            _open(viewer.page(pictures).encode())
        elif pictures and output is not None:
            for_each([output], write)


def _title(source: str) -> str:
    return display(source) if source == STANDARD else display(Path(source).name)


def _open(page: bytes) -> None:
    """Open a page in the browser; it stays, because nobody knows when the browser has read it."""
    number, name = tempfile.mkstemp(prefix="kmq-view-", suffix=".html")
    with os.fdopen(number, "wb") as file:
        file.write(page)
    if not webbrowser.open(Path(name).as_uri()):
        tell(f"kmq: there is no browser to start; the page is {name}")
        sys.exit(1)
