"""Files that claim more than they hold, or than there is: refused soon, in little memory."""

from __future__ import annotations

import io
import struct
import threading
import zlib

import pytest
from conftest import ROOT
from PIL import Image
from programs import run

import kmq
from kmq import pixels
from kmq.container import layout

INVALID = ROOT / "formats" / "vectors" / "invalid"

IN_LITTLE_MEMORY = """
import io, resource, time
import kmq
from kmq import pixels
from PIL import Image

Image.preinit()
Image.init()
kmq.decode(sys.argv[1] + "/../valid/colours-17.kmq")
data = sys.stdin.buffer.read()
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
limit = used + int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
started = time.perf_counter()
try:
    if data.startswith(b"\\x89PNG"):
        pixels.read(io.BytesIO(data))
    else:
        print(kmq.load(data))
except kmq.KmqError as error:
    print(type(error).__name__, error)
print(time.perf_counter() - started)
"""
MEGABYTE = 1 << 20


def outcome(data: bytes, megabytes: int = 64) -> str:
    """Return what reading does, in a process that may take so much more memory, and soon."""
    import subprocess
    import sys

    from programs import PREAMBLE

    command = [sys.executable, "-c", PREAMBLE + IN_LITTLE_MEMORY, INVALID]
    done = subprocess.run(
        [*map(str, command), str(megabytes * MEGABYTE)], input=data, capture_output=True, timeout=60
    )
    assert done.returncode == 0, done.stderr.decode()
    told, seconds = done.stdout.decode().splitlines()
    assert float(seconds) < 10
    return told


def png(width: int, height: int) -> bytes:
    """Return a PNG that claims a size and holds one byte of pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(b"\0")), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def claiming(width: int, height: int, colors: int, body: bytes, rows: int | None = None) -> bytes:
    """Return a grey `.kmq` file of one stripe, all its checksums right."""
    head = layout.write_head(width, height, layout.GREY, bytes(colors), rows or height, [(0, body)])
    return head + body + layout.checksum(body)


@pytest.mark.parametrize("size", [(1_000_000, 1_000_000), (1_000_000, 1), (1, 1_000_000)])
def test_a_png_a_million_pixels_wide_or_high_takes_little(size):
    told = outcome(png(*size))
    assert told.startswith("LimitError" if size[0] * size[1] > 1_000_000 else "FormatError")


def test_a_bomb_of_40_bytes_is_refused():
    data = claiming(layout.MAX_SIDE, 1 << 29, 2, b"")
    assert len(data) <= 40
    assert outcome(data).startswith("LimitError 2,147,483,647 x 536,870,912 is ")


@pytest.mark.parametrize("colors", [2, 3])
def test_a_body_too_short_for_what_the_head_claims_is_refused(colors):
    start = (1 << 31) // 3 * 3
    data = claiming(1 << 14, 1 << 13, colors, struct.pack("<Q", start))
    assert outcome(data, megabytes=2 * 128 + 64).startswith("FormatError rows 0 to 8191: ")


def test_an_image_of_one_colour_in_one_stripe_takes_two_bytes_a_pixel():
    data = claiming(1 << 14, 1 << 13, 1, b"")
    assert len(data) < 40
    assert outcome(data, megabytes=2 * 128 + 64) == "<IndexedImage 16384x8192 of 1 colours>"


def test_a_stripe_table_longer_than_the_file_takes_little():
    data = layout.write_head(1, layout.MAX_STRIPES, layout.GREY, b"\0", 1, [(0, b"")] * 3)
    assert "ends within the table entry" in outcome(data) or "checksum" in outcome(data)


@pytest.mark.parametrize(
    "name", ["body-length-overflows", "varint-too-long", "width-too-large", "too-many-stripes"]
)
def test_numbers_that_overflow_take_little(name):
    assert outcome((INVALID / f"{name}.kmq").read_bytes()).startswith("FormatError")


def test_a_file_that_grows_while_it_is_read_is_read_right_or_refused(tmp_path):
    whole = (INVALID.parent / "valid" / "stripes-7.kmq").read_bytes()
    expected = kmq.load(whole)
    path = tmp_path / "growing.kmq"
    path.write_bytes(b"")
    stop = threading.Event()

    def grow() -> None:
        while not stop.is_set():
            with path.open("wb", buffering=0) as file:
                for start in range(0, 2 * len(whole), 50):
                    file.write((whole + whole)[start : start + 50])

    writer = threading.Thread(target=grow)
    writer.start()
    outcomes = set()
    try:
        for _ in range(300):
            for read in (kmq.load, kmq.info):
                try:
                    outcomes.add(read(path) == (expected if read is kmq.load else kmq.info(whole)))
                except kmq.FormatError:
                    outcomes.add("refused")
    finally:
        stop.set()
        writer.join()
    assert outcomes <= {True, "refused"}


@pytest.fixture
def allowed_pixels(monkeypatch):
    """Pillow warns above 100 pixels and refuses above 200."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "ICO"])
@pytest.mark.parametrize("side", [12, 15])
def test_what_pillow_warns_of_is_a_limit_error_and_no_warning(allowed_pixels, kind, side):
    file = io.BytesIO()
    Image.new("RGB", (side, side)).save(
        file, kind, **({"sizes": [(side, side)]} if kind == "ICO" else {})
    )
    # A warning would be an error here, and no LimitError.
    with pytest.raises(kmq.LimitError, match=r"PIL.Image.MAX_IMAGE_PIXELS"):
        pixels.read(file)


def test_up_to_pillows_limit_nothing_is_said(allowed_pixels):
    file = io.BytesIO()
    Image.new("RGB", (10, 10)).save(file, "PNG")
    assert pixels.read(file).rgb.shape == (10, 10, 3)


def test_an_input_that_cannot_seek_is_read():
    class Pipe(io.BytesIO):
        def seek(self, *_):
            raise io.UnsupportedOperation("seek")

    assert pixels.read(Pipe(png_of_one_pixel())).rgb.shape == (1, 1, 3)


def png_of_one_pixel() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (1, 1)).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("step", ["open_image", "_upright_samples"])
def test_memory_that_does_not_suffice_is_not_the_files_fault(monkeypatch, step):
    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(pixels, step, fail)
    with pytest.raises(MemoryError):
        pixels.read(io.BytesIO(png_of_one_pixel()))


def test_a_picture_within_a_file_that_is_a_bomb_is_a_limit_error(monkeypatch):
    from kmq import pillow_opening

    def bomb(_):
        raise Image.DecompressionBombError("Image size exceeds limit.")

    monkeypatch.setattr(pillow_opening, "_identified", bomb)
    with pytest.raises(kmq.LimitError, match=r"exceeds limit\. Raise PIL.Image.MAX_IMAGE_PIXELS"):
        pixels.read(io.BytesIO(b""))


def test_invalid_vectors_are_refused_in_little_memory():
    program = """
import resource
from pathlib import Path
import kmq
from kmq.container import stripes
kmq.decode(sys.argv[1] + "/../valid/colours-17.kmq")
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20),) * 2)
for path in Path(sys.argv[1]).glob("*.kmq"):
    for read in (kmq.load, kmq.info, lambda path: stripes.faults(path.read_bytes())):
        try:
            read(path)
        except kmq.KmqError:
            pass
"""
    run(program, INVALID)
