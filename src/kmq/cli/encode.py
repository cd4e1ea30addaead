"""`kmq encode`: ordinary images to `.kmq` files."""

from __future__ import annotations

import io
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kmq.cli import arguments, batch
from kmq.cli.common import display, read_input, tell_compiling, write_output
from kmq.cli.outcomes import Outcome
from kmq.cli.reporting import working
from kmq.errors import FormatError, KmqError
from kmq.files import is_temporary
from kmq.options import Options

if TYPE_CHECKING:
    from kmq.image import Palette

EXTENSION = ".kmq"

_MANY_SAMPLES = 3 << 20
"""Those of a megapixel: the best effort takes about a second from there on."""

_READ_AT_ONCE = 1 << 20
"""Bytes that are soon read, whatever they turn out to be."""


@click.command()
@click.argument("images", nargs=-1, required=True, type=arguments.FILE)
@arguments.takes(
    arguments.OUTPUT,
    *arguments.CLUSTERING[:2],
    arguments.MAX_BYTES,
    *arguments.CLUSTERING[2:],
    click.option(
        "--palette",
        "palette_file",
        type=click.Path(exists=True, dir_okay=False),
        help="Use the colours of this file: hex lines, .gpl, JSON or a .kmq file.",
    ),
    arguments.CODING,
    arguments.RECURSIVE,
    arguments.FORCE,
    arguments.SKIP_EXISTING,
    arguments.THREADS,
    arguments.MAX_PIXELS,
    arguments.QUIET,
)
def encode(
    images: tuple[str, ...],
    options: Options,
    palette_file: str | None,
    output: str | None,
    recursive: bool,
    force: bool,
    skip_existing: bool,
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
      kmq encode --psnr 38 photo.jpg
      kmq encode -r pictures -o out
      kmq encode - < photo.jpg > photo.kmq
    """
    palette = None if palette_file is None else _given_palette(palette_file, options)
    jobs = batch.plan(
        images, output, recursive=recursive, extension=EXTENSION, wanted=_may_be_an_image
    )

    def encode_one(job: batch.Job, threads: int) -> Outcome:
        started = time.perf_counter()

        from kmq import codec, pixels
        from kmq.quality import psnr

        try:
            if job.is_sought and Path(job.source).stat().st_size > _READ_AT_ONCE:
                _look_at_head(Path(job.source), options.max_pixels)
            stored = read_input(job.source)
            read = pixels.read(
                io.BytesIO(stored), background=options.background, max_pixels=options.max_pixels
            )
        except pixels.UnknownKindError:
            if job.is_sought and not pixels.is_image_name(job.source):
                raise batch.PassedOverError from None
            raise
        own = options.with_threads(threads)
        if palette is None:
            is_long = len(jobs) == 1 and own.effort == "best" and read.rgb.size >= _MANY_SAMPLES
            with working(f"searching for the best palette of {display(job.source)}", is_long):
                indexed, data = codec.encode_pixels(read.rgb, own)
        else:
            indexed = codec.apply_palette(read.rgb, palette, own)
            data = codec.to_bytes(indexed, own)
        quality = psnr(read.rgb, indexed)
        write_output(job.target, data, force=force, with_folders=job.makes_folders)
        used = len(indexed.palette)
        line = (
            f"{len(stored):,} -> {len(data):,} bytes ({len(data) / len(stored):.1%}), "
            f"{used:,} colour{'s' if used > 1 else ''}, "
            f"{'exact' if math.isinf(quality) else f'{quality:.2f} dB'}, "
            f"{time.perf_counter() - started:.2f} s"
        )
        return Outcome(len(stored), len(data), line, read.notes)

    if not quiet:
        tell_compiling()
    batch.run(
        jobs,
        encode_one,
        threads=options.workers,
        force=force,
        skip_existing=skip_existing,
        quiet=quiet,
    )


def _may_be_an_image(path: Path) -> bool:
    return path.suffix.lower() != EXTENSION and not is_temporary(path)


def _look_at_head(path: Path, max_pixels: int) -> None:
    """Look at the head of a file that was found, not named: the whole may be anything.

    Raises
    ------
    UnknownKindError
        If it is no image.
    LimitError
        If it is an image with more than `max_pixels` pixels.
    OSError
        If it cannot be opened.
    """
    from PIL import UnidentifiedImageError

    from kmq.pixels import UnknownKindError
    from kmq.pixels.opening import open_image

    with path.open("rb") as file:
        try:
            open_image(file, max_pixels).close()
        except UnidentifiedImageError as error:
            raise UnknownKindError(str(error)) from error
        except KmqError:
            raise
        except Exception:  # what is wrong with an image is told when it is read
            return


def _given_palette(name: str, options: Options) -> Palette:
    """Return the palette that a file holds; what is wrong with it is wrong usage."""
    from kmq import palette_files

    if idle := arguments.given("psnr", "max_bytes", "effort", "seed", "max_iter"):
        raise click.UsageError(f"--palette leaves nothing to choose for {idle}")
    try:
        palette = palette_files.parse(Path(name).read_bytes())
    except (FormatError, OSError) as error:
        raise click.BadParameter(f"{display(name)}: {error}", param_hint="--palette") from error
    if options.colors is not None and options.colors != len(palette):
        raise click.UsageError(
            f"--colors {options.colors}, but {display(name)} has {len(palette):,}"
        )
    return palette
