"""`--raw`: files of bare indices, or C headers of them, for the drivers of displays."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from kmq.cli import arguments
from kmq.cli.common import STANDARD, display
from kmq.errors import OptionError
from kmq.extensions import extension_of, picture_format
from kmq.raw import BITS, MSB, ORDERS, RawForm

if TYPE_CHECKING:
    from kmq.image import IndexedImage

RAW = click.option(
    "--raw",
    type=click.Choice([str(bits) for bits in BITS]),
    help="Write the indices alone, with this many bits per pixel and rows padded to bytes, as "
    "drivers of displays take them. The palette has to fit.",
)
ORDER = click.option(
    "--order",
    type=click.Choice(ORDERS),
    default=MSB,
    show_default=True,
    help="Which bits of a byte hold its first pixel with --raw: the most or the least significant.",
)
HEADER = click.option(
    "--header",
    metavar="NAME",
    help="Write the output of --raw as a C header: an array of this name, its palette and size.",
)
OPTIONS = (RAW, ORDER, HEADER)


@dataclass(frozen=True)
class RawFile:
    """What `--raw` writes: packed indices, or a C header of an array of this name."""

    form: RawForm
    array: str | None = None

    @property
    def extension(self) -> str:
        """That of outputs whose names are not given."""
        return ".bin" if self.array is None else ".h"

    def written(self, indexed: IndexedImage) -> bytes:
        """Return the file of an image.

        Raises
        ------
        OptionError
            If the palette does not fit.
        """
        from kmq import raw
        from kmq.raw import c_header

        if self.array is None:
            return raw.packed(indexed, self.form)
        return c_header.written(indexed, self.form, self.array)

    def check(self, targets: Iterable[str], *idle: str) -> None:
        """Raise click.UsageError if an output is named as a picture, or an option is `idle`."""
        if given := arguments.given(*idle):
            raise click.UsageError(f"--raw writes indices as they are: nothing to do for {given}")
        for target in targets:
            extension = extension_of(target)
            is_picture = picture_format(extension) is not None
            if target != STANDARD and is_picture:
                raise click.UsageError(
                    f"{display(target)}: --raw writes no picture; name it with another extension"
                )


def raw_file(raw: str | None, order: str, header: str | None) -> RawFile | None:
    """Return what to write, None without --raw, or raise click.UsageError."""
    if raw is None:
        if idle := arguments.given("order", "header"):
            raise click.UsageError(f"{idle} is for the indices of --raw; add it")
        return None
    if header is not None:
        from kmq.raw.c_header import checked_name

        try:
            checked_name(header)
        except OptionError as error:
            raise click.UsageError(str(error)) from error
    return RawFile(RawForm(int(raw), order), header)
