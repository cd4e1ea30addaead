"""Reading a picture that is too large for memory in bands of rows: TIFF and BigTIFF.

The TIFF reader gets each band as a separate file with the whole picture's tags and only the
strips or tiles that contain the band's rows. So the pixels are the same as when reading the
whole picture, whatever the layout and compression.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kmq.errors import FormatError
from kmq.limits import DEFAULT_MAX_PIXELS
from kmq.metadata import NOTHING, Metadata
from kmq.metadata.images import metadata_of
from kmq.pixels import Pixels, frames, read
from kmq.pixels.opening import open_image
from kmq.pixels.readers.claims import read_claimed
from kmq.pixels.readers.tiff_parts import (
    STRIP_BYTES,
    STRIP_OFFSETS,
    TILE_BYTES,
    TILE_OFFSETS,
    TILE_WIDTH,
    Value,
    tiff_of,
)
from kmq.pixels.transparency import KEEP_ALPHA

_WIDTH, _HEIGHT, _SAMPLES, _ROWS_PER_STRIP, _PLANAR = 256, 257, 277, 278, 284
_ORIENTATION, _COMPRESSION, _TILE_HEIGHT = 274, 259, 323
_OLD_JPEG = 6
# fmt: off
_DESCRIBING_PIXELS = (
    258, 259, 262, 266, _SAMPLES, _PLANAR, 292, 293, 301, 317, 318, 319, 320, TILE_WIDTH,
    _TILE_HEIGHT, 332, 333, 334, 338, 339, 340, 341, 347, 529, 530, 531, 532, 34675,
)
# fmt: on
"""Tags that describe how the samples are stored and which colours they mean."""


class Band(NamedTuple):
    """Whole rows of a picture."""

    first_row: int
    pixels: Pixels


class TiffBands:
    """The first picture of a TIFF, read in bands from top to bottom; may be iterated repeatedly.

    Parameters
    ----------
    file
        Open for reading bytes; it stays open.
    background, alpha, max_pixels
        The parameters of `kmq.pixels.read`.
    strip
        Drop the metadata without a note.

    Attributes
    ----------
    width, height
        Pixels of the whole picture.
    band_rows
        Rows per band (the last may have fewer): the fewest that can be read separately.
    metadata, notes
        Those of `kmq.pixels.Pixels`, without notes about pixels.

    Raises
    ------
    FormatError
        If the file is not a TIFF, or cannot be read in bands; the message says why.
    LimitError
        If there are more than `max_pixels` pixels.
    """

    def __init__(
        self,
        file: IO[bytes],
        *,
        background: str | tuple[int, int, int] | None = None,
        alpha: str = KEEP_ALPHA,
        max_pixels: int = DEFAULT_MAX_PIXELS,
        strip: bool = False,
    ) -> None:
        self._file = file
        self._background, self._alpha = background, alpha
        self._max_pixels = max_pixels
        image: Any = open_image(file, max_pixels)
        if image.format != "TIFF":
            raise FormatError(f"a {image.format} file, which cannot be read in bands")
        self._tags: Mapping[int, Any] = image.tag_v2
        self._order = "<" if image.tag_v2.prefix == b"II" else ">"
        self.width, self.height = image.size
        self.metadata: Metadata = NOTHING
        self.notes: tuple[str, ...] = ()
        self._check_layout()
        if not strip:
            self.metadata, self.notes = metadata_of(image)
        if (count := frames.count(image)) != 1:
            held = "its first page" if count is None else f"the first of its {count:,} pages"
            self.notes = (f"only {held} is taken", *self.notes)

    def _check_layout(self) -> None:
        """Find the layout of strips or tiles; raise FormatError if they do not form bands."""
        tags = self._tags
        if tags.get(_ORIENTATION, 1) != 1:
            raise FormatError("a TIFF that is stored turned, which cannot be read in bands")
        if tags.get(_COMPRESSION, 1) == _OLD_JPEG:
            raise FormatError("a TIFF with JPEG of the old kind, which cannot be read in bands")
        self._is_tiled = TILE_OFFSETS in tags
        offsets, sizes = (
            (TILE_OFFSETS, TILE_BYTES) if self._is_tiled else (STRIP_OFFSETS, STRIP_BYTES)
        )
        self._offsets, self._sizes = tags.get(offsets, ()), tags.get(sizes, ())
        rows = tags[_TILE_HEIGHT] if self._is_tiled else tags.get(_ROWS_PER_STRIP, self.height)
        self.band_rows = min(rows, self.height)
        self._across = -(-self.width // tags[TILE_WIDTH]) if self._is_tiled else 1
        self._down = -(-self.height // self.band_rows)
        is_planar = tags.get(_PLANAR, 1) == 2
        self._planes = tags.get(_SAMPLES, 1) if is_planar else 1
        expected = self._planes * self._down * self._across
        if len(self._offsets) != expected or len(self._sizes) != expected:
            raise FormatError("a TIFF that cannot be read: its strips or tiles are not all there")

    def __iter__(self) -> Iterator[Band]:
        """Yield every band; raise the errors of `kmq.pixels.read`."""
        for band in range(self._down):
            first_row = band * self.band_rows
            stored = io.BytesIO(self._as_tiff(band, min(self.band_rows, self.height - first_row)))
            pixels = read(
                stored,
                background=self._background,
                alpha=self._alpha,
                max_pixels=self._max_pixels,
                strip=True,
            )
            yield Band(first_row, pixels)

    def _as_tiff(self, band: int, rows: int) -> bytes:
        """Return a band as a separate TIFF."""
        tags: dict[int, Value] = {
            tag: _as_sequence(self._tags[tag]) for tag in _DESCRIBING_PIXELS if tag in self._tags
        }
        tags |= {_WIDTH: [self.width], _HEIGHT: [rows]}
        if not self._is_tiled:
            tags[_ROWS_PER_STRIP] = [rows]
        places = [
            plane * self._down * self._across + band * self._across + column
            for plane in range(self._planes)
            for column in range(self._across)
        ]
        return tiff_of(tags, [self._part(place) for place in places], self._order)

    def _part(self, place: int) -> bytes:
        self._file.seek(self._offsets[place])
        part = read_claimed(self._file, self._sizes[place])
        if len(part) < self._sizes[place]:
            raise FormatError("a TIFF that cannot be read: its image data end early")
        return part


def regrouped(bands: Iterator[NDArray[Any]], rows: int) -> Iterator[NDArray[Any]]:
    """Yield arrays of `rows` rows (the last may have fewer) from arrays of any number of rows."""
    waiting: list[NDArray[Any]] = []
    count = 0
    for band in bands:
        waiting.append(band)
        count += len(band)
        if count < rows:
            continue
        joined = np.concatenate(waiting) if len(waiting) > 1 else waiting[0]
        whole = count - count % rows
        for first in range(0, whole, rows):
            yield joined[first : first + rows]
        waiting = [joined[whole:].copy()] if whole < count else []
        count -= whole
    if waiting:
        yield np.concatenate(waiting)


def _as_sequence(value: Any) -> Value:
    if isinstance(value, bytes | tuple | list):
        return value
    return [value]
