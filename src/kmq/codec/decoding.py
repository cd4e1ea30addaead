"""`.kmq` files to images: the container, behind every source that a caller may have."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO, TypeAlias, cast

from kmq.container.summary import Info, read_info
from kmq.errors import OptionError
from kmq.limits import DEFAULT_MAX_PIXELS, whole_number
from kmq.threads import thread_count

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kmq.container.lazy import LazyImage
    from kmq.image import IndexedImage

DataSource: TypeAlias = "bytes | bytearray | memoryview | str | os.PathLike[str] | IO[bytes]"
"""The bytes of a `.kmq` file, its path, or a binary file, which is read from its beginning."""


def load(
    source: DataSource,
    *,
    rows: tuple[int, int] | None = None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    threads: int | None = None,
) -> IndexedImage:
    """Return the palette and indices that a `.kmq` file holds.

    Parameters
    ----------
    source
        The file's bytes, its path, or a binary file, which is read from its beginning
        and stays open.
    rows
        (first, end): only rows `first` to `end` - 1, for which no more of the file is
        read and decoded than the stripes that hold them.
    max_pixels
        More pixels are not decoded; that is found out before anything is allocated.
        As `kmq.Options` has it.

    Raises
    ------
    FormatError
        If anything that is read is wrong.
    LimitError
        If there are more than `max_pixels` pixels.
    OptionError
        If the image has no such rows, or `source` is none of these.
    OSError
        If the file cannot be read.
    """
    from kmq.container import stripes

    limit = whole_number("max_pixels", max_pixels, 1)
    workers = thread_count(threads)
    with _opened(source) as file:
        return stripes.load(file, rows=rows, max_pixels=limit, threads=workers)


def decode(
    source: DataSource,
    *,
    rows: tuple[int, int] | None = None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    threads: int | None = None,
) -> NDArray[np.uint8]:
    """Return the pixels of a `.kmq` file: (H, W, 3) uint8, or (H, W, 4) if some have alpha.

    Parameters and errors as for `load`.
    """
    return load(source, rows=rows, max_pixels=max_pixels, threads=threads).to_pixels()


def open(
    source: DataSource, *, max_pixels: int = DEFAULT_MAX_PIXELS, threads: int | None = None
) -> LazyImage:
    """Return the picture of a `.kmq` file, of any size, without decoding it.

    Slicing it like an array of shape (H, W, 3) or (H, W, 4) decodes no more than the
    stripes that hold the pixels. It is a context manager; leaving it closes the file.

    Parameters
    ----------
    source
        The file's bytes, its path, or a binary file, which stays open.
    max_pixels
        More pixels are not decoded for one look.
    threads
        Stripes that are decoded at a time, at least 1; None for the environment's
        KMQ_NUM_THREADS or all processors. The pixels do not depend on it.

    Raises
    ------
    FormatError
        If the head is wrong, or the file is not as long as it says.
    OptionError
        If `source` or another argument does not fit.
    OSError
        If the file cannot be read.
    """
    from kmq.container import lazy

    limit = whole_number("max_pixels", max_pixels, 1)
    workers = thread_count(threads)
    stream, is_ours = _stream_of(source)
    return lazy.open_stream(stream, max_pixels=limit, threads=workers, owns_stream=is_ours)


def info(source: DataSource) -> Info:
    """Return what the head and the metadata of a `.kmq` file say; nothing else is read.

    Raises
    ------
    FormatError
        If the head is wrong, or the file is not as long as it says.
    OptionError, OSError
        As `load` has them.
    """
    with _opened(source) as file:
        return read_info(file)


@contextmanager
def _opened(source: DataSource) -> Iterator[BinaryIO]:
    """Yield a `.kmq` file; one that the caller opened is not closed."""
    stream, is_ours = _stream_of(source)
    try:
        yield stream
    finally:
        if is_ours:
            stream.close()


def _stream_of(source: DataSource) -> tuple[BinaryIO, bool]:
    """Return a `.kmq` file, and whether it was opened here."""
    if isinstance(source, str | os.PathLike):
        return Path(os.fsdecode(source)).open("rb"), True
    if isinstance(source, bytes | bytearray | memoryview):
        return io.BytesIO(bytes(source)), True
    if hasattr(source, "read") and not isinstance(source, io.TextIOBase):
        return cast("BinaryIO", source), False
    raise OptionError(
        f"source: expected bytes, a path or a binary file, got {type(source).__name__}"
    )
