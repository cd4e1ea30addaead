"""`kmq encode`: ordinary images to `.kmq` files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kmq.cli import arguments, clusters, given_palettes, memory, together, weights
from kmq.cli.common import display
from kmq.cli.jobs import Handling
from kmq.cli.quantizing import plan_images, quantize_all
from kmq.cli.strength import CommandWithStrength
from kmq.extensions import KMQ, names_another_format
from kmq.options import Options

if TYPE_CHECKING:
    from kmq.palettes.named import NamedPalette


@click.command(cls=CommandWithStrength)
@arguments.IMAGES
@arguments.takes(
    arguments.OUTPUT,
    arguments.COLORS,
    *arguments.SEARCH,
    weights.WEIGHTS,
    given_palettes.PALETTE,
    given_palettes.STRICT,
    *together.OPTIONS,
    arguments.LABELS,
    arguments.FRAMES,
    arguments.STRIP,
    arguments.CODING,
    memory.MEMORY,
    clusters.DASK,
    *arguments.BATCH,
)
def encode(
    images: tuple[str, ...],
    options: Options,
    handling: Handling,
    weights_file: str | None,
    palette_given: NamedPalette | str | None,
    strict: bool,
    one_palette: bool,
    per_image: bool,
    palette_out: str | None,
    labels: bool,
    frames: int | None,
    memory_allowed: int | None,
    dask_address: str | None,
) -> None:
    """Turn images into .kmq files of at most K colours.

    IMAGES are files that Pillow reads, directories (with -r), or - for standard input.
    photo.jpg becomes photo.kmq in the same directory, or in the one that -o names, with the
    same subdirectories. If a file has several pages or frames, the first is used unless
    --frames says otherwise.

    \b
    Examples:
      kmq encode photo.jpg
      kmq encode -k 16 map.png -o map-16.kmq
      kmq encode --psnr 38 photo.jpg
      kmq encode --rdo photo.jpg
      kmq encode -r pictures -o out
      kmq encode -r sprites -o out -k 32 --one-palette --palette-out sprites.gpl
      kmq encode -r pictures -o out --dask tcp://host:8786
      kmq encode --labels mask.png
      kmq encode --frames all scan.tif
      kmq encode - < photo.jpg > photo.kmq
    """
    if labels and (
        idle := arguments.given(
            "colors",
            "psnr",
            "max_bytes",
            "rdo",
            "dither",
            "dither_method",
            "effort",
            "seed",
            "max_iter",
            "bits",
            "pinned",
            "sort",
            "background",
            "alpha",
            "palette_given",
        )
    ):
        raise click.UsageError(f"--labels leaves nothing to choose for {idle}")
    palette = given_palettes.given_palette(palette_given, options, strict=strict)
    mask = weights.given_weights(weights_file, options)
    jobs = plan_images(images, options, handling, KMQ, frames)
    for job in jobs:
        if job.problem is None and names_another_format(job.target):
            raise click.UsageError(
                f"{display(job.target)}: encode writes .kmq files; for an ordinary image in K "
                f"colours run: kmq quantize {display(job.source)} -o {display(job.target)}"
            )
    together.check(jobs, handling, one_palette=one_palette, palette_out=palette_out)
    if dask_address is not None:
        clusters.check(jobs, palette)
    if one_palette:
        palette = together.find(
            jobs, options, handling, per_image=per_image, palette_out=palette_out
        )

    if dask_address is not None:
        palette_for_all = clusters.check(jobs, palette)
        clusters.encode_all(jobs, options, handling, palette_for_all, dask_address)
        return
    in_bands = memory.encoder_in_bands(
        options, handling, memory_allowed, palette, needs_whole=labels or strict or mask is not None
    )

    from kmq import codec

    quantize_all(
        jobs,
        options,
        handling,
        palette,
        lambda _: codec.to_bytes,
        strict=strict,
        weights=mask,
        as_labels=labels,
        in_bands=in_bands,
    )
