"""The options that commands share, gathered into one `Options` before a command runs."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from dataclasses import fields
from importlib.util import find_spec
from typing import Any, TypeAlias

import click
from click.core import ParameterSource
from PIL import Image

from kmq.channel_bits import CHOICES as CHANNEL_BITS
from kmq.choices import (
    ALPHAS,
    CODINGS,
    DEFAULT_ALPHA,
    DEFAULT_CODING,
    DEFAULT_EFFORT,
    EFFORTS,
)
from kmq.cli.byte_counts import ByteCount
from kmq.cli.common import FILE as FILE  # beside the other options
from kmq.cli.common import STANDARD, display
from kmq.cli.jobs import Handling
from kmq.cli.strength import DITHERING, RDO
from kmq.errors import OptionError
from kmq.extensions import extension_of
from kmq.limits import DEFAULT_MAX_PIXELS, MAX_COLORS, MAX_COLORS_OF_A_BYTE
from kmq.options import DEFAULT_COLORS, MAX_SEED, Options

Command: TypeAlias = Callable[..., None]
Decorator: TypeAlias = Callable[[Command], Command]

IMAGES = click.argument("images", nargs=-1, required=True, type=FILE)

COLORS = click.option(
    "-k",
    "--colors",
    type=click.IntRange(1, MAX_COLORS),
    help="Number of colours. An image whose palette has at most that many keeps it, and "
    f"its indices. [default: {DEFAULT_COLORS}, or all of such a palette; with a target: no bound]",
)
PALETTE_COLORS = click.option(
    "-k",
    "--colors",
    type=click.IntRange(1, MAX_COLORS),
    help="Number of colours. An image whose palette has at most that many keeps it. "
    f"[default: {DEFAULT_COLORS}, or all of such a palette; with --psnr: no bound]",
)
FEW_COLORS = click.option(
    "-k",
    "--colors",
    type=click.IntRange(1, MAX_COLORS_OF_A_BYTE),
    help="Number of colours. An image whose palette has at most that many keeps it, and "
    f"its indices. [default: {DEFAULT_COLORS}, or all of such a palette; with a target: at most "
    f"{MAX_COLORS_OF_A_BYTE}]",
)
PSNR = click.option(
    "--psnr",
    type=float,
    metavar="DB",
    help="Make a small file that reaches this PSNR, in decibels; with --rdo 0, the one with "
    "the fewest colours.",
)
FEWEST_COLORS = click.option(
    "--psnr",
    type=float,
    metavar="DB",
    help="Use the fewest colours that reach this PSNR, in decibels.",
)
MAX_BYTES = click.option(
    "--max-bytes",
    type=ByteCount(),
    metavar="SIZE",
    help="Use as many colours as fit into a file of this size: bytes, or 20KB (1 KB is 1,000 "
    "bytes, 1 KiB is 1,024).",
)
EFFORT = click.option(
    "--effort",
    type=click.Choice(EFFORTS),
    default=DEFAULT_EFFORT,
    show_default=True,
    help="How long to search for a better palette.",
)
CODING = click.option(
    "--coding",
    type=click.Choice(CODINGS),
    default=DEFAULT_CODING,
    show_default=True,
    help="How to store the indices; auto chooses the smaller.",
)
SEED = click.option(
    "--seed",
    type=click.IntRange(0, MAX_SEED),
    default=0,
    show_default=True,
    help="Start the search from other random numbers.",
)
MAX_ITER = click.option(
    "--max-iter",
    type=click.IntRange(min=1),
    help="End the search after at most this many iterations over all colours. [default: by effort]",
)
BITS = click.option(
    "--bits",
    type=click.Choice(CHANNEL_BITS),
    help="Find colours that hardware with these bits of red, green and blue can show. There "
    "may be fewer than --colors.",
)
PIN = click.option(
    "--pin",
    "pinned",
    multiple=True,
    metavar="COLOUR",
    help="Put this colour first in the palette, and find the others around it: a name or a code "
    "such as #ff0000. May be repeated.",
)
SORT = click.option(
    "--sort",
    is_flag=True,
    help="Do not keep an image's own palette: leave out duplicate and unused entries, and order "
    "the rest so that the file is small.",
)
BACKGROUND = click.option(
    "--background",
    metavar="COLOUR",
    help="Put this colour behind transparent pixels: a name or a code such as #ffffff.",
)
ALPHA = click.option(
    "--alpha",
    type=click.Choice(ALPHAS),
    default=DEFAULT_ALPHA,
    show_default=True,
    help="What to do with transparent pixels; binary makes those with alpha below 128 clear "
    "and the rest opaque, for GIF and old hardware.",
)
STRIP = click.option(
    "--strip",
    is_flag=True,
    help="Leave out the metadata: resolution, EXIF, XMP, text. [default: keep them]",
)
MAX_PIXELS = click.option(
    "--max-pixels",
    type=click.IntRange(min=1),
    default=DEFAULT_MAX_PIXELS,
    show_default=True,
    help="Refuse images with more pixels.",
)
THREADS = click.option(
    "--threads",
    type=click.IntRange(min=1),
    help="Use this many threads, instead of KMQ_NUM_THREADS or all processors. "
    "The result is the same.",
)
CLUSTERING = (FEWEST_COLORS, EFFORT, SEED, MAX_ITER, BITS, PIN, BACKGROUND, ALPHA)
LABELS = click.option(
    "--labels",
    is_flag=True,
    help="Store every number of a mask without loss: the indices of an image with a palette, "
    "the levels of a grey one, of 16 bits too.",
)

ALL_FRAMES = 0


class _Frames(click.ParamType[int]):
    """The number of a page or frame, from 1, or "all", which is `ALL_FRAMES`."""

    name = "N|all"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number."""
        return ALL_FRAMES if value == "all" else click.IntRange(1).convert(value, param, ctx)


FRAMES = click.option(
    "--frames",
    type=_Frames(),
    metavar="N|all",
    help="Take this page or frame, from 1, or all of them, each into its own file, "
    "such as name-001. [default: the first]",
)

QUIET = click.option("-q", "--quiet", is_flag=True, help="Print only errors.")
FORCE = click.option("-f", "--force", is_flag=True, help="Overwrite existing outputs.")
OUTPUT = click.option(
    "-o",
    "--output",
    type=FILE,
    help="Write to this file, into this directory, or to standard output (-).",
)
RECURSIVE = click.option(
    "-r", "--recursive", is_flag=True, help="Process all files below directories."
)
SKIP_EXISTING = click.option(
    "--skip-existing", is_flag=True, help="Skip inputs whose output exists."
)
RESUME = click.option(
    "--resume",
    is_flag=True,
    help="Skip inputs whose output is whole and not older; replace any other output.",
)
JSON_LINES = click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print one JSON object per file, each on its own line, errors included.",
)
OPTIMIZE = click.option(
    "--optimize", is_flag=True, help="Make PNG files smaller with oxipng, which takes longer."
)

SEARCH = (
    PSNR,
    MAX_BYTES,
    RDO,
    *DITHERING,
    EFFORT,
    SEED,
    MAX_ITER,
    BITS,
    PIN,
    SORT,
    BACKGROUND,
    ALPHA,
)
"""How the colours are found, beside how many: for `encode` and `quantize`."""
BATCH = (RECURSIVE, FORCE, SKIP_EXISTING, RESUME, THREADS, MAX_PIXELS, JSON_LINES, QUIET)
"""How many inputs are treated."""


def takes(*decorators: Decorator) -> Decorator:
    """Add command-line options, in this order in the help.

    Those that are fields of `Options` reach the command as one argument, `options`.
    What is wrong with them is wrong usage. A command with a parameter `handling` gets
    the fields of `Handling` as that one argument.
    """

    def decorate(command: Command) -> Command:
        is_batch = "handling" in inspect.signature(command).parameters

        @functools.wraps(command)
        def gathering(**given: Any) -> None:
            options = _checked(_taken(given, Options))
            if is_batch:
                given["handling"] = Handling(**_taken(given, Handling))
            if Image.MAX_IMAGE_PIXELS is None:  # as main leaves it
                Image.MAX_IMAGE_PIXELS = options.max_pixels
            command(options=options, **given)

        decorated: Command = gathering
        for decorator in reversed(decorators):
            decorated = decorator(decorated)
        return decorated

    return decorate


def check_optimize(optimize: bool, targets: Iterable[str]) -> None:
    """Raise click.UsageError if --optimize is asked for in vain."""
    if not optimize:
        return
    if find_spec("oxipng") is None:
        raise click.UsageError("--optimize needs oxipng: pip install 'kmq[optimize]'")
    for target in targets:
        if target != STANDARD and extension_of(target) != ".png":
            raise click.UsageError(f"--optimize is for outputs in PNG, not {display(target)}")


def given(*names: str) -> str:
    """Return which of these options, by name, the running command was given: its flags."""
    context = click.get_current_context()
    flags = {option.name: max(option.opts, key=len) for option in context.command.params}
    sources = {name: context.get_parameter_source(name) for name in names if name in flags}
    return ", ".join(
        flags[name] for name, source in sources.items() if source == ParameterSource.COMMANDLINE
    )


def _taken(given: dict[str, Any], kind: type[Options | Handling]) -> dict[str, Any]:
    """Take those arguments out that are fields of a dataclass."""
    names = [field.name for field in fields(kind)]
    return {name: given.pop(name) for name in names if name in given}


def _checked(chosen: dict[str, Any]) -> Options:
    try:
        return Options(**chosen)
    except OptionError as error:
        raise click.UsageError(_naming_flags(str(error))) from error


def _naming_flags(message: str) -> str:
    """Return what an OptionError says with the flag of the option that it names first."""
    name, colon, rest = message.partition(":")
    for option in click.get_current_context().command.params:
        if option.name == name:
            name = max(option.opts, key=len)
    return f"{name}{colon}{rest}"
