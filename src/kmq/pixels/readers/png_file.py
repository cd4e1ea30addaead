"""Opening a PNG whose texts are damaged or too large, at the cost of these texts alone.

Pillow refuses such a file whole: text that is longer than `MAX_TEXT_CHUNK` when it is
inflated, more than `MAX_TEXT_MEMORY` of it, or a wrong checksum.
"""

from __future__ import annotations

import zlib
from typing import IO

from PIL import PngImagePlugin

_DESCRIBING = (b"eXIf", b"iTXt", b"pHYs", b"tEXt", b"zTXt")
"""Chunks that say something about the picture, and are not needed to show it."""

_TEXTS = (b"iTXt", b"tEXt", b"zTXt")
_XMP = b"XML:com.adobe.xmp\0"

_OTHER_INFO = (
    *("aspect", "background", "bbox", "blend", "chromaticity", "default_image", "disposal"),
    *("dpi", "duration", "exif", "gamma", "icc_profile", "loop", "srgb", "transparency", "xmp"),
)
"""What Pillow keeps beside the texts, under keys that keywords may have too."""


class PngFile(PngImagePlugin.PngImageFile):
    """A PNG opened by Pillow, without the chunks that Pillow would refuse it for.

    Attributes
    ----------
    left_out : list of bytes
        The kinds of these chunks.
    """

    @property
    def png(self) -> PngImagePlugin.PngStream | None:
        """What reads the chunks, as in Pillow: from opening until the end of the file."""
        return self._chunks

    @png.setter
    def png(self, stream: PngImagePlugin.PngStream | None) -> None:
        self._chunks = None
        if stream is not None and stream.fp is not None:
            self.left_out: list[bytes] = []
            self._chunks = _Chunks(stream.fp, self.left_out)


class _Chunks(PngImagePlugin.PngStream):
    """Reads chunks as Pillow does, except those that describe the picture and are damaged."""

    def __init__(self, file: IO[bytes], left_out: list[bytes]) -> None:
        super().__init__(file)
        self._left_out = left_out

    def call(self, cid: bytes, pos: int, length: int) -> bytes:
        """Return what a chunk holds, once it has been understood or left out."""
        file = self.fp
        if cid not in _DESCRIBING or file is None:
            return super().call(cid, pos, length)
        data = file.read(length)
        is_whole = file.read(4) == zlib.crc32(data, zlib.crc32(cid)).to_bytes(4, "big")
        file.seek(pos)
        if is_whole and self.text_memory <= PngImagePlugin.MAX_TEXT_MEMORY:
            self._understand(cid, data)
        else:
            self._left_out.append(cid)
        file.seek(pos + len(data))
        return data

    def _understand(self, cid: bytes, data: bytes) -> None:
        """Have Pillow read a chunk; undo it where a text replaces what is no text."""
        others = [(key, self.im_info[key]) for key in _OTHER_INFO if key in self.im_info]
        assert self.fp is not None
        try:
            super().call(cid, self.fp.tell(), len(data))
        except (ValueError, SyntaxError):  # too large, or of an unknown compression
            self._left_out.append(cid)
        if cid in _TEXTS and not data.startswith(_XMP):
            for key in _OTHER_INFO:
                self.im_info.pop(key, None)
            self.im_info.update(others)

    def crc(self, cid: bytes, data: bytes) -> None:
        """Check the sum behind a chunk, unless `call` has done so."""
        if cid in _DESCRIBING:
            self.crc_skip(cid, data)
        else:
            super().crc(cid, data)
