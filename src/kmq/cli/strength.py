"""`--rdo` and `--dither [STRENGTH]`: numbers that may be left out, also right before a file."""

from __future__ import annotations

from collections.abc import Iterator

import click

from kmq.choices import DEFAULT_DITHER_METHOD, DITHER_METHODS
from kmq.options import DEFAULT_DITHER

BARE_STRENGTH = 0.25
"""What --rdo without a number asks for."""

RDO = click.option(
    "--rdo",
    type=float,
    metavar="[STRENGTH]",
    help="Trade quality for size: use a colour other than the nearest where that saves enough "
    f"bytes. 0 to 4; without a number {BARE_STRENGTH}, which is hardly visible; 1 flattens fine "
    "texture. Some colours may drop out. [default: 0; with a target: 1]",
)
DITHER = click.option(
    "--dither",
    type=float,
    metavar="[STRENGTH]",
    help="Mix the colours of neighbouring pixels, to hide bands where a display, GIF or PNG "
    "limits the colours. Files get larger; in a .kmq file more colours look better for the same "
    f"bytes. 0 to 1; without a number {DEFAULT_DITHER}. [default: 0]",
)
DITHER_METHOD = click.option(
    "--dither-method",
    type=click.Choice(DITHER_METHODS),
    help="diffusion looks best; pattern repeats 2x2 pixels, makes smaller files, and keeps edits "
    f"local. [default: {DEFAULT_DITHER_METHOD}]",
)
DITHERING = (DITHER, DITHER_METHOD)

_BARE = {"--rdo": BARE_STRENGTH, "--dither": DEFAULT_DITHER}


class CommandWithStrength(click.Command):
    """A command that has `RDO` or `DITHER`. click would take a file's name for the number."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments, with the numbers that were left out."""
        return super().parse_args(ctx, list(_with_numbers(args)))


def _with_numbers(arguments: list[str]) -> Iterator[str]:
    end = arguments.index("--") if "--" in arguments else len(arguments)
    for place, argument in enumerate(arguments):
        following = arguments[place + 1] if place + 1 < end else ""
        is_bare = place < end and argument in _BARE and not _is_number(following)
        yield f"{argument}={_BARE[argument]}" if is_bare else argument


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
