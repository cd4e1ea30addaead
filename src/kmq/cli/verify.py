"""`kmq verify`: check all of a `.kmq` file."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import nullcontext

import click

from kmq.cli import arguments
from kmq.cli.common import STANDARD, display, for_each, is_folder, read_kmq, say, tell
from kmq.cli.jobs import IS_DIRECTORY, NOTHING_BELOW, files_below
from kmq.cli.reporting import working
from kmq.extensions import KMQ, extension_of
from kmq.options import Options


@click.command()
@click.argument("files", nargs=-1, required=True, type=arguments.FILE)
@arguments.takes(arguments.RECURSIVE, arguments.MAX_PIXELS, arguments.QUIET)
def verify(files: tuple[str, ...], options: Options, recursive: bool, quiet: bool) -> None:
    """Check every byte of .kmq files, and report where one is damaged.

    FILES may be directories (with -r): every file below them that ends in .kmq.

    \b
    Examples:
      kmq verify photo.kmq
      kmq verify *.kmq && echo all well
      kmq verify -r pictures
    """
    is_damaged = False

    def verify_one(source: str) -> None:
        nonlocal is_damaged
        if source != STANDARD and is_folder(source):
            raise IsADirectoryError(NOTHING_BELOW if recursive else IS_DIRECTORY)
        from kmq.container.reading import faults

        with working(display(source)) if not quiet else nullcontext():
            found = faults(read_kmq(source), max_pixels=options.max_pixels)
        for fault in found:
            tell(f"kmq: {display(source)}: {fault}")
        is_damaged = is_damaged or bool(found)
        if not found and not quiet:
            say(f"{display(source)}: ok")

    for_each(_found(files, recursive), verify_one)
    if is_damaged:
        sys.exit(1)


def _found(files: Iterable[str], recursive: bool) -> Iterator[str]:
    """Yield each file, or those below a directory, or the directory if there are none."""
    for given in files:
        if recursive and given != STANDARD and is_folder(given):
            yield from list(files_below(given, lambda path: extension_of(path) == KMQ)) or [given]
        else:
            yield given
