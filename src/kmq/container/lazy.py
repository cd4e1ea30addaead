"""A `.kmq` file as an array that decodes stripes on access."""

from __future__ import annotations

import io
import operator
from collections import OrderedDict
from collections.abc import Iterator
from threading import Lock
from types import EllipsisType, TracebackType
from typing import Any, BinaryIO, Self, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from kmq.container import metadata
from kmq.container.head import GREY, check_length, read_head
from kmq.container.palette import labels_of, palette_of
from kmq.container.reading import WITHOUT_METADATA, read_stripes, stripe_decoder
from kmq.errors import FormatError, OptionError, warn
from kmq.files import at_its_beginning
from kmq.image import IndexedImage, Palette, index_dtype
from kmq.limits import DEFAULT_MAX_PIXELS, check_pixel_count
from kmq.metadata import Metadata
from kmq.threads import stream_threads

Key: TypeAlias = "int | slice | EllipsisType"

KEPT_PIXELS = 1 << 23
"""Pixels of decoded stripes that are cached: about eight stripes."""


class LazyImage:
    """An open `.kmq` file as an array of pixels; `kmq.open` returns it.

    Slicing it returns an array of uint8. Only the stripes that contain the selected pixels are
    read and decoded. The most recent ones, about 2^23 pixels, are cached, so nearby accesses are
    fast. Several threads may access it at the same time. As a context manager it closes the
    file on exit.

    Attributes
    ----------
    shape : (int, int, int)
        (H, W, 3), or (H, W, 4) if the palette has alpha.
    palette : array of uint8, shape (K, 3) or (K, 4)
        The colours in index order. Read-only.
    labels : array of uint16, shape (K,), or None
        The label of each entry, if the picture is a mask.
    metadata : Metadata
        Resolution, EXIF, XMP and text.

    Examples
    --------
    >>> import kmq
    >>> import numpy as np
    >>> ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    >>> with kmq.open(kmq.encode(ramp, colors=256)) as picture:
    ...     size = picture.shape
    ...     detail = picture[2:6, 10:]
    ...     thumbnail = picture[::8, ::8]
    >>> size, detail.shape, thumbnail[..., 0].tolist()
    ((16, 16, 3), (4, 6, 3), [[0, 8], [128, 136]])
    """

    def __init__(
        self, stream: BinaryIO, *, max_pixels: int, threads: int, owns_stream: bool = False
    ) -> None:
        self._stream = at_its_beginning(stream)
        self._owns_stream = owns_stream
        self._head = read_head(self._stream)
        check_length(self._head, self._stream.seek(0, io.SEEK_END))
        self._palette = Palette(palette_of(self._head))
        self._labels = labels_of(self._head)
        self._decode = stripe_decoder(self._head)
        self._max_pixels = max_pixels
        self._threads = threads
        self._kept: OrderedDict[int, NDArray[Any]] = OrderedDict()
        self._lock = Lock()
        self.metadata: Metadata
        self.metadata, self.metadata_fault = metadata.read(self._stream, self._head)

    @property
    def width(self) -> int:
        """Number of columns."""
        return self._head.width

    @property
    def height(self) -> int:
        """Number of rows."""
        return self._head.height

    @property
    def file_size(self) -> int:
        """Bytes of the file."""
        return self._head.file_size

    @property
    def palette(self) -> NDArray[np.uint8]:
        """The colours in index order, (K, 3) or (K, 4) uint8, read-only."""
        return self._palette.colors

    @property
    def labels(self) -> NDArray[np.uint16] | None:
        """The label of each entry, (K,) uint16, if the picture is a mask; otherwise None."""
        return self._labels

    @property
    def shape(self) -> tuple[int, int, int]:
        """Rows, columns and channels."""
        return self.height, self.width, self.palette.shape[1]

    @property
    def dtype(self) -> np.dtype[np.uint8]:
        """The dtype of the pixels, uint8."""
        return np.dtype(np.uint8)

    @property
    def ndim(self) -> int:
        """Always 3."""
        return 3

    def __len__(self) -> int:
        return self.height

    def __repr__(self) -> str:
        return f"<LazyImage {self.width}x{self.height} of {len(self.palette)} colours>"

    def __getitem__(self, key: Key | tuple[Key, ...]) -> NDArray[np.uint8]:
        """Return the pixels selected by integers, slices and an ellipsis.

        Raises
        ------
        IndexError
            If a number is out of range, or the key is of another kind.
        FormatError
            If a stripe is damaged.
        LimitError
            If more than `max_pixels` pixels would be decoded at once.
        """
        row_key, column_key, channel_key = _three(key)
        rows = range(self.height)[_along(row_key)]
        row_numbers = [rows] if isinstance(rows, int) else rows
        indices = self._indices_of(row_numbers, _along(column_key))
        picked = indices[0] if isinstance(rows, int) else indices
        pixels: NDArray[np.uint8] = self.palette[picked][..., _along(channel_key)]
        return pixels

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("copy=False is impossible: the pixels are decoded into a new array")
        return self[...].astype(dtype or np.uint8, copy=False)

    def crop(self, x: int, y: int, width: int, height: int) -> IndexedImage:
        """Return a part of the picture, with the whole palette.

        Parameters
        ----------
        x, y
            The part's first column and row, from 0.
        width, height
            Its size, at least 1 each.

        Raises
        ------
        OptionError
            If the picture has no such part.
        FormatError
            If a stripe is damaged.
        LimitError
            If more than `max_pixels` pixels would be decoded at once.
        """
        x, y, width, height = (operator.index(number) for number in (x, y, width, height))
        if min(x, y) < 0 or min(width, height) < 1:
            raise OptionError(
                "crop: expected a column and a row from 0 and a size of at least 1 x 1, "
                f"got {x}, {y} and {width} x {height}"
            )
        if x + width > self.width or y + height > self.height:
            raise OptionError(
                f"crop: columns {x:,} to {x + width - 1:,} and rows {y:,} to {y + height - 1:,} "
                f"are not all in a picture of {self.width:,} x {self.height:,}"
            )
        return IndexedImage.owning(
            self._palette,
            self._indices_of(range(y, y + height), slice(x, x + width)),
            is_grey_picture=self._head.layout == GREY,
            metadata=self.metadata,
            labels=self._labels,
        )

    def close(self) -> None:
        """Empty the cache, and close the file if `kmq.open` opened it."""
        self._kept.clear()
        if self._owns_stream:
            self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _indices_of(self, rows: range | list[int], columns: int | slice) -> NDArray[Any]:
        """Return the indices of the given rows, in their order, in the given columns."""
        each = range(self.width)[columns]
        count = (len(rows),) if isinstance(each, int) else (len(rows), len(each))
        found = np.empty(count, index_dtype(len(self._palette)))
        wanted = np.array(rows, np.int64)
        numbers = wanted // self._head.stripe_rows
        for number, indices in self._stripes(np.unique(numbers).tolist()):
            places = np.flatnonzero(numbers == number)
            first_row = self._head.stripes[number].first_row
            found[places] = indices[:, columns][wanted[places] - first_row]
        return found

    def _stripes(self, numbers: list[int]) -> Iterator[tuple[int, NDArray[Any]]]:
        """Yield the stripes of these numbers, each with its indices, and cache the last few."""
        with self._lock:
            kept = {number: self._kept[number] for number in numbers if number in self._kept}
            missing = [number for number in numbers if number not in kept]
            decoded_rows = sum(self._head.stripes[number].rows for number in missing)
            check_pixel_count(self.width, decoded_rows, self._max_pixels)
            stored = read_stripes(self._stream, self._head, missing)
            decoded = stream_threads(self._decode, stored, min(self._threads, len(missing)))
            for number in numbers:
                indices = kept[number] if number in kept else next(decoded)[1]
                self._keep(number, indices)
                yield number, indices

    def _keep(self, number: int, indices: NDArray[Any]) -> None:
        """Mark a stripe as the most recent, and drop the oldest ones from the cache."""
        self._kept[number] = indices
        self._kept.move_to_end(number)
        while len(self._kept) > 1 and sum(each.size for each in self._kept.values()) > KEPT_PIXELS:
            self._kept.popitem(last=False)


def open_stream(
    stream: BinaryIO,
    *,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    threads: int = 1,
    owns_stream: bool = False,
) -> LazyImage:
    """Return the picture of an open file; damaged metadata are dropped with a KmqWarning.

    Parameters
    ----------
    stream
        The file. If `owns_stream`, it is closed with the picture, and also on failure.
    max_pixels
        Refuse to decode more pixels than this per access.
    threads
        Stripes decoded at a time; it never changes the result.

    Raises
    ------
    FormatError
        If the head is wrong, or the file's length differs from the one in the head.
    """
    try:
        picture = LazyImage(stream, max_pixels=max_pixels, threads=threads, owns_stream=owns_stream)
    except (FormatError, OSError):
        if owns_stream:
            stream.close()
        raise
    if picture.metadata_fault is not None:
        warn(f"{picture.metadata_fault}; {WITHOUT_METADATA}")
    return picture


def _three(key: Key | tuple[Key, ...]) -> list[Key]:
    """Return a key's parts for rows, columns and channels, with an ellipsis expanded."""
    given = list(key) if isinstance(key, tuple) else [key]
    dots = [place for place, each in enumerate(given) if each is Ellipsis]
    if len(dots) > 1:
        raise IndexError("an index can have a single ellipsis ('...')")
    named = len(given) - len(dots)
    if named > 3:
        raise IndexError(f"a picture has rows, columns and channels; {named} indices were given")
    place = dots[0] if dots else named
    return given[:place] + [slice(None)] * (3 - named) + given[place + len(dots) :]


def _along(key: Key) -> Any:
    """Return a key along one axis if it is a slice or an integer, otherwise raise."""
    if isinstance(key, slice):
        return key
    try:
        return operator.index(key)  # type: ignore[arg-type]  # what it is not for raises
    except TypeError:
        raise IndexError(
            f"pixels are selected by integers, slices and an ellipsis, not {type(key).__name__}"
        ) from None
