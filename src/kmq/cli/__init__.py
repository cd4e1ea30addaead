"""The command line: `kmq`. One file per command; what is slow to import waits for its use."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import warnings
from difflib import get_close_matches
from importlib import import_module
from io import TextIOWrapper
from typing import TextIO

import click
from PIL import Image

from kmq.cli.common import INTERRUPTED, Terminated, reason, tell
from kmq.errors import KmqError, KmqWarning, OptionError

COMMANDS = {
    "encode": "Turn images into .kmq files.",
    "quantize": "Turn images into PNG, GIF or others with a palette of K colours.",
    "decode": "Turn .kmq files into PNG or another kind of image.",
    "info": "Show what is in .kmq files.",
    "verify": "Check .kmq files completely.",
    "view": "Open .kmq files in the browser.",
    "thumbnail": "Write a small PNG of a .kmq file.",
    "desktop": "Tell the desktop about .kmq files, or forget it.",
    "palette": "Print the best colours of an image.",
    "compare": "Compare an image in several numbers of colours.",
    "warmup": "Compile everything now, for this machine.",
    "demo": "Draw a picture, encode it, decode it, show what happened.",
}
"""Every command with its line in the help; its file is imported when it is run."""


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"kmq.cli.{cmd_name}"), cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:  # click knows only commands that are imported
            likely = get_close_matches(error.command_name, COMMANDS, n=1)
            raise click.NoSuchCommand(error.command_name, possibilities=likely, ctx=ctx) from None

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:  # of which click would make exit code 1
            sys.exit(INTERRUPTED)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="kmq", message="%(prog)s %(version)s")
def kmq() -> None:
    """Images in K colours: K-means finds them, a .kmq file keeps them.

    \b
    Examples:
      kmq encode photo.jpg           writes photo.kmq
      kmq decode photo.kmq           writes photo.png
      kmq info photo.kmq             shows what is in it
      kmq quantize photo.jpg -o photo.png    goes straight to an ordinary image
    """


def _terminate(number: int, _: object) -> None:
    raise Terminated(number)


_show_any_warning = warnings.showwarning


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Print a warning of kmq's own in one line."""
    if issubclass(category, KmqWarning):
        tell(f"kmq: {message}")
    else:
        _show_any_warning(message, category, filename, lineno, file, line)


def main() -> None:
    """Run the command line in a process of its own."""
    # kmq does no linear algebra: starting a pool of threads for it costs 50 ms.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Loading compiled kernels makes many small objects, none of them garbage.
    gc.disable()
    # Here the limit is --max-pixels, and where Pillow holds it, within files, no mere warning.
    Image.MAX_IMAGE_PIXELS = None
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    # Leaves what is half written as Ctrl-C does: not at all.
    signal.signal(signal.SIGTERM, _terminate)
    # Names are printed even where the terminal's encoding lacks their letters.
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    warnings.showwarning = _show_warning
    try:
        kmq(prog_name="kmq")
    except KmqError as error:  # of the environment, not of one input
        tell(f"kmq: {error}")
        sys.exit(2 if isinstance(error, OptionError) else 1)
    except RuntimeError as error:
        if not str(error).startswith("NumPy was built "):
            raise
        # The processor is older than those that NumPy was built for: x86-64-v2 since 2.4.
        tell(f"kmq: {' '.join(str(error).split())}")
        sys.exit(1)
    except OSError as error:  # those of inputs are reported where they occur
        where = "standard output: " if error.filename is None else ""
        with contextlib.suppress(OSError):
            tell(f"kmq: {where}{reason(error)}")
        sys.stdout = None  # what it holds would fail again
        sys.exit(1)
    finally:
        gc.freeze()
