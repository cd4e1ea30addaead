"""Pictures beyond memory to `.kmq` files: read twice in bands, coded stripe by stripe.

The first pass counts colours, which is all that clustering sees of a picture. The second
maps each stripe to the palette and codes it. The file has the bytes that `encode` gives
for the whole picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, BinaryIO

from kmq.container.head import STRIPE_PIXELS
from kmq.errors import OptionError
from kmq.options import Options

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kmq.image import IndexedImage, Palette
    from kmq.metadata import Metadata
    from kmq.pixels.bands import TiffBands

_BYTES_PER_PIXEL = 12
"""Samples as read, as sRGB and as indices, and what converts them."""
_BYTES_PER_BAND_PIXEL = 24
"""The same, beside the stored strips or tiles and their copy."""
_BYTES_PER_STRIPE_PIXEL = 16
"""Pixels, indices, and the planes and the bytes of the coding."""


@dataclass(frozen=True)
class Streamed:
    """What became of a picture that was coded in bands."""

    width: int
    height: int
    colors: int
    psnr: float
    """Decibels; infinity where nothing changed."""
    size: int
    """Bytes of the file."""
    notes: tuple[str, ...]
    """What a person should be told, one line each."""
    lost: tuple[str, ...]
    """As `kmq.pixels.Pixels` has it."""


def open_bands(file: IO[bytes], options: Options) -> TiffBands:
    """Return the bands of an open TIFF; errors are those of `kmq.pixels.bands.TiffBands`."""
    from kmq.pixels.bands import TiffBands

    return TiffBands(
        file,
        background=options.background,
        alpha=options.alpha,
        max_pixels=options.max_pixels,
        strip=options.strip,
    )


def memory_for_bands(width: int, rows: int, threads: int) -> int:
    """Return about how many bytes coding in bands of `rows` rows takes, without the colours."""
    stripes_held = 2 * threads + 1
    return (
        _BYTES_PER_BAND_PIXEL * width * rows
        + _BYTES_PER_STRIPE_PIXEL * STRIPE_PIXELS * stripes_held
    )


def memory_for_whole(width: int, height: int) -> int:
    """Return about how many bytes it takes to code a picture whole, without its colours."""
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
        Open for writing bytes.
    options
        What needs the whole picture at once is refused: targets, and `rdo` and `dither` above 0.
    palette
        A given one, instead of the best that K-means finds.

    Raises
    ------
    OptionError
        If `options` need the whole picture.
    FormatError, OSError
        If the picture cannot be read, or the file not be written.
    """
    refuse_what_needs_the_whole(options)
    seen = _Seen(bands)
    first = next(iter(bands)).pixels.indexed
    if palette is None and first is not None and _is_kept(first, options):
        size = _write(
            file, seen.indices, bands.height, first.with_metadata(bands.metadata), options
        )
        return seen.summary(bands, len(first.palette), 0, size)
    return _encode_pixels(seen, bands, file, options, palette)


class _Seen:
    """The bands of a picture as they are read, and what is noted of them on the way."""

    def __init__(self, bands: TiffBands) -> None:
        self._bands = bands
        self._notes = dict.fromkeys(bands.notes)
        self._lost: dict[str, None] = {}

    def pixels(self) -> Iterator[NDArray[np.uint8]]:
        """Yield each band's pixels."""
        for _, read in self._bands:
            self._notes |= dict.fromkeys(read.notes)
            self._lost |= dict.fromkeys(read.lost)
            yield read.rgb

    def indices(self) -> Iterator[NDArray[Any]]:
        """Yield each band's own indices."""
        for _, read in self._bands:
            assert read.indexed is not None  # as in the first band
            self._notes |= dict.fromkeys(read.notes)
            self._lost |= dict.fromkeys(read.lost)
            yield read.indexed.indices

    def summary(self, bands: TiffBands, colors: int, squared_error: Any, size: int) -> Streamed:
        """Return what became of the picture."""
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
    """Whether `encode` would keep the palette that a picture has of its own."""
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
    """Return an image of one row with all that a file's head says of the whole."""
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
    """Write a file in the order of its palette or another, as `to_bytes` does; return its size.

    `write` gets a file and the order in which the stripes number the entries.
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
    """Write the file that `codec.to_bytes` returns, and return its size."""
    from kmq.container import stripes
    from kmq.container.head import stripe_rows_for
    from kmq.pixels.bands import regrouped

    rows = stripe_rows_for(like.width, height, may_be_modelled=options.coding != "packed")

    def write(into: BinaryIO, order: NDArray[Any] | None) -> int:
        return stripes.write(
            into,
            regrouped(indices(), rows),
            height,
            like,
            coding=options.coding,
            order=order,
            threads=options.workers,
        )

    return write_smaller(file, like.palette, options.coding, write)
