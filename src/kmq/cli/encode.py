"""`kmq encode`: ordinary images to `.kmq` files."""

from __future__ import annotations

import io
import math
import time
from pathlib import Path

import click

from kmq.cli import batch
from kmq.cli.common import (
    INPUT,
    read_input,
    shared_options,
    tell_compiling,
    usable_threads,
    write_output,
)
from kmq.codec import DEFAULT_COLORS, DEFAULT_MAX_ITER, MAX_SEED
from kmq.errors import OptionError
from kmq.limits import MAX_COLORS

EXTENSION = ".kmq"


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
    recursive: bool,
    force: bool,
    skip_existing: bool,
    threads: int | None,
    max_pixels: int,
    quiet: bool,
) -> None:
    """Turn images into .kmq files of at most K colours.

    IMAGES are files that Pillow reads, directories (with -r), or - for standard input.
    photo.jpg becomes photo.kmq beside it, or in the directory that -o names, where the
    tree of a directory is kept.

    \b
    Examples:
      kmq encode photo.jpg
      kmq encode -k 16 map.png -o map-16.kmq
      kmq encode -r pictures -o out
      kmq encode - < photo.jpg > photo.kmq
    """
    _check_background(background)
    workers = usable_threads(threads)
    jobs = batch.plan(
        images, output, recursive=recursive, extension=EXTENSION, wanted=_may_be_an_image
    )

    def encode_one(job: batch.Job, threads: int) -> batch.Outcome:
        started = time.perf_counter()
        stored = read_input(job.source)

        from kmq import codec, pixels
        from kmq.quality import psnr

        try:
            read = pixels.read(io.BytesIO(stored), background=background, max_pixels=max_pixels)
        except pixels.UnknownKindError:
            if job.is_sought and not pixels.is_image_name(job.source):
                raise batch.PassedOverError from None
            raise
        indexed = codec.quantize(
            read.rgb, colors, seed=seed, max_iter=max_iter, max_pixels=max_pixels, threads=threads
        )
        data = codec.encode(indexed, threads=threads)
        write_output(job.target, data, force=force, with_folders=job.is_sought)
        quality = psnr(read.rgb, indexed)
        used = len(indexed.palette)
        line = (
            f"{len(stored):,} -> {len(data):,} bytes ({len(data) / len(stored):.1%}), "
            f"{used} colour{'s' if used > 1 else ''}, "
            f"{'exact' if math.isinf(quality) else f'{quality:.2f} dB'}, "
            f"{time.perf_counter() - started:.2f} s"
        )
        return batch.Outcome(len(stored), len(data), line, read.notes)

    if not quiet:
        tell_compiling()
    batch.run(
        jobs,
        encode_one,
        threads=workers,
        force=force,
        skip_existing=skip_existing,
        quiet=quiet,
    )


def _may_be_an_image(path: Path) -> bool:
    return path.suffix.lower() != EXTENSION


def _check_background(background: str | None) -> None:
    if background is None:
        return
    from kmq.pixels import parse_color

    try:
        parse_color(background)
    except OptionError as error:
        raise click.BadParameter(str(error), param_hint="--background") from error
