"""`kmq verify`: check all of a `.kmq` file."""

from __future__ import annotations

import sys

import click

from kmq.cli import arguments
from kmq.cli.common import display, for_each, read_input, say, tell
from kmq.options import Options


@click.command()
@click.argument("files", nargs=-1, required=True, type=arguments.FILE)
@arguments.takes(arguments.MAX_PIXELS, arguments.QUIET)
def verify(files: tuple[str, ...], options: Options, quiet: bool) -> None:
    """Check every byte of .kmq files, and say what is wrong where.

    \b
    Examples:
      kmq verify photo.kmq
      kmq verify *.kmq && echo all well
    """
    is_damaged = False

    def verify_one(source: str) -> None:
        nonlocal is_damaged
        from kmq.container.stripes import faults

        found = faults(read_input(source), max_pixels=options.max_pixels)
        for fault in found:
            tell(f"kmq: {display(source)}: {fault}")
        is_damaged = is_damaged or bool(found)
        if not found and not quiet:
            say(f"{display(source)}: ok")

    for_each(files, verify_one)
    if is_damaged:
        sys.exit(1)
