"""`load`, `decode`, `open` and `info`: `.kmq` files from bytes, paths and open files."""

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
    """Return the palette, the indices and the metadata of a `.kmq` file.

    Parameters
    ----------
    source : bytes-like, path or binary file
        The contents of a `.kmq` file, its path, or an open binary file, which is read from its
        beginning and stays open.
    rows : (int, int), optional
        First row to return, from 0, and the row to stop before. Only the stripes that hold these
        rows are read and decoded. By default all rows are returned.
    max_pixels : int, default 2^28
        Most pixels to decode, at least 1. More are refused before memory is allocated for them.
    threads : int, optional
        Number of threads, at least 1. By default the environment variable KMQ_NUM_THREADS, or else
        all processors. The result does not depend on it.

    Returns
    -------
    IndexedImage
        The palette, of shape (K, 3) or (K, 4), and the indices of the rows, of shape (H, W).

    Raises
    ------
    FormatError
        The file is not a `.kmq` file, or what is read of it is damaged.
    LimitError
        More than `max_pixels` pixels would be decoded.
    OptionError
        An argument is out of its range, the image does not have these `rows`, or `source` is of
        another kind. The message names the argument.
    OSError
        The file cannot be read.

    Warns
    -----
    KmqWarning
        The metadata is damaged, and is left out.

    Notes
    -----
    The format, and how an index is decoded, is specified in ``formats/kmq-1.md``.

    Examples
    --------
    >>> import kmq
    >>> import numpy as np
    >>> ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    >>> data = kmq.encode(ramp, colors=4)
    >>> kmq.load(data)
    <IndexedImage 16x16 of 4 colours>
    >>> kmq.load(data, rows=(3, 8)).indices.shape
    (5, 16)
    """
    from kmq.container import reading

    limit = whole_number("max_pixels", max_pixels, 1)
    workers = thread_count(threads)
    with _opened(source) as file:
        return reading.load(file, rows=rows, max_pixels=limit, threads=workers)


def decode(
    source: DataSource,
    *,
    rows: tuple[int, int] | None = None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    threads: int | None = None,
) -> NDArray[np.uint8]:
    """Return the pixels of a `.kmq` file.

    Parameters
    ----------
    source : bytes-like, path or binary file
        The contents of a `.kmq` file, its path, or an open binary file, which is read from its
        beginning and stays open.
    rows : (int, int), optional
        First row to return, from 0, and the row to stop before. Only the stripes that hold these
        rows are read and decoded. By default all rows are returned.
    max_pixels : int, default 2^28
        Most pixels to decode, at least 1. More are refused before memory is allocated for them.
    threads : int, optional
        Number of threads, at least 1. By default the environment variable KMQ_NUM_THREADS, or else
        all processors. The result does not depend on it.

    Returns
    -------
    array of uint8
        Colours in sRGB, of shape (H, W, 3), or (H, W, 4) if the palette has alpha, which is not
        premultiplied.

    Raises
    ------
    FormatError
        The file is not a `.kmq` file, or what is read of it is damaged.
    LimitError
        More than `max_pixels` pixels would be decoded.
    OptionError
        An argument is out of its range, the image does not have these `rows`, or `source` is of
        another kind. The message names the argument.
    OSError
        The file cannot be read.

    Warns
    -----
    KmqWarning
        The metadata is damaged, and is left out.

    Notes
    -----
    The format, and how an index is decoded, is specified in ``formats/kmq-1.md``.

    Examples
    --------
    >>> import kmq
    >>> import numpy as np
    >>> ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    >>> pixels = kmq.decode(kmq.encode(ramp, colors=256))
    >>> pixels.shape
    (16, 16, 3)
    >>> bool((pixels[..., 0] == ramp).all())
    True
    """
    return load(source, rows=rows, max_pixels=max_pixels, threads=threads).to_pixels()


def open(
    source: DataSource, *, max_pixels: int = DEFAULT_MAX_PIXELS, threads: int | None = None
) -> LazyImage:
    """Open a `.kmq` file of any size without decoding it.

    Slicing the result like an array decodes only the stripes that hold the pixels. It is a context
    manager, which closes the file if `open` opened it.

    Parameters
    ----------
    source : bytes-like, path or binary file
        The contents of a `.kmq` file, its path, or an open binary file, which is read from its
        beginning and stays open.
    max_pixels : int, default 2^28
        Most pixels to decode, at least 1. More are refused before memory is allocated for them.
    threads : int, optional
        Number of threads, at least 1. By default the environment variable KMQ_NUM_THREADS, or else
        all processors. The result does not depend on it.

    Returns
    -------
    LazyImage
        The picture, like an array of shape (H, W, 3), or (H, W, 4) if the palette has alpha.

    Raises
    ------
    FormatError
        The file is not a `.kmq` file, its head is damaged, or its length is wrong. A damaged
        stripe raises it when it is decoded.
    OptionError
        An argument is out of its range, or `source` is of another kind. The message names the
        argument.
    OSError
        The file cannot be read.

    Warns
    -----
    KmqWarning
        The metadata is damaged, and is left out.

    Notes
    -----
    The format, and how an index is decoded, is specified in ``formats/kmq-1.md``.

    Examples
    --------
    >>> import kmq
    >>> import numpy as np
    >>> ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    >>> with kmq.open(kmq.encode(ramp, colors=256)) as picture:
    ...     detail = picture[2:6, 10:]
    >>> detail.shape
    (4, 6, 3)
    """
    from kmq.container import lazy

    limit = whole_number("max_pixels", max_pixels, 1)
    workers = thread_count(threads)
    stream, is_ours = _stream_of(source)
    return lazy.open_stream(stream, max_pixels=limit, threads=workers, owns_stream=is_ours)


def info(source: DataSource) -> Info:
    """Return what the head and the metadata of a `.kmq` file say, without decoding it.

    Parameters
    ----------
    source : bytes-like, path or binary file
        The contents of a `.kmq` file, its path, or an open binary file, which is read from its
        beginning and stays open.

    Returns
    -------
    Info
        Size, number of colours, stripes, metadata and theoretical size of the picture.

    Raises
    ------
    FormatError
        The file is not a `.kmq` file, its head is damaged, or its length is wrong. Damaged
        metadata is no error: `Info.metadata_fault` describes it.
    OptionError
        `source` is of another kind.
    OSError
        The file cannot be read.

    Notes
    -----
    The format, and how an index is decoded, is specified in ``formats/kmq-1.md``.

    Examples
    --------
    >>> import kmq
    >>> import numpy as np
    >>> ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    >>> info = kmq.info(kmq.encode(ramp, colors=4))
    >>> info.width, info.height, info.colors
    (16, 16, 4)
    >>> info.theoretical_bits  # 24 K + N log2 K
    608.0
    """
    with _opened(source) as file:
        return read_info(file)


@contextmanager
def _opened(source: DataSource) -> Iterator[BinaryIO]:
    """Yield a `.kmq` file, and close it unless the caller opened it."""
    stream, is_ours = _stream_of(source)
    try:
        yield stream
    finally:
        if is_ours:
            stream.close()


def _stream_of(source: DataSource) -> tuple[BinaryIO, bool]:
    """Return a `.kmq` file, and whether this function opened it."""
    if isinstance(source, str | os.PathLike):
        return Path(os.fsdecode(source)).open("rb"), True
    if isinstance(source, bytes | bytearray | memoryview):
        return io.BytesIO(bytes(source)), True
    if hasattr(source, "read") and not isinstance(source, io.TextIOBase):
        return cast("BinaryIO", source), False
    raise OptionError(
        f"source: expected bytes, a path or a binary file, got {type(source).__name__}"
    )
