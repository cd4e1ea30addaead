"""Pictures that would take more memory than they may: coded in bands, or refused."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from kmq.cli import arguments
from kmq.cli.byte_counts import ByteCount
from kmq.cli.common import STANDARD, writing_standard_output
from kmq.cli.jobs import Handling, Job
from kmq.cli.outcomes import Outcome
from kmq.cli.results import Quantized, decoded_outcome
from kmq.errors import FormatError, LimitError
from kmq.extensions import extension_of
from kmq.files import writing_whole
from kmq.metadata import NOTHING
from kmq.options import Options

if TYPE_CHECKING:
    from kmq.image import IndexedImage, Palette
    from kmq.palettes.named import NamedPalette
    from kmq.pixels.bands import TiffBands

MEMORY_TO_DECODE = click.option(
    "--memory",
    "memory_allowed",
    type=ByteCount(),
    metavar="SIZE",
    help="Write a PNG or TIFF in bands if the whole would take more memory than this, such as "
    "512MB. [default: a quarter of the machine's]",
)
MEMORY = click.option(
    "--memory",
    "memory_allowed",
    type=ByteCount(),
    metavar="SIZE",
    help="Read a TIFF in bands if the whole would take more memory than this, such as 512MB; "
    "refuse other images that would. The file is the same. [default: a quarter of the "
    "machine's for TIFFs, no bound for others]",
)

_MARKS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""How a TIFF begins, and a BigTIFF."""

_BYTES_PER_DECODED_PIXEL = 8
"""Indices, what is written of them, and the file in memory."""

_SHARE = 4
"""The part of the machine's memory that a picture may take is one by this."""


def encoder_in_bands(
    options: Options,
    handling: Handling,
    memory: int | None,
    palette: Palette | NamedPalette | None,
    *,
    needs_whole: bool,
) -> Callable[[Job, Options], Outcome | None]:
    """Return what codes a picture in bands if it would take too much memory whole.

    It returns None where the picture is small enough. `needs_whole` says that something
    that was asked for needs the whole picture at once.

    Raises
    ------
    click.UsageError
        If that, or an option, does not go with --memory.
    """
    from kmq.palettes.named import NamedPalette

    whole = arguments.given("psnr", "max_bytes", "rdo", "dither", "labels", "strict", "frames")
    if memory is not None and whole:
        raise click.UsageError(
            f"--memory reads a picture in bands, and {whole} needs the whole picture; "
            "leave one of them out"
        )
    if isinstance(palette, NamedPalette):
        if memory is not None:
            raise click.UsageError(
                f"--memory does not work with the named palette {palette.name}; leave it out, or "
                "name a file with these colours"
            )
        needs_whole = True
    else:
        given = palette
    if needs_whole or options.psnr or options.max_bytes or options.rdo or options.dither:
        return lambda _job, _options: None
    return lambda job, own: _encode_in_bands(job, own, handling, memory, given)


def _encode_in_bands(
    job: Job,
    options: Options,
    handling: Handling,
    memory: int | None,
    palette: Palette | None,
) -> Outcome | None:
    if job.source == STANDARD or not Path(job.source).is_file() or job.frame is not None:
        return None
    with Path(job.source).open("rb") as file:
        if memory is None and file.read(4) not in _MARKS:
            return None
        bands = _bands(file, options, memory)
        if bands is None:
            return None
        from kmq.codec import streaming

        started = time.perf_counter()
        with _output(job, handling) as out:
            streamed = streaming.encode_bands(bands, out, options, palette)
    return Quantized(
        bytes_in=Path(job.source).stat().st_size,
        bytes_out=streamed.size,
        width=streamed.width,
        height=streamed.height,
        colors=streamed.colors,
        psnr=streamed.psnr,
        seconds=time.perf_counter() - started,
        lost=streamed.lost,
        notes=streamed.notes,
    ).outcome()


def _bands(file: BinaryIO, options: Options, memory: int | None) -> TiffBands | None:
    """Return the picture as bands if it is too large to be read whole."""
    from kmq.codec import streaming
    from kmq.pixels.opening import open_image

    allowed = _default() if memory is None else memory
    file.seek(0)
    try:
        width, height = open_image(file, options.max_pixels).size
    except FormatError:  # told when it is read
        return None
    needed = streaming.memory_for_whole(width, height)
    if allowed is None or needed <= allowed:
        return None
    try:
        bands = streaming.open_bands(file, options)
    except FormatError as error:
        if memory is None:
            return None
        raise LimitError(
            f"{width:,} x {height:,} pixels take about {_size(needed)} of memory, more than the "
            f"{_size(allowed)} of --memory; it is {error}"
        ) from error
    in_bands = streaming.memory_for_bands(width, bands.band_rows, options.workers)
    if in_bands > allowed:
        if memory is None and needed <= in_bands:
            return None
        raise LimitError(
            f"{width:,} x {height:,} pixels in bands of {bands.band_rows:,} rows take about "
            f"{_size(in_bands)} of memory; allow them with --memory, or store the TIFF in "
            "tiles or smaller strips"
        )
    return bands


def decode_in_bands(
    job: Job, options: Options, handling: Handling, memory: int | None
) -> Outcome | None:
    """Decode a picture in bands if it would take too much memory whole; else return None.

    Raises
    ------
    FormatError
        If the file is damaged.
    LimitError
        If the picture has more than `options.max_pixels` pixels.
    OptionError
        If the output is of a kind that cannot be written in bands.
    """
    if job.source == STANDARD or not Path(job.source).is_file():
        return None
    from kmq.container import head

    with Path(job.source).open("rb") as file:
        found = head.read_head(file)
        allowed = _default() if memory is None else memory
        needed = _BYTES_PER_DECODED_PIXEL * found.width * found.height
        if allowed is None or needed <= allowed:
            return None
        from kmq.pixels import band_saving

        extension = extension_of(job.target) if job.target != STANDARD else ".png"
        if memory is None and extension not in band_saving.EXTENSIONS:
            return None
        write = band_saving.writer_for(extension)
        return _decode(file, job, options, handling, write)


def _decode(
    file: BinaryIO,
    job: Job,
    options: Options,
    handling: Handling,
    write: Callable[[BinaryIO, Iterator[IndexedImage], int], None],
) -> Outcome:
    from kmq import pixels
    from kmq.container import lazy, reading

    started = time.perf_counter()
    limit, threads = options.max_pixels, options.workers
    picture = lazy.LazyImage(file, max_pixels=limit, threads=threads)
    fault = picture.metadata_fault
    notes: tuple[str, ...] = () if fault is None else (f"{fault}; {reading.WITHOUT_METADATA}",)
    metadata = NOTHING if options.strip else picture.metadata
    bands = (
        band.with_metadata(metadata)
        for _, band in reading.bands(file, max_pixels=limit, threads=threads)
    )
    with _output(job, handling) as out:
        write(out, bands, picture.height)
        size = out.tell()
    notes += pixels.metadata_notes(metadata, extension_of(job.target) or ".png")
    return decoded_outcome(
        picture.file_size,
        size,
        picture.width,
        picture.height,
        len(picture.palette),
        notes,
        time.perf_counter() - started,
    )


def _default() -> int | None:
    """Return a quarter of the machine's memory, None if that is not known."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // _SHARE
    except (AttributeError, ValueError, OSError):  # Windows, or a system that does not say
        return None


def _output(job: Job, handling: Handling) -> AbstractContextManager[BinaryIO]:
    if job.target == STANDARD:
        return _standard_output()
    if job.makes_folders:
        Path(job.target).parent.mkdir(parents=True, exist_ok=True)
    return writing_whole(job.target, overwrite=handling.replaces)


@contextmanager
def _standard_output() -> Iterator[BinaryIO]:
    """Yield a file that goes to standard output once it is whole."""
    if sys.stdout.isatty():
        raise click.UsageError("standard output is a terminal; redirect it or name a file with -o")
    with tempfile.TemporaryFile() as file:
        yield file
        file.seek(0)
        with writing_standard_output():
            shutil.copyfileobj(file, sys.stdout.buffer)
            sys.stdout.buffer.flush()


def _size(count: int) -> str:
    """Return a number of bytes for people."""
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.0f} MB"
