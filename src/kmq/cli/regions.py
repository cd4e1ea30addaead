"""Parts of a picture as people name them: rows 100:200, or a box 10,20,300,400."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import click


class Box(NamedTuple):
    """A part of a picture: its first column and row, and its size; None is up to the end."""

    x: int
    y: int
    width: int | None
    height: int | None


class _Rows(click.ParamType[Box]):
    """A:B, rows A to B - 1, counted from 0; without A from the top, without B to the bottom."""

    name = "A:B"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Box:
        """Return the rows as a box of the full width."""
        match = re.fullmatch(r"(\d{0,18}):(\d{0,18})", value, re.ASCII)
        if match is None:
            self.fail(f"expected rows such as 100:200, got {value!r}", param, ctx)
        first = int(match[1] or 0)
        end = int(match[2]) if match[2] else None
        if end is not None and end <= first:
            self.fail(f"expected an end above {first:,}, got {value!r}", param, ctx)
        return Box(0, first, None, None if end is None else end - first)


class _BoxParameter(click.ParamType[Box]):
    """X,Y,WIDTH,HEIGHT, in pixels from the upper left corner."""

    name = "X,Y,W,H"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Box:
        """Return the box."""
        match = re.fullmatch(r"(\d{1,18}),(\d{1,18}),(\d{1,18}),(\d{1,18})", value, re.ASCII)
        if match is None:
            self.fail(f"expected a box such as 10,20,300,400, got {value!r}", param, ctx)
        x, y, width, height = (int(number) for number in match.groups())
        if 0 in (width, height):
            self.fail("expected a box of at least 1 x 1 pixels", param, ctx)
        return Box(x, y, width, height)


ROWS = click.option(
    "--rows",
    type=_Rows(),
    metavar="A:B",
    help="Decode only rows A to B - 1, counted from 0.",
)
BOX = click.option(
    "--box",
    type=_BoxParameter(),
    metavar="X,Y,W,H",
    help="Decode only this part: its first column and row, counted from 0, and its size.",
)
