"""The tasks of workers: plain functions of plain values, each for several files."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from kmq.clustering import Histogram
from kmq.distributed import stores
from kmq.distributed.results import FileResult
from kmq.distributed.stores import Settings
from kmq.errors import KmqError
from kmq.image import Palette
from kmq.options import Options
from kmq.pixels.opening import UnknownKindError


class Item(NamedTuple):
    """A file and its output."""

    file: str
    target: str = ""


class Counted(NamedTuple):
    """The histogram of many files, and those that could not be read."""

    histogram: Histogram | None
    failed: tuple[FileResult, ...] = ()


def encode(
    items: Sequence[Item], options: Options, palette: Palette | None, settings: Settings
) -> list[FileResult]:
    """Encode files one after another; a failing one does not stop the rest."""
    return [
        _guarded(item, lambda item: _encode_one(item, options, palette, settings)) for item in items
    ]


def verify(items: Sequence[Item], options: Options, settings: Settings) -> list[FileResult]:
    """Check every byte of `.kmq` files."""
    return [_guarded(item, lambda item: _verify_one(item, options, settings)) for item in items]


def count(
    items: Sequence[Item], options: Options, settings: Settings, pixels_each: int | None
) -> Counted:
    """Return the histogram of files, each scaled to a number of pixels if given."""
    found: list[Histogram] = []

    def count_one(item: Item) -> FileResult:
        from kmq import pixels

        read = pixels.read(
            io.BytesIO(stores.read(item.file, settings)),
            background=options.background,
            alpha=options.alpha,
            max_pixels=options.max_pixels,
            strip=True,
        )
        histogram = Histogram.of_pixels(read.rgb)
        found.append(histogram if pixels_each is None else histogram.scaled_to(pixels_each))
        return FileResult(file=item.file)

    results = [_guarded(item, count_one) for item in items]
    failed = tuple(result for result in results if result.error is not None)
    return Counted(Histogram.merge(found) if found else None, failed)


def merge(counted: Iterable[Counted]) -> Counted:
    """Return the histogram of all files."""
    listed = list(counted)
    histograms = [each.histogram for each in listed if each.histogram is not None]
    failed = tuple(result for each in listed for result in each.failed)
    return Counted(Histogram.merge(histograms) if histograms else None, failed)


def fit(counted: Counted, options: Options) -> tuple[Palette | None, tuple[FileResult, ...]]:
    """Return the palette for all files, unless one of them failed."""
    from kmq import codec

    if counted.failed or counted.histogram is None:
        return None, counted.failed
    return codec.fit_histogram(counted.histogram, options), ()


def _guarded(item: Item, work: Callable[[Item], FileResult]) -> FileResult:
    """Return the result of a file; an exception becomes its error line."""
    is_unknown = False
    try:
        return work(item)
    except MemoryError:
        reason = "not enough memory"
    except KmqError as error:
        reason, is_unknown = str(error), isinstance(error, UnknownKindError)
    except OSError as error:
        reason = error.strerror or str(error)
    except Exception as error:  # an error of a store, or a bug in kmq
        reason = f"{type(error).__name__}: {error}"
    return FileResult(
        file=item.file,
        target=item.target or None,
        error=" ".join(reason.split()),
        is_unknown=is_unknown,
    )


def _encode_one(
    item: Item, options: Options, palette: Palette | None, settings: Settings
) -> FileResult:
    from kmq import codec, pixels
    from kmq.quality import psnr

    started = time.perf_counter()
    stored = stores.read(item.file, settings)
    read = pixels.read(
        io.BytesIO(stored),
        background=options.background,
        alpha=options.alpha,
        max_pixels=options.max_pixels,
        strip=options.strip,
    )
    if palette is None:
        indexed, data = codec.encode_pixels(
            read.rgb, options, metadata=read.metadata, palette_image=read.indexed
        )
    else:
        indexed = codec.apply_palette(read.rgb, palette, options).with_metadata(read.metadata)
        data = codec.to_bytes(indexed, options)
    stores.write(item.target, data, settings)
    return FileResult(
        file=item.file,
        target=item.target,
        bytes_in=len(stored),
        bytes=len(data),
        width=indexed.width,
        height=indexed.height,
        colors=len(indexed.palette),
        psnr=psnr(read.rgb, indexed),
        seconds=time.perf_counter() - started,
        lost=read.lost,
        notes=read.notes,
    )


def _verify_one(item: Item, options: Options, settings: Settings) -> FileResult:
    from kmq.container import reading, summary

    started = time.perf_counter()
    stored = stores.read(item.file, settings)
    faults = reading.faults(stored, max_pixels=options.max_pixels)
    if faults:
        raise faults[0]
    info = summary.read_info(io.BytesIO(stored))
    return FileResult(
        file=item.file,
        bytes_in=len(stored),
        bytes=len(stored),
        width=info.width,
        height=info.height,
        colors=info.colors,
        seconds=time.perf_counter() - started,
    )
