"""What `encode`, `quantize` and `palette` share: images are read, quantized and written."""

from __future__ import annotations

import io
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import click

from kmq.cli import arguments, batch
from kmq.cli.common import (
    FAILURES,
    STANDARD,
    read_input,
    tell_compiling,
    write_output,
)
from kmq.cli.jobs import Handling, Job, plan
from kmq.cli.outcomes import Outcome
from kmq.cli.results import Quantized
from kmq.errors import KmqError
from kmq.extensions import KMQ, extension_of
from kmq.files import is_temporary
from kmq.limits import MAX_COLORS
from kmq.options import Options

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kmq.image import IndexedImage, Palette
    from kmq.metadata import Metadata
    from kmq.palettes.named import NamedPalette
    from kmq.pixels import Pixels

ToBytes: TypeAlias = "Callable[[IndexedImage, Options], bytes]"
"""Returns the file of an indexed image."""

_READ_AT_ONCE = 1 << 20
"""Bytes that are soon read, whatever they turn out to be."""


def plan_images(
    images: Sequence[str],
    options: Options,
    handling: Handling,
    extension: str,
    frames: int | None,
) -> list[Job]:
    """Return a job for each image, or each of its `frames`, and each file below a directory."""
    if frames == arguments.ALL_FRAMES and STANDARD in images:
        raise click.UsageError("--frames all takes files and directories, not standard input")

    def frames_of(source: str) -> Sequence[int | None]:
        if frames != arguments.ALL_FRAMES:
            return (frames,)
        from kmq import pixels

        try:
            count = pixels.count_frames(source, options.max_pixels)
        except FAILURES:  # told when it is read
            return (None,)
        return (None,) if count in (None, 1) else range(1, count + 1)

    def recognised(source: str) -> bool:
        from kmq import pixels

        try:
            _look_at_head(Path(source), options.max_pixels)
        except pixels.UnknownKindError:
            return pixels.is_image_name(source)
        except FAILURES:  # told when it is read
            pass
        return True

    return plan(
        images,
        handling,
        extension=extension,
        wanted=may_be_an_image,
        frames_of=frames_of,
        recognised=recognised,
    )


def quantize_all(
    jobs: Sequence[Job],
    options: Options,
    handling: Handling,
    palette: NamedPalette | Palette | None,
    to_bytes_for: Callable[[Job], ToBytes],
    notes_on: Callable[[Job, Metadata], tuple[str, ...]] = lambda _job, _metadata: (),
    *,
    strict: bool = False,
    as_labels: bool = False,
    most_entries: int = MAX_COLORS,
    weights: NDArray[np.uint8] | None = None,
    in_bands: Callable[[Job, Options], Outcome | None] = lambda _job, _options: None,
) -> None:
    """Read and quantize every image, and write the bytes that `to_bytes_for` its job makes.

    A given `palette` replaces the search; with `strict`, it must contain every pixel's colour.
    `notes_on` returns notes on metadata that is not written. An image does not keep its own
    palette if that has more than `most_entries`. With `as_labels`, greys are label numbers.
    `weights`, (H, W), say how much each pixel counts. `in_bands` may take over an image, so that
    it is not read whole; it then returns the outcome.
    """

    def quantize_one(job: Job, threads: int) -> Outcome:
        started = time.perf_counter()
        own = options.with_threads(threads)
        if (outcome := in_bands(job, own)) is not None:
            return outcome

        from kmq import codec
        from kmq.palettes.named import NamedPalette
        from kmq.quality import psnr

        stored, read = read_image(job, options, as_labels=as_labels)
        to_bytes = to_bytes_for(job)
        kept = read.indexed
        if kept is not None and len(kept.palette) > most_entries:
            kept = None
        if palette is None:
            indexed, data = codec.encode_pixels(
                read.rgb,
                own,
                to_bytes,
                metadata=read.metadata,
                palette_image=kept,
                weights=weights,
            )
        else:
            indexed = codec.apply_palette(read.rgb, palette, own, strict=strict).with_metadata(
                read.metadata
            )
            data = to_bytes(indexed, own)
        quality = psnr(read.rgb, indexed)
        used = len(indexed.palette)
        if isinstance(palette, NamedPalette):
            used = palette.color_count
            if not math.isinf(quality):
                quality = psnr(read.rgb, palette.as_shown(indexed))
        write_output(job.target, data, force=handling.replaces, with_folders=job.makes_folders)
        return Quantized(
            bytes_in=len(stored),
            bytes_out=len(data),
            width=indexed.width,
            height=indexed.height,
            colors=used,
            psnr=quality,
            seconds=time.perf_counter() - started,
            lost=read.lost,
            notes=(*read.notes, *notes_on(job, read.metadata)),
            frame=read.frame,
            frame_number=job.frame,
            max_bytes=own.max_bytes,
            is_dithered=own.dither_strength > 0,
        ).outcome()

    if not handling.quiet:
        tell_compiling()
    batch.run(jobs, quantize_one, handling, threads=options.workers)


def may_be_an_image(path: Path) -> bool:
    """Whether a file that was found, not named, is worth a look."""
    return extension_of(path) != KMQ and not is_temporary(path)


def read_image(
    job: Job, options: Options, stored: bytes | None = None, *, as_labels: bool = False
) -> tuple[bytes, Pixels]:
    """Return the bytes of an input, which are `stored` if they have been read, and its pixels.

    `as_labels` is as `pixels.read` has it.
    """
    from kmq import pixels

    try:
        if job.is_sought and Path(job.source).stat().st_size > _READ_AT_ONCE:
            _look_at_head(Path(job.source), options.max_pixels)
        if stored is None:
            stored = read_input(job.source)
        read = pixels.read(
            io.BytesIO(stored),
            background=options.background,
            alpha=options.alpha,
            max_pixels=options.max_pixels,
            frame=job.frame,
            strip=options.strip,
            as_labels=as_labels,
        )
    except pixels.UnknownKindError:
        if job.is_sought and not pixels.is_image_name(job.source):
            raise batch.PassedOverError from None
        raise
    return stored, read


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
    from kmq.pixels.opening import open_image

    with path.open("rb") as file:
        try:
            open_image(file, max_pixels).close()
        except KmqError:
            raise
        except Exception:  # errors of an image are reported when it is read
            return
