"""Opening a PNG with damaged or too large texts, which loses only these texts.

Pillow refuses the whole file if an inflated text is longer than `MAX_TEXT_CHUNK`, all texts
together exceed `MAX_TEXT_MEMORY`, or a checksum is wrong.
"""

from __future__ import annotations

import zlib
from typing import IO

from PIL import PngImagePlugin

_DESCRIBING = (b"eXIf", b"iTXt", b"pHYs", b"tEXt", b"zTXt")
"""Chunks that describe the picture and are not needed to show it."""

_TEXTS = (b"iTXt", b"tEXt", b"zTXt")
_XMP = b"XML:com.adobe.xmp\0"

_OTHER_INFO = (
    *("aspect", "background", "bbox", "blend", "chromaticity", "default_image", "disposal"),
    *("dpi", "duration", "exif", "gamma", "icc_profile", "loop", "srgb", "transparency", "xmp"),
)
"""Values that Pillow stores next to the texts, under keys that may also occur as keywords."""


class PngFile(PngImagePlugin.PngImageFile):
    """A PNG opened by Pillow without the chunks that would make Pillow refuse it.

    Attributes
    ----------
    left_out : list of bytes
        The kinds of these chunks.
    """

    @property
    def png(self) -> PngImagePlugin.PngStream | None:
        """The reader of the chunks, as in Pillow: set from opening until the end of the file."""
        return self._chunks

    @png.setter
    def png(self, stream: PngImagePlugin.PngStream | None) -> None:
        self._chunks = None
        if stream is not None and stream.fp is not None:
            self.left_out: list[bytes] = []
            self._chunks = _Chunks(stream.fp, self.left_out)


class _Chunks(PngImagePlugin.PngStream):
    """Reads chunks as Pillow does, but skips damaged ones that only describe the picture."""

    def __init__(self, file: IO[bytes], left_out: list[bytes]) -> None:
        super().__init__(file)
        self._left_out = left_out

    def call(self, cid: bytes, pos: int, length: int) -> bytes:
        """Return the contents of a chunk after it has been interpreted or skipped."""
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
        """Let Pillow read a chunk; undo it if a text replaces a value that is not a text."""
        others = [(key, self.im_info[key]) for key in _OTHER_INFO if key in self.im_info]
        assert self.fp is not None
        try:
            super().call(cid, self.fp.tell(), len(data))
        except (ValueError, SyntaxError):  # too large, or with an unknown compression
            self._left_out.append(cid)
        if cid in _TEXTS and not data.startswith(_XMP):
            for key in _OTHER_INFO:
                self.im_info.pop(key, None)
            self.im_info.update(others)

    def crc(self, cid: bytes, data: bytes) -> None:
        """Check the checksum after a chunk, unless `call` has done so."""
        if cid in _DESCRIBING:
            self.crc_skip(cid, data)
        else:
            super().crc(cid, data)
