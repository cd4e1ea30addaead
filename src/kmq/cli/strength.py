"""`--rdo [STRENGTH]`: an option whose number may be left out, also right before a file."""

from __future__ import annotations

from collections.abc import Iterator

import click

BARE_STRENGTH = 0.25
"""What --rdo without a number asks for."""

_FLAG = "--rdo"

RDO = click.option(
    _FLAG,
    type=float,
    metavar="[STRENGTH]",
    help="Make the file smaller: take a colour that is not the nearest where that saves enough "
    f"bytes. 0 to 4; without a number {BARE_STRENGTH}, which hardly anyone sees; at 1 fine "
    "texture gets flatter. Some colours may be left out. [default: 0; with a target: 1]",
)


class CommandWithStrength(click.Command):
    """A command that has `RDO`. click itself would take a file's name for the number."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments, with the number that was left out."""
        return super().parse_args(ctx, list(_with_number(args)))


def _with_number(arguments: list[str]) -> Iterator[str]:
    end = arguments.index("--") if "--" in arguments else len(arguments)
    for place, argument in enumerate(arguments):
        following = arguments[place + 1] if place + 1 < end else ""
        is_bare = place < end and argument == _FLAG and not _is_number(following)
        yield f"{_FLAG}={BARE_STRENGTH}" if is_bare else argument


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
