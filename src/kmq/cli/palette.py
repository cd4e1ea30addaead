"""`kmq palette`: the colours alone."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kmq.cli import arguments
from kmq.cli.common import (
    STANDARD,
    display,
    for_each,
    read_input,
    refuse_existing,
    tell_compiling,
    write_output,
)
from kmq.options import Options

if TYPE_CHECKING:
    from kmq.image import IndexedImage

_KINDS = {
    "": "hex",
    ".hex": "hex",
    ".txt": "hex",
    ".gpl": "gpl",
    ".json": "json",
    ".png": "png",
}


@click.command()
@click.argument("image", type=arguments.FILE)
@arguments.takes(
    click.option(
        "-o",
        "--output",
        type=arguments.FILE,
        help="Write to this file, or to standard output (-), which is the default.",
    ),
    click.option(
        "--kind",
        type=click.Choice(("hex", "gpl", "json", "png")),
        help="Hex lines, a GIMP palette, JSON with each colour's pixels, or a picture. "
        "[default: what the output ends in; hex for .hex, .txt or nothing]",
    ),
    *arguments.CLUSTERING,
    arguments.FORCE,
    arguments.THREADS,
    arguments.MAX_PIXELS,
)
def palette(
    image: str, options: Options, output: str | None, kind: str | None, force: bool
) -> None:
    """Print the K best colours of an image, or those of a .kmq file, in its order.

    \b
    Examples:
      kmq palette photo.jpg -k 16
      kmq palette photo.jpg -k 16 -o photo.gpl
      kmq palette photo.kmq --kind json
    """
    target = STANDARD if output is None else output
    chosen = kind or _kind_of(target)

    def palette_of(source: str) -> None:
        refuse_existing(target, force=force)
        stored = read_input(source)
        indexed = _stored_one(source, stored, options) or _quantized(stored, options)
        data = _written(indexed, chosen, Path(display(source)).stem)
        write_output(target, data, force=force, is_text=chosen != "png")

    tell_compiling()
    for_each([image], palette_of)


def _kind_of(target: str) -> str:
    extension = Path(target).suffix
    if extension.lower() not in _KINDS:
        raise click.UsageError(
            f"--output: no palette ends in {extension!r}, but in "
            f"{', '.join(filter(None, _KINDS))} or nothing; choose what to write with --kind"
        )
    return _KINDS[extension.lower()]


def _stored_one(source: str, stored: bytes, options: Options) -> IndexedImage | None:
    """Return what a .kmq file holds, or None if it is none."""
    from kmq import codec
    from kmq.container.head import SIGNATURE

    if not stored.startswith(SIGNATURE):
        return None
    if idle := arguments.given("colors", "psnr", "effort", "seed", "max_iter", "background"):
        raise click.UsageError(f"{display(source)} has its palette: nothing to choose for {idle}")
    return codec.load(stored, max_pixels=options.max_pixels, threads=options.threads)


def _quantized(stored: bytes, options: Options) -> IndexedImage:
    from kmq import codec, pixels

    read = pixels.read(
        io.BytesIO(stored), background=options.background, max_pixels=options.max_pixels
    )
    return codec.quantize_pixels(read.rgb, options)


def _written(indexed: IndexedImage, kind: str, name: str) -> bytes:
    import numpy as np

    from kmq import palettes, pixels
    from kmq.image import Palette

    colors = Palette(indexed.palette)
    if kind == "png":
        return pixels.to_file(palettes.to_picture(colors), ".png")
    if kind == "gpl":
        return palettes.to_gimp(colors, name).encode()
    if kind == "json":
        counts = np.bincount(indexed.indices.ravel(), minlength=len(colors))
        return palettes.to_json(colors, counts.tolist()).encode()
    return palettes.to_hex(colors).encode()
