"""From an opened file to samples, by Pillow or by readers for formats that it misreads."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image, ImageFile

from kmq.pixels.readers import avif, bitmaps, icons, kmq_files, png, png_file, psd, tiff
from kmq.pixels.samples import Samples, of_image

_READERS: dict[str, Callable[[ImageFile.ImageFile], Samples]] = {
    "AVIF": avif.read,
    "BMP": bitmaps.read_bmp,
    "CUR": icons.read,
    "DIB": bitmaps.read_bmp,
    "KMQ": kmq_files.read,
    "PNG": png.read,
    "PSD": psd.read,
    "TIFF": tiff.read,
    "XBM": bitmaps.read_xbm,
}
"""Readers of formats that Pillow does not read faithfully."""

OPENERS: dict[str, Callable[..., ImageFile.ImageFile]] = {
    "CUR": icons.open_icon,
    "ICO": icons.open_icon,
    "PNG": png_file.PngFile,
    "PSD": psd.PsdFile,
    "TIFF": tiff.TiffFile,
}
"""Functions that open files which Pillow's reader does not open, or opens incompletely."""


def decoded(image: Image.Image) -> Samples:
    """Return the samples of an image; if it is already loaded, those that Pillow decoded."""
    if isinstance(image, ImageFile.ImageFile) and image.fp is not None and image._im is None:
        return _READERS.get(image.format or "", of_image)(image)
    return of_image(image)
