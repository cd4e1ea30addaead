"""`kmq palette`: the colours alone."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kmq.cli import arguments
from kmq.cli.common import (
    STANDARD,
    for_each,
    read_input,
    refuse_existing,
    tell_compiling,
    write_output,
)
from kmq.options import Options

if TYPE_CHECKING:
    from kmq.image import IndexedImage

_KINDS = {".gpl": "gpl", ".json": "json", ".png": "png"}


@click.command()
@click.argument("image", type=arguments.FILE)
@arguments.takes(
    arguments.OUTPUT,
    click.option(
        "--kind",
        type=click.Choice(("hex", "gpl", "json", "png")),
        help="Hex lines, a GIMP palette, JSON with each colour's pixels, or a picture. "
        "[default: what the output ends in, else hex]",
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
    chosen = kind or _KINDS.get(Path(target).suffix.lower(), "hex")

    def palette_of(source: str) -> None:
        refuse_existing(target, force=force)
        data = _written(_indexed(read_input(source), options), chosen, Path(source).stem)
        write_output(target, data, force=force, is_text=chosen != "png")

    tell_compiling()
    for_each([image], palette_of)


def _indexed(stored: bytes, options: Options) -> IndexedImage:
    from kmq import codec, pixels
    from kmq.container.layout import SIGNATURE

    if stored.startswith(SIGNATURE):
        return codec.load(stored, max_pixels=options.max_pixels, threads=options.threads)
    read = pixels.read(
        io.BytesIO(stored), background=options.background, max_pixels=options.max_pixels
    )
    return codec.quantize_pixels(read.rgb, options)


def _written(indexed: IndexedImage, kind: str, name: str) -> bytes:
    import numpy as np

    from kmq import palette_files, pixels
    from kmq.image import Palette

    colors = Palette(indexed.palette)
    if kind == "png":
        return pixels.to_file(palette_files.to_picture(colors), ".png")
    if kind == "gpl":
        return palette_files.to_gimp(colors, name).encode()
    if kind == "json":
        counts = np.bincount(indexed.indices.ravel(), minlength=len(colors))
        return palette_files.to_json(colors, counts.tolist()).encode()
    return palette_files.to_hex(colors).encode()
