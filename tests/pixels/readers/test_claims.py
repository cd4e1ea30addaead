from __future__ import annotations

import struct
import tracemalloc

import pytest
from PIL import Image

from kmq import FormatError
from kmq.pixels import read
from pixels.readers.pngs import chunk

HUGE = 0xFFFF_FFF0
DIRECTORY = {256: 9, 257: 9, 258: 8, 259: 8, 262: 1, 273: 8, 277: 1, 278: 9, 279: HUGE}

CLAIMS = {
    "a.png": b"\x89PNG\r\n\x1a\n"
    + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    + struct.pack(">I", HUGE)
    + b"cICP",
    "a.tif": b"II*\0"
    + struct.pack("<I", 8)
    + struct.pack("<H", len(DIRECTORY))
    + b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in DIRECTORY.items())
    + bytes(4),
    "a.psd": struct.pack(">4sH6xHIIHH", b"8BPS", 1, 1, 9, 9, 8, 1) + struct.pack(">I", HUGE),
    "a.ico": struct.pack("<HHHBBBBHHII", 0, 1, 1, 9, 9, 0, 0, 1, 24, HUGE, 22) + bytes(40),
}
"""Files of a few bytes that claim to hold four gigabytes."""


@pytest.mark.parametrize("name", CLAIMS)
def test_a_length_that_is_not_there_takes_no_memory(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(CLAIMS[name])
    Image.init()
    tracemalloc.start()
    with pytest.raises(FormatError, match="that cannot be read"):
        read(path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 4 << 20
