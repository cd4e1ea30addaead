"""`kmq decode`: `.kmq` files to ordinary images."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from kmq.choices import DEFAULT_ALPHA
from kmq.cli import arguments, batch, memory, raw_files, regions
from kmq.cli.common import STANDARD, read_kmq, require_kmq, write_output
from kmq.cli.jobs import Handling, Job, plan
from kmq.cli.outcomes import Outcome
from kmq.cli.results import decoded_outcome
from kmq.metadata import NOTHING
from kmq.options import Options

if TYPE_CHECKING:
    from kmq.colors import Rgb
    from kmq.errors import FormatError
    from kmq.image import IndexedImage

EXTENSION = ".png"

BLEED = click.option(
    "--bleed",
    is_flag=True,
    help="Give each clear pixel the colour of the nearest seen one, for programs that filter "
    "or shrink the picture. The file then has no palette.",
)


@click.command()
@click.argument("files", nargs=-1, required=True, type=arguments.FILE)
@arguments.takes(
    arguments.OUTPUT,
    arguments.BACKGROUND,
    arguments.ALPHA,
    regions.ROWS,
    regions.BOX,
    BLEED,
    arguments.OPTIMIZE,
    arguments.STRIP,
    memory.MEMORY_TO_DECODE,
    *raw_files.OPTIONS,
    *arguments.BATCH,
)
def decode(
    files: tuple[str, ...],
    options: Options,
    handling: Handling,
    rows: regions.Box | None,
    box: regions.Box | None,
    bleed: bool,
    optimize: bool,
    memory_allowed: int | None,
    raw: str | None,
    order: str,
    header: str | None,
) -> None:
    """Turn .kmq files into PNG, or into the format that the output's extension names.

    Every pixel is kept, except in a format that is never lossless, such as JPEG. Formats
    without transparency need --background if the image has transparent pixels. Metadata is kept
    if the format has a place for it.

    FILES may be directories (with -r), or - for standard input. photo.kmq becomes photo.png in
    the same directory, or in the one that -o names, with the same subdirectories. --rows and
    --box read only the stripes that they need. --raw writes bare indices instead of a picture:
    photo.bin, or photo.h with --header.

    \b
    Examples:
      kmq decode photo.kmq
      kmq decode photo.kmq -o photo.webp
      kmq decode -r pictures -o out
      kmq decode scan.kmq --box 12000,8000,640,480 -o detail.png
      kmq decode frame.kmq --raw 4 -o frame.bin
      kmq decode - < photo.kmq > photo.png
    """
    raw_file = raw_files.raw_file(raw, order, header)
    extension = EXTENSION if raw_file is None else raw_file.extension
    jobs = plan(files, handling, extension=extension, wanted=_is_kmq_file)
    if raw_file is not None:
        raw_file.check([job.target for job in jobs], "background", "alpha", "bleed", "optimize")
    if rows is not None and box is not None:
        raise click.UsageError("--rows and --box both choose the part; give one of them")
    arguments.check_optimize(optimize, [job.target for job in jobs])
    needs_whole = bool(rows or box or bleed or optimize or options.background or raw)
    needs_whole = needs_whole or options.alpha != DEFAULT_ALPHA
    if memory_allowed is not None and needs_whole:
        idle = arguments.given("rows", "box", "bleed", "optimize", "background", "alpha", "raw")
        raise click.UsageError(f"--memory decodes pictures in bands, and {idle} needs them whole")

    def decode_one(job: Job, threads: int) -> Outcome:
        started = time.perf_counter()
        own = options.with_threads(threads)
        if not needs_whole and (
            outcome := memory.decode_in_bands(job, own, handling, memory_allowed)
        ):
            return outcome
        indexed, fault, bytes_in = _decoded(job.source, rows or box, own)

        from kmq import pixels
        from kmq.container import reading

        notes: tuple[str, ...] = () if fault is None else (f"{fault}; {reading.WITHOUT_METADATA}",)
        if options.strip:
            indexed, notes = indexed.with_metadata(NOTHING), ()
        if raw_file is not None:
            data = raw_file.written(indexed)
        else:
            extension = EXTENSION if job.target == STANDARD else Path(job.target).suffix
            data = pixels.indexed_to_file(
                indexed,
                extension,
                background=cast("Rgb | None", options.background),
                alpha=options.alpha,
                bleeds=bleed,
                optimize=optimize,
            )
            notes += pixels.metadata_notes(indexed.metadata, extension)
        write_output(job.target, data, force=handling.replaces, with_folders=job.makes_folders)
        return decoded_outcome(
            bytes_in,
            len(data),
            indexed.width,
            indexed.height,
            len(indexed.palette),
            notes,
            time.perf_counter() - started,
        )

    batch.run(jobs, decode_one, handling, threads=options.workers, check=require_kmq)


def _decoded(
    source: str, part: regions.Box | None, options: Options
) -> tuple[IndexedImage, FormatError | None, int]:
    """Return the picture or a part of it, the fault in its metadata, and the file's size."""
    from kmq.container import lazy, reading

    limit, threads = options.max_pixels, options.workers
    if part is None:
        stored = read_kmq(source)
        image, fault = reading.load_with_fault(
            io.BytesIO(stored), max_pixels=limit, threads=threads
        )
        return image, fault, len(stored)
    with (
        io.BytesIO(read_kmq(source)) if source == STANDARD else Path(source).open("rb") as file,
        lazy.LazyImage(file, max_pixels=limit, threads=threads) as picture,
    ):
        width = picture.width if part.width is None else part.width
        height = max(1, picture.height - part.y) if part.height is None else part.height
        image = picture.crop(part.x, part.y, width, height)
        return image, picture.metadata_fault, picture.file_size


def _is_kmq_file(path: Path) -> bool:
    return path.suffix.lower() == ".kmq"
