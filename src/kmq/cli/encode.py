"""`kmq encode`: ordinary images to `.kmq` files."""

from __future__ import annotations

import io
import math
import time

import click

from kmq.cli.common import (
    INPUT,
    check_outputs,
    display,
    for_each,
    output_for,
    read_input,
    refuse_existing,
    shared_options,
    tell,
    tell_compiling,
    write_output,
)
from kmq.codec import DEFAULT_COLORS, DEFAULT_MAX_ITER, MAX_SEED
from kmq.errors import OptionError
from kmq.limits import MAX_COLORS


@click.command(short_help="Turn images into .kmq files.")
@click.argument("images", nargs=-1, required=True, type=INPUT)
@click.option(
    "-k",
    "--colors",
    type=click.IntRange(1, MAX_COLORS),
    default=DEFAULT_COLORS,
    show_default=True,
    help="Number of colours.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, MAX_SEED),
    default=0,
    show_default=True,
    help="Start the search elsewhere.",
)
@click.option(
    "--max-iter",
    type=click.IntRange(min=1),
    default=DEFAULT_MAX_ITER,
    show_default=True,
    help="The most K-means iterations.",
)
@click.option(
    "--background",
    metavar="COLOUR",
    help="Colour behind transparent pixels: a name or a code such as #ffffff.",
)
@shared_options
def encode(
    images: tuple[str, ...],
    colors: int,
    seed: int,
    max_iter: int,
    background: str | None,
    output: str | None,
    force: bool,
    threads: int | None,
    max_pixels: int,
    quiet: bool,
) -> None:
    """Turn images into .kmq files of at most K colours.

    IMAGES are files that Pillow reads, or - for standard input. photo.jpg becomes
    photo.kmq beside it.

    \b
    Examples:
      kmq encode photo.jpg
      kmq encode -k 16 map.png -o map-16.kmq
      kmq encode *.png -o out/
      kmq encode - < photo.jpg > photo.kmq
    """
    check_outputs(images, output, ".kmq")
    _check_background(background)

    def encode_one(source: str) -> None:
        started = time.perf_counter()
        target = output_for(source, output, ".kmq")
        refuse_existing(target, force=force)
        stored = read_input(source)

        from kmq import codec, pixels
        from kmq.quality import psnr

        read = pixels.read(io.BytesIO(stored), background=background, max_pixels=max_pixels)
        indexed = codec.quantize(
            read.rgb, colors, seed=seed, max_iter=max_iter, max_pixels=max_pixels, threads=threads
        )
        data = codec.encode(indexed, threads=threads)
        write_output(target, data, force=force)
        if quiet:
            return
        for note in read.notes:
            tell(f"kmq: {display(source)}: {note}")
        quality = psnr(read.rgb, indexed)
        tell(
            f"{display(source)}: {len(stored):,} -> {len(data):,} bytes "
            f"({len(data) / len(stored):.1%}), {len(indexed.palette)} colours, "
            f"{'exact' if math.isinf(quality) else f'{quality:.2f} dB'}, "
            f"{time.perf_counter() - started:.2f} s"
        )

    if not quiet:
        tell_compiling()
    for_each(images, encode_one)


def _check_background(background: str | None) -> None:
    if background is None:
        return
    from kmq.pixels import parse_color

    try:
        parse_color(background)
    except OptionError as error:
        raise click.BadParameter(str(error), param_hint="--background") from error
