"""`kmq thumbnail`: a small PNG of a `.kmq` file."""

from __future__ import annotations

import io
from pathlib import Path

import click

from kmq.cli import arguments
from kmq.cli.common import FILE, STANDARD, for_each, read_kmq, require_kmq, write_output
from kmq.options import Options


@click.command()
@click.argument("source", metavar="IN", type=FILE)
@click.argument("target", metavar="OUT", type=FILE)
@click.argument("size", type=click.IntRange(min=1))
@arguments.takes(arguments.MAX_PIXELS)
def thumbnail(source: str, target: str, size: int, options: Options) -> None:
    """Write a PNG of a .kmq file that is at most SIZE pixels wide and high.

    File managers run this, once kmq desktop install has told them of it. OUT is replaced
    if it exists, because they make it beforehand.

    \b
    Example:
      kmq thumbnail photo.kmq photo-small.png 256
    """

    def write(source: str) -> None:
        require_kmq(source)
        from kmq import thumbnails

        with (
            io.BytesIO(read_kmq(source)) if source == STANDARD else Path(source).open("rb") as file
        ):
            made = thumbnails.thumbnail(
                file, size, max_pixels=options.max_pixels, threads=options.workers
            )
        write_output(target, made, force=True)

    for_each([source], write)
