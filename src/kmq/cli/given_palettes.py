"""`--palette`: a palette that has a name, or that a file holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kmq.cli import arguments
from kmq.cli.common import display, say, tell
from kmq.errors import FormatError, LimitError
from kmq.options import Options
from kmq.palettes.named import NAMED_PALETTES, NamedPalette, is_named, named_palette, suggestion

if TYPE_CHECKING:
    from kmq.image import Palette


class _NameOrFile(click.ParamType["NamedPalette | str"]):
    """The name of a palette, which becomes the palette, or that of a file that is there."""

    name = "NAME|FILE"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> NamedPalette | str:
        """Return the palette of this name, or the name of the file."""
        if isinstance(value, NamedPalette):
            return value
        path, name = Path(value), display(value)
        if is_named(value):
            if path.exists():
                tell(f"kmq: --palette {name} is the palette of this name; the file is ./{name}")
            return named_palette(value)
        if path.is_dir():
            self.fail(f"{name} is a directory", param, ctx)
        if not path.exists():
            self.fail(
                f"{name}: no such file, and no palette of this name; {suggestion(value)}",
                param,
                ctx,
            )
        return str(value)


PALETTE = click.option(
    "--palette",
    "palette_given",
    type=_NameOrFile(),
    metavar="NAME|FILE",
    help="Use these colours: those of a panel or a machine, such as spectra6 or c64, which `kmq "
    "palette --list` lists; or those of a file: a palette of a kind that `kmq palette` lists, a "
    "picture or a .kmq file. Write ./NAME for a file of the same name.",
)
STRICT = click.option(
    "--strict", is_flag=True, help="Fail where a pixel's colour is not in the --palette."
)


def _print_list(context: click.Context, _: click.Parameter, is_asked_for: bool) -> None:
    if not is_asked_for or context.resilient_parsing:
        return
    for each in NAMED_PALETTES:
        say(f"{each.name:<9} {each.color_count:>3}  {each.title}\n{'':<14} {each.source}")
    context.exit()


LIST = click.option(
    "--list",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_list,
    help="List the palettes that have a name, with the sources of their values.",
)


def given_palette(
    given: NamedPalette | str | None, options: Options, *, strict: bool = False
) -> NamedPalette | Palette | None:
    """Return the palette that was asked for, or raise click.UsageError."""
    if given is None:
        if strict:
            raise click.UsageError("--strict is for the colours of a --palette; name one")
        return None
    if idle := arguments.given(
        "psnr", "max_bytes", "effort", "seed", "max_iter", "bits", "pinned", "sort"
    ):
        raise click.UsageError(f"--palette leaves nothing to choose for {idle}")
    palette: NamedPalette | Palette
    if isinstance(given, NamedPalette):
        palette, name, count = given, given.name, given.color_count
    else:
        palette, name = _read(given, options), display(given)
        count = len(palette)
    if options.colors is not None and options.colors != count:
        raise click.UsageError(f"--colors {options.colors}, but {name} has {count:,}")
    return palette


def _read(file_name: str, options: Options) -> Palette:
    from kmq import palettes

    try:
        with Path(file_name).open("rb") as file:
            return palettes.read(file, name=file_name, max_pixels=options.max_pixels)
    except (FormatError, LimitError, OSError) as error:
        raise click.BadParameter(
            f"{display(file_name)}: {error}", param_hint="--palette"
        ) from error
