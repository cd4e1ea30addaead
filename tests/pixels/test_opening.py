from __future__ import annotations

import io
import struct
import subprocess
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFile

from kmq import FormatError
from kmq.pixels import UnknownKindError, is_image_name, read
from kmq.pixels.opening import TRUSTED, is_trusted

PROGRAMS = {
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n{} loop\n",
    "PostScript with a preview": b"\xc5\xd0\xd3\xc6" + bytes(26) + b"%!PS-Adobe-3.0\n",
    "PDF": b"%PDF-1.7\n",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_file_that_a_program_has_to_draw_is_refused(name, monkeypatch):
    monkeypatch.setattr(subprocess, "check_call", None)
    monkeypatch.setattr(subprocess, "Popen", None)
    with pytest.raises(UnknownKindError, match="a program, which kmq does not run; convert it"):
        read(io.BytesIO(PROGRAMS[name]))


@pytest.mark.parametrize(
    ("kind", "beginning"),
    [
        ("WMF", b"\xd7\xcd\xc6\x9a\0\0" + bytes(80)),
        ("GRIB", b"GRIB\0\0\0\1" + bytes(32)),
        ("BUFR", b"BUFR\0\0\0\1" + bytes(32)),
        ("HDF5", b"\x89HDF\r\n\x1a\n" + bytes(32)),
        ("MPEG", b"\0\0\1\xb3" + bytes(32)),
    ],
)
def test_a_kind_without_a_trusted_reader_is_named(kind, beginning):
    with pytest.raises(UnknownKindError, match=f"{kind} file, a kind that kmq does not read"):
        read(io.BytesIO(beginning))


@pytest.mark.parametrize("extension", [".eps", ".ps", ".pdf", ".wmf", ".emf", ".grib", ".txt", ""])
def test_a_kind_that_is_not_read_has_no_image_name(extension):
    assert not is_image_name(f"name{extension}")


@pytest.mark.parametrize("extension", [".png", ".PNG", ".jpg", ".tif", ".gif", ".webp", ".kmq"])
def test_a_kind_that_is_read_has_an_image_name(extension):
    assert is_image_name(f"name{extension}")


def test_a_reader_of_the_hosts_own_is_used(monkeypatch):
    class OneRedPixel(ImageFile.ImageFile):
        format = "RED"

        def _open(self):
            self._mode, self._size = "RGB", (1, 1)
            self.im = Image.new("RGB", (1, 1), "red").im

    monkeypatch.setitem(Image.OPEN, "RED", (OneRedPixel, lambda start: start.startswith(b"RED!")))
    monkeypatch.setattr(Image, "ID", [*Image.ID, "RED"])
    assert is_trusted("RED")
    assert read(io.BytesIO(b"RED!")).rgb.tolist() == [[[255, 0, 0]]]


def test_every_trusted_reader_is_there_to_be_used():
    Image.init()
    assert TRUSTED - Image.OPEN.keys() == {"MPO"}  # the reader of JPEG opens it


def chunk(kind: bytes, data: bytes, crc_is_right: bool = True) -> bytes:
    crc = zlib.crc32(kind + data) ^ (not crc_is_right)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)


def png_of_one_pixel(*, color_type=0, size=(1, 1), crc_is_right=True, middle=b""):
    head = struct.pack(">IIBBBBB", *size, 8, color_type, 0, 0, 0)
    gamma = chunk(b"gAMA", (45_455).to_bytes(4, "big"), crc_is_right)
    data = chunk(b"IDAT", zlib.compress(bytes(2)))
    return io.BytesIO(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + gamma + middle + data + chunk(b"IEND", b"")
    )


def test_a_recognised_file_that_cannot_be_read_is_reported_with_the_reason():
    with pytest.raises(FormatError, match=r"^a PNG that cannot be read: .*checksum.*gAMA"):
        read(png_of_one_pixel(crc_is_right=False))
    with pytest.raises(FormatError, match=r"^a TIFF that cannot be read: \w"):
        read(io.BytesIO(b"II*\0" + bytes(40)))
    with pytest.raises(FormatError, match=r"^an ICO that cannot be read: \w"):
        read(io.BytesIO(b"\0\0\1\0\1\0" + bytes(40)))


@pytest.mark.parametrize("size", [(0, 1), (1, 0), (0, 0)])
def test_a_file_without_pixels_is_reported_as_such(size):
    with pytest.raises(FormatError, match="a PNG that cannot be read: it has no pixels"):
        read(png_of_one_pixel(size=size))


def test_an_error_without_a_text_still_has_a_reason(monkeypatch):
    def fail(*_):
        raise ValueError

    monkeypatch.setattr(Image.Image, "load", fail)
    with pytest.raises(FormatError, match=r"that cannot be read: its data are damaged \(Val"):
        read(png_of_one_pixel())


def test_a_reader_that_is_not_installed_is_reported(monkeypatch):
    Image.init()
    told = "AVIF support not installed"
    monkeypatch.setitem(Image.OPEN, "AVIF", (None, lambda start: start[4:8] == b"ftyp" and told))
    with pytest.raises(FormatError, match=f"an AVIF that cannot be read: {told}"):
        read(io.BytesIO(b"\0\0\0\x1cftypavif" + bytes(40)))


@pytest.mark.parametrize("text", [b"", b"a", b"hello", b"#include <stdio.h>\n", b"/* a comment */"])
def test_a_text_is_not_an_image_of_a_known_kind(text):
    with pytest.raises(UnknownKindError, match="not an image of a known kind"):
        read(io.BytesIO(text))


@pytest.mark.parametrize("beginning", [b"BM", b"P1 is a name", b"\n\5\1\x08"])
def test_a_text_that_begins_as_a_picture_may_be_passed_over(beginning):
    with pytest.raises(UnknownKindError, match="that cannot be read"):
        read(io.BytesIO(beginning))


@pytest.mark.parametrize("length", range(1, 50, 5))
def test_what_is_cut_short_is_reported_with_a_reason(length):
    file = io.BytesIO()
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(file, "PNG")
    with pytest.raises(FormatError, match=r"\w$|\)$"):
        read(io.BytesIO(file.getvalue()[:length]))
