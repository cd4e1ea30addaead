"""Pictures larger than memory to `.kmq` files: read twice in bands, coded stripe by stripe.

The first pass counts the colours, because clustering needs nothing else. The second maps each
stripe to the palette and codes it. The file is identical to the one that `encode` makes of the
whole picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import IO, TYPE_CHECKING, Any, BinaryIO

from kmq.container.head import STRIPE_PIXELS
from kmq.errors import OptionError
from kmq.options import Options

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kmq.image import IndexedImage, Palette
    from kmq.metadata import Metadata
    from kmq.pixels.bands import Band, TiffBands

_BYTES_PER_PIXEL = 12
"""Samples as read, as sRGB and as indices, and temporary arrays of the conversion."""
_BYTES_PER_BAND_PIXEL = 24
"""The same, plus the stored strips or tiles and a copy of them."""
_BYTES_PER_STRIPE_PIXEL = 16
"""Pixels, indices, and the planes and bytes of the coding."""


@dataclass(frozen=True)
class Streamed:
    """The result of coding a picture in bands."""

    width: int
    height: int
    colors: int
    psnr: float
    """Decibels; infinity if no pixel changed."""
    size: int
    """Bytes of the file."""
    notes: tuple[str, ...]
    """Remarks for the user, one line each."""
    lost: tuple[str, ...]
    """What the source contains and the file does not, one phrase each."""


def open_bands(file: IO[bytes], options: Options) -> TiffBands:
    """Return the bands of an open TIFF, read with these options."""
    from kmq.pixels.bands import TiffBands

    return TiffBands(
        file,
        background=options.background,
        alpha=options.alpha,
        max_pixels=options.max_pixels,
        strip=options.strip,
    )


def memory_for_bands(width: int, rows: int, threads: int) -> int:
    """Return the approximate memory in bytes for coding in bands, without the histogram."""
    stripes_held = 2 * threads + 1
    return (
        _BYTES_PER_BAND_PIXEL * width * rows
        + _BYTES_PER_STRIPE_PIXEL * STRIPE_PIXELS * stripes_held
    )


def memory_for_whole(width: int, height: int) -> int:
    """Return the approximate memory in bytes for coding a whole picture, without the histogram."""
    return _BYTES_PER_PIXEL * width * height


def refuse_what_needs_the_whole(options: Options) -> None:
    """Raise OptionError if an option needs the whole picture at once."""
    for name in ("psnr", "max_bytes", "rdo", "dither"):
        if getattr(options, name):
            raise OptionError(
                f"{name}: a picture that is read in bands is never held whole; leave {name} out, "
                "or allow more memory"
            )


def encode_bands(
    bands: TiffBands, file: BinaryIO, options: Options, palette: Palette | None = None
) -> Streamed:
    """Write a picture to a `.kmq` file band by band.

    Parameters
    ----------
    bands
        The picture; it is read twice, or once if it keeps its own palette.
    file
        A binary file, open for writing.
    options
        The options of `encode`. Targets, and `rdo` and `dither` above 0, are refused because
        they need the whole picture at once.
    palette
        A palette to use instead of the best one that K-means finds.

    Raises
    ------
    OptionError
        An option needs the whole picture at once.
    FormatError
        The picture is damaged.
    OSError
        The picture cannot be read, or the file cannot be written.
    """
    refuse_what_needs_the_whole(options)
    seen = _Seen(bands)
    own = seen.own_palette()
    if palette is None and own is not None and _is_kept(own, options):
        size = _write(file, seen.indices, bands.height, own.with_metadata(bands.metadata), options)
        return seen.summary(bands, len(own.palette), 0, size)
    return _encode_pixels(seen, bands, file, options, palette)


class _Seen:
    """The bands of a picture, and the remarks that reading them collects."""

    def __init__(self, bands: TiffBands) -> None:
        self._bands = bands
        self._begun: Iterator[Band] | None = None
        """All bands, of which the first is decoded already."""
        self._notes = dict.fromkeys(bands.notes)
        self._lost: dict[str, None] = {}

    def own_palette(self) -> IndexedImage | None:
        """Return the first band in its own palette, None if it has none."""
        bands = iter(self._bands)
        first = next(bands)
        self._begun = chain([first], bands)
        return first.pixels.indexed

    def pixels(self) -> Iterator[NDArray[np.uint8]]:
        """Yield each band's pixels."""
        for _, read in self._pass():
            self._notes |= dict.fromkeys(read.notes)
            self._lost |= dict.fromkeys(read.lost)
            yield read.rgb

    def indices(self) -> Iterator[NDArray[Any]]:
        """Yield each band's own indices."""
        for _, read in self._pass():
            assert read.indexed is not None  # as in the first band
            self._notes |= dict.fromkeys(read.notes)
            self._lost |= dict.fromkeys(read.lost)
            yield read.indexed.indices

    def _pass(self) -> Iterator[Band]:
        begun, self._begun = self._begun, None
        return iter(self._bands) if begun is None else begun

    def summary(self, bands: TiffBands, colors: int, squared_error: Any, size: int) -> Streamed:
        """Return the result of coding the picture."""
        from kmq.quality import psnr_of

        return Streamed(
            bands.width,
            bands.height,
            colors,
            psnr_of(squared_error, 3 * bands.width * bands.height),
            size,
            tuple(self._notes),
            tuple(self._lost),
        )


def _is_kept(indexed: IndexedImage, options: Options) -> bool:
    """Whether `encode` would keep the palette of a palette image."""
    fits = options.colors is None or len(indexed.palette) <= options.colors
    return fits and not options.sort and not options.is_constrained


def _encode_pixels(
    seen: _Seen, bands: TiffBands, file: BinaryIO, options: Options, palette: Palette | None
) -> Streamed:
    from kmq import clustering
    from kmq.quantizing import constraint_of, initial_of

    histogram = clustering.Histogram.of_bands(seen.pixels())
    is_given = palette is not None
    if palette is not None:
        mapping = clustering.Mapping.nearest(histogram, palette, options.workers)
    else:
        mapping = clustering.Mapping.fitted(
            histogram,
            options.exact_colors,
            effort=options.effort,
            seed=options.seed,
            max_iter=options.max_iter,
            constraint=constraint_of(options),
            init=initial_of(options),
            threads=options.workers,
        )
    like = image_like(mapping.palette, bands.width, is_given=is_given, metadata=bands.metadata)

    def indices() -> Iterator[NDArray[Any]]:
        return (mapping.indices_of(pixels) for pixels in seen.pixels())

    size = _write(file, indices, bands.height, like, options)
    return seen.summary(bands, len(mapping.palette), mapping.squared_error, size)


def image_like(palette: Palette, width: int, *, is_given: bool, metadata: Metadata) -> IndexedImage:
    """Return an image of one row from which the head of the whole file can be written."""
    import numpy as np

    from kmq.image import IndexedImage, index_dtype

    return IndexedImage.owning(
        palette,
        np.zeros((1, width), index_dtype(len(palette))),
        is_grey_picture=not is_given and palette.is_grey and not palette.has_alpha,
        metadata=metadata,
    )


def write_smaller(
    file: BinaryIO,
    palette: NDArray[np.uint8],
    coding: str,
    write: Callable[[BinaryIO, NDArray[Any] | None], int],
) -> int:
    """Write a file with its palette in whichever order makes it smaller; return its size.

    `write` takes a file and the order in which the stripes number the entries, or None for the
    palette's own order, and returns the number of bytes written.
    """
    import shutil
    import tempfile

    from kmq.clustering.palette import order_of

    order = order_of(palette)
    if coding == "packed" or (order[1:] > order[:-1]).all():
        return write(file, None)
    with tempfile.TemporaryFile() as own, tempfile.TemporaryFile() as arranged:
        sizes = write(own, None), write(arranged, order)
        smaller = own if sizes[0] <= sizes[1] else arranged
        smaller.seek(0)
        shutil.copyfileobj(smaller, file)
        return min(sizes)


def _write(
    file: BinaryIO,
    indices: Callable[[], Iterator[NDArray[Any]]],
    height: int,
    like: IndexedImage,
    options: Options,
) -> int:
    """Write the file that `to_bytes` would return for the whole picture; return its size."""
    from kmq.container import writing
    from kmq.container.head import stripe_rows_for
    from kmq.pixels.bands import regrouped

    rows = stripe_rows_for(like.width, height, may_be_modelled=options.coding != "packed")

    def write(into: BinaryIO, order: NDArray[Any] | None) -> int:
        return writing.write(
            into,
            regrouped(indices(), rows),
            height,
            like,
            coding=options.coding,
            order=order,
            threads=options.workers,
        )

    return write_smaller(file, like.palette, options.coding, write)
