"""Writing a picture that is too large for memory as it is decoded: PNG and TIFF."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from kmq.errors import OptionError
from kmq.image import IndexedImage
from kmq.metadata.saving import save_options
from kmq.pixels.bands import regrouped

EXTENSIONS = (".png", ".tif", ".tiff")
"""The extensions of the formats that can be written in bands."""

_PACKED_MODES = {1: "P;1", 2: "P;2", 4: "P;4", 8: "P"}
"""Pillow's raw mode for packed indices, by their number of bits."""

_ROWS_PER_STRIP = 64


def writer_for(extension: str) -> Callable[[BinaryIO, Iterator[IndexedImage], int], None]:
    """Return the writer of a kind of file: a function of the file, the bands and the height.

    The bands are images of the same width, palette and metadata, from top to bottom.

    Raises
    ------
    OptionError
        If such a file cannot be written in bands, or tifffile is not installed.
    """
    if extension == ".png":
        return _write_png
    if extension not in EXTENSIONS:
        raise OptionError(
            f"output: {extension} cannot be written in bands, only {', '.join(EXTENSIONS)}; "
            "allow more memory"
        )
    try:
        import tifffile  # noqa: F401 - told before anything is decoded
    except ModuleNotFoundError as error:
        raise OptionError(
            "output: writing a TIFF in bands needs tifffile: pip install 'kmq[scans]'"
        ) from error
    return _write_tiff


def _write_png(file: BinaryIO, bands: Iterator[IndexedImage], height: int) -> None:
    """Write a PNG whose chunks, except for the pixels, are those that Pillow writes."""
    first = next(bands)
    options, _ = save_options(first.metadata, "PNG")
    template = io.BytesIO()
    first.to_pil().save(template, "PNG", **options)
    chunks = list(_chunks(template.getvalue()))
    places = [place for place, (kind, _) in enumerate(chunks) if kind == b"IDAT"]
    header = chunks[0][1]
    raw_mode = _raw_mode(first, bits=header[8])
    file.write(template.getvalue()[:8])
    _write_chunk(file, b"IHDR", header[:4] + struct.pack(">I", height) + header[8:])
    for kind, data in chunks[1 : places[0]]:
        _write_chunk(file, kind, data)
    compressor = zlib.compressobj(6)
    for band in _chained(first, bands):
        packed = band.to_pil().tobytes("raw", raw_mode)
        rows = np.frombuffer(packed, np.uint8).reshape(band.height, -1)
        # Each row begins with its filter, 0 for none.
        filtered = np.concatenate([np.zeros((band.height, 1), np.uint8), rows], axis=1)
        if data := compressor.compress(filtered.tobytes()):
            _write_chunk(file, b"IDAT", data)
    _write_chunk(file, b"IDAT", compressor.flush())
    for kind, data in chunks[places[-1] + 1 :]:
        _write_chunk(file, kind, data)


def _write_tiff(file: BinaryIO, bands: Iterator[IndexedImage], height: int) -> None:
    """Write a TIFF with the resolution; a BigTIFF if it may exceed 4 GB."""
    import tifffile

    first = next(bands)
    samples = _tiff_samples(first)
    options: dict[str, Any] = {"photometric": "rgb" if samples.ndim == 3 else "minisblack"}
    if samples.ndim == 2 and first.to_pil().mode == "P":
        colors = np.zeros((256, 3), np.uint16)
        colors[: len(first.palette)] = first.palette
        options = {"photometric": "palette", "colormap": colors.T * np.uint16(257)}
    if samples.shape[2:] == (4,):
        options["extrasamples"] = ["unassalpha"]
    if first.metadata.resolution is not None:
        options["resolution"] = tuple(float(part) for part in first.metadata.resolution)
        options["resolutionunit"] = "INCH"
    strips = regrouped((_tiff_samples(band) for band in _chained(first, bands)), _ROWS_PER_STRIP)
    tifffile.imwrite(
        file,
        (zlib.compress(strip.tobytes()) for strip in strips),
        shape=(height, *samples.shape[1:]),
        dtype=samples.dtype,
        byteorder="<",
        rowsperstrip=_ROWS_PER_STRIP,
        compression="zlib",
        software=False,
        metadata=None,
        **options,
    )


def _tiff_samples(image: IndexedImage) -> NDArray[Any]:
    """Return the samples to write: indices if the palette has no alpha, otherwise colours."""
    if image.has_alpha:
        return image.to_rgba()
    return np.asarray(image.to_pil())


def _chained(first: IndexedImage, rest: Iterator[IndexedImage]) -> Iterator[IndexedImage]:
    yield first
    yield from rest


def _raw_mode(image: IndexedImage, bits: int) -> str:
    """Return Pillow's name for the samples of a PNG with `bits` bits."""
    mode = image.to_pil().mode
    return {"P": _PACKED_MODES[min(bits, 8)], "I;16": "I;16B"}.get(mode, mode)


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the kind and the data of each chunk."""
    place = 8
    while place < len(png):
        (length,) = struct.unpack_from(">I", png, place)
        yield png[place + 4 : place + 8], png[place + 8 : place + 8 + length]
        place += 12 + length


def _write_chunk(file: BinaryIO, kind: bytes, data: bytes) -> None:
    checksum = struct.pack(">I", zlib.crc32(kind + data))
    file.write(struct.pack(">I", len(data)) + kind + data + checksum)
