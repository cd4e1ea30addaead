"""`kmq quantize`: ordinary images to ordinary images with a palette."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from kmq.cli import arguments, given_palettes, raw_files, together, weights
from kmq.cli.common import STANDARD, display
from kmq.cli.jobs import Handling, Job
from kmq.cli.quantizing import ToBytes, plan_images, quantize_all
from kmq.cli.strength import CommandWithStrength
from kmq.extensions import KMQ, extension_of
from kmq.limits import MAX_COLORS_OF_A_BYTE
from kmq.metadata import Metadata
from kmq.options import Options

if TYPE_CHECKING:
    from kmq.palettes.named import NamedPalette

_PNG = ".png"
_EXTENSIONS = (_PNG, ".gif", ".webp", ".bmp", ".tif", ".tiff")


@click.command(cls=CommandWithStrength)
@arguments.IMAGES
@arguments.takes(
    arguments.OUTPUT,
    arguments.FEW_COLORS,
    *arguments.SEARCH,
    weights.WEIGHTS,
    given_palettes.PALETTE,
    given_palettes.STRICT,
    *together.OPTIONS,
    arguments.FRAMES,
    arguments.STRIP,
    arguments.OPTIMIZE,
    *raw_files.OPTIONS,
    *arguments.BATCH,
)
def quantize(
    images: tuple[str, ...],
    options: Options,
    handling: Handling,
    weights_file: str | None,
    palette_given: NamedPalette | str | None,
    strict: bool,
    one_palette: bool,
    per_image: bool,
    palette_out: str | None,
    frames: int | None,
    optimize: bool,
    raw: str | None,
    order: str,
    header: str | None,
) -> None:
    """Turn images into PNG, GIF, WebP, BMP or TIFF of at most K colours.

    The output's extension chooses the format: an image with a palette, or lossless WebP. IMAGES
    are files that Pillow reads, directories (with -r), or - for standard input. A directory
    that -o names and standard output get PNG. --raw writes bare indices instead of a picture,
    with at most as many colours as the bits can number.

    \b
    Examples:
      kmq quantize photo.jpg -o photo.png
      kmq quantize -k 16 map.png -o map-16.gif
      kmq quantize -k 16 --dither photo.jpg -o photo-16.png
      kmq quantize --max-bytes 20KB photo.jpg -o photo.png
      kmq quantize -r pictures -o out
      kmq quantize --palette spectra6 photo.jpg --raw 4 -o frame.bin
      kmq quantize - < photo.jpg > photo.png
    """
    if handling.output is None and set(images) != {STANDARD}:
        raise click.UsageError(
            f"name the output with -o: a file that ends in {', '.join(_EXTENSIONS)}, or a directory"
        )
    palette = given_palettes.given_palette(palette_given, options, strict=strict)
    mask = weights.given_weights(weights_file, options)
    if palette is not None and len(palette) > MAX_COLORS_OF_A_BYTE:
        raise click.UsageError(
            f"the --palette has {len(palette):,} colours; an image with a palette holds "
            f"at most {MAX_COLORS_OF_A_BYTE}. kmq encode takes them all"
        )
    if options.colors is None and (options.psnr is not None or options.max_bytes is not None):
        options = replace(options, colors=MAX_COLORS_OF_A_BYTE)
    raw_file = raw_files.raw_file(raw, order, header)
    if raw_file is not None and palette is None and options.colors is None:
        most = raw_file.form.most_colors
        options = replace(options, colors=most if most < MAX_COLORS_OF_A_BYTE else None)
    jobs = plan_images(
        images, options, handling, _PNG if raw_file is None else raw_file.extension, frames
    )
    if raw_file is None:
        for job in jobs:
            _check_target(job)
    else:
        raw_file.check([job.target for job in jobs], "max_bytes", "optimize", "strip")
    arguments.check_optimize(optimize, [job.target for job in jobs])
    together.check(jobs, handling, one_palette=one_palette, palette_out=palette_out)
    if one_palette:
        palette = together.find(
            jobs, options, handling, per_image=per_image, palette_out=palette_out
        )

    def to_bytes_for(job: Job) -> ToBytes:
        if raw_file is not None:
            return lambda indexed, _: raw_file.written(indexed)
        return lambda indexed, _: pixels.indexed_to_file(
            indexed, _extension_for(job), optimize=optimize
        )

    def notes_on(job: Job, metadata: Metadata) -> tuple[str, ...]:
        return () if raw_file else pixels.metadata_notes(metadata, _extension_for(job))

    from kmq import pixels

    quantize_all(
        jobs,
        options,
        handling,
        palette,
        to_bytes_for,
        notes_on,
        strict=strict,
        weights=mask,
        most_entries=MAX_COLORS_OF_A_BYTE,
    )


def _check_target(job: Job) -> None:
    extension = _extension_for(job)
    if job.problem is not None or extension in _EXTENSIONS:
        return
    instead = "; kmq encode writes .kmq files" if extension == KMQ else ""
    raise click.UsageError(
        f"{display(job.target)}: quantize writes files that end in {', '.join(_EXTENSIONS)}"
        f"{instead}"
    )


def _extension_for(job: Job) -> str:
    return _PNG if job.target == STANDARD else extension_of(job.target)
