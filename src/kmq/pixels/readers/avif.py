"""AVIF whose colours are named by number: the box nclx (ISO/IEC 14496-12, section 12.1.5).

libavif, which Pillow calls, converts the samples to RGB and leaves their primaries and
transfer function to its caller.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from kmq.pixels import code_points
from kmq.pixels.samples import Samples, of_image

_PATH = (b"meta", b"iprp", b"ipco")
"""The nested boxes that contain the properties of pictures."""

_FULL_BOX_BYTES = 4


def read(image: Any) -> Samples:
    """Return the samples of an AVIF that Pillow has opened but not read yet.

    An ICC profile takes precedence over numbers.

    Raises
    ------
    FormatError
        If its colours have a high dynamic range.
    """
    if image.info.get("icc_profile"):
        return of_image(image)
    position = image.fp.tell()
    image.fp.seek(0)
    numbers = _numbers(image.fp.read())
    image.fp.seek(position)
    if numbers is None:
        return of_image(image)
    colour, notes = code_points.space_of(*numbers)
    return replace(of_image(image), colour=colour, notes=notes)


def _numbers(stored: bytes) -> tuple[int, int] | None:
    """Return the primaries and the transfer function of the first picture that names them."""
    properties = stored
    for wanted in _PATH:
        found = (content for kind, content in _boxes(properties) if kind == wanted)
        properties = next(found, b"")
        if wanted == b"meta":
            properties = properties[_FULL_BOX_BYTES:]
    for kind, content in _boxes(properties):
        if kind == b"colr" and content[:4] == b"nclx" and len(content) >= 8:
            primaries, transfer = struct.unpack_from(">HH", content, 4)
            return primaries, transfer
    return None


def _boxes(stored: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the kind and contents of each box; stop at a damaged one."""
    at = 0
    while at + 8 <= len(stored):
        length, kind = struct.unpack_from(">I4s", stored, at)
        head = 8
        if length == 1 and at + 16 <= len(stored):
            (length,) = struct.unpack_from(">Q", stored, at + 8)
            head = 16
        elif length == 0:
            length = len(stored) - at
        if length < head:
            return
        yield kind, stored[at + head : at + length]
        at += length
