"""Pillow's view of a `.kmq` file."""

from __future__ import annotations

import io
from typing import Any, BinaryIO, cast

import numpy as np
from PIL import Image, ImageFile, ImagePalette

from kmq.container import metadata, reading
from kmq.container.head import GREY, LABELS, Head, read_head
from kmq.errors import FormatError, LimitError, warn
from kmq.image import IndexedImage
from kmq.metadata import NOTHING, Metadata
from kmq.metadata.images import info_of
from kmq.threads import thread_count


class DamagedImageError(FormatError, OSError):
    """A FormatError that is also an OSError, which Pillow's users expect for a bad file."""


class KmqImageFile(ImageFile.ImageFile):
    """An opened `.kmq` file, in the mode that `IndexedImage.to_pil` chooses for its image.

    `info` has the same metadata as for a PNG: "dpi", "exif", "xmp", and each text.

    Attributes
    ----------
    metadata : Metadata
    text : dict
        The texts by keyword; for a repeated keyword, the last one.
    """

    format = "KMQ"
    format_description = "K-means palette image"
    metadata: Metadata
    text: dict[str, str]

    def _open(self) -> None:
        assert self.fp is not None
        try:
            head = read_head(self.fp)  # type: ignore[arg-type]  # it only reads
        except FormatError as error:
            raise SyntaxError(str(error)) from error  # Image.open expects this
        self._size = head.width, head.height
        red, green, blue, alpha = head.channels
        is_opaque = min(alpha) == 255
        if head.layout == LABELS:
            self._mode = "I;16" if any(head.palette[1::2]) else "L"
        elif head.layout == GREY:
            self._mode = "L"
        elif head.palette_size <= 256:
            self._mode = "P"
            self.palette = ImagePalette.raw("RGB;L", red + green + blue)
            if not is_opaque:
                self.info["transparency"] = alpha
        elif not is_opaque:
            self._mode = "RGBA"
        else:
            self._mode = "L" if red == green == blue else "RGB"
        self._read_metadata(head)
        self.tile = [ImageFile._Tile("kmq", (0, 0, *self._size), 0)]

    def _read_metadata(self, head: Head) -> None:
        file = cast("BinaryIO", self.fp)
        fault = None
        self.metadata = NOTHING
        # ImageFile.Parser opens a part of the file, which may not contain them yet.
        if head.metadata_bytes and file.seek(0, io.SEEK_END) >= head.file_size:
            self.metadata, fault = metadata.read(file, head)
        file.seek(head.size)
        if fault is not None:
            warn(f"{fault}; {reading.WITHOUT_METADATA}")
        self.text = dict(self.metadata.text)
        self.info.update(info_of(self.metadata))

    def to_indexed(self) -> IndexedImage:
        """Return the palette and indices in the file, which Pillow's image may not represent."""
        bands = [
            band
            for _, band in reading.bands(
                cast("BinaryIO", self.fp),
                max_pixels=self.width * self.height,
                threads=thread_count(None),
            )
        ]
        return IndexedImage.owning(
            bands[0].palette,
            np.concatenate([band.indices for band in bands]),
            is_grey_picture=bands[0].is_grey_picture,
            labels=bands[0].labels,
        )

    def load_seek(self, pos: int) -> None:
        """Exist, so that `ImageFile.Parser` waits for the whole file."""


class KmqDecoder(ImageFile.PyDecoder):
    """Decodes stripe by stripe into Pillow's image, so that memory holds only one image."""

    _pulls_fd = True

    def decode(self, buffer: Any) -> tuple[int, int]:
        """Fill the image from the file; Pillow passes no buffer."""
        assert self.fd is not None
        # Pillow has already checked the size in the head against its own limit.
        pixels = self.state.xsize * self.state.ysize
        try:
            for first_row, band in reading.bands(
                cast("BinaryIO", self.fd), max_pixels=pixels, threads=thread_count(None)
            ):
                self._set_rows(first_row, band)
        except (FormatError, LimitError) as error:
            raise DamagedImageError(str(error)) from error
        return -1, 0

    def _set_rows(self, first_row: int, band: IndexedImage) -> None:
        decoder = Image._getdecoder(self.mode, "raw", (self.mode, 0, 1))
        decoder.setimage(self.im, (0, first_row, band.width, first_row + band.height))
        decoder.decode(band.to_pil().tobytes())


Image.register_decoder("kmq", KmqDecoder)
