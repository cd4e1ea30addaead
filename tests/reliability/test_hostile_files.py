"""Files that claim more than they contain, or than fits: refused quickly, in little memory."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
import threading
import zlib

import pytest
from conftest import ROOT
from PIL import GifImagePlugin, Image

import kmq
from kmq import pixels
from kmq.container.fields import CHECKSUM_BYTES, checksum
from kmq.container.head import GREY, MOST_STRIPE_PIXELS, PACKED, write_head
from kmq.pixels import opening
from reliability.programs import run

VECTORS = ROOT / "formats" / "vectors"


def png(width: int, height: int) -> bytes:
    """Return a PNG that claims a size but contains one byte of pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(b"\0")), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def claiming(width: int, height: int, colors: int, body: bytes, coding: int = PACKED) -> bytes:
    """Return a grey `.kmq` file of the largest stripes, each of one body, its checksums right."""
    rows = min(MOST_STRIPE_PIXELS // width, height)
    bodies = [(coding, body)] * -(-height // rows)
    head = write_head(width, height, GREY, bytes(range(colors)), rows, bodies)
    return head + (body + checksum(body)) * len(bodies)


def without_table(stripes: int) -> bytes:
    """Return a head that ends before its table of this many stripes."""
    head = write_head(4096, stripes, GREY, b"\0", 1, [])
    return head[:-CHECKSUM_BYTES]


STATE = struct.pack("<Q", (1 << 31) // 3 * 3)
BOMB = claiming(1 << 22, 1 << 10, 2, b"")
ONE_COLOR = claiming(1 << 14, 1 << 13, 1, b"")

CASES = {
    "a PNG a million pixels wide and high": (png(10**6, 10**6), 64, "LimitError 1,000,000 x "),
    "a PNG a million pixels wide": (png(10**6, 1), 64, "FormatError a PNG that cannot be read: "),
    "a PNG a million pixels high": (png(1, 10**6), 64, "FormatError a PNG that cannot be read: "),
    "7 KB that claim 2^32 pixels": (BOMB, 64, "LimitError 4,194,304 x 1,024 is "),
    "a table longer than the file": (without_table(1 << 16), 64, "FormatError the file ends with"),
    # If the claim is allowed, all indices plus one stripe's: two bytes per pixel.
    "fields missing": (claiming(1 << 14, 1 << 13, 2, STATE), 2 * 128 + 64, "FormatError rows 0 to"),
    "words missing": (claiming(1 << 14, 1 << 13, 3, STATE), 2 * 128 + 64, "FormatError rows 0 to"),
    "one colour": (ONE_COLOR, 2 * 128 + 64, "<IndexedImage 16384x8192 of 1 colours>"),
} | {
    f"invalid {path.stem}": (path.read_bytes(), 64, "FormatError ")
    for path in sorted((VECTORS / "invalid").glob("*.kmq"))
}
"""The input, the megabytes that reading it may take, and the expected outcome."""

IN_LITTLE_MEMORY = """
import io, json, resource, time
from pathlib import Path
import kmq
from kmq import pixels
from PIL import Image

def read(data):
    try:
        if data.startswith(b"\\x89PNG"):
            return str(pixels.read(io.BytesIO(data)))
        return str(kmq.load(data))
    except kmq.KmqError as error:
        return f"{type(error).__name__} {error}"

Image.init()
for path in Path(sys.argv[1]).glob("*.kmq"):  # loads the kernels
    kmq.decode(path)
told = {}
for path in Path(sys.argv[2]).iterdir():
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    allowed = used + int(path.suffix[1:]) * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (allowed, resource.RLIM_INFINITY))
    started = time.perf_counter()
    told[path.stem] = read(path.read_bytes()), time.perf_counter() - started
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """The outcome of each case, in a process with limited additional memory for it."""
    folder = tmp_path_factory.mktemp("cases")
    for name, (data, megabytes, _) in CASES.items():
        (folder / f"{name}.{megabytes}").write_bytes(data)
    return json.loads(run(IN_LITTLE_MEMORY, VECTORS / "valid", folder).stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on address space, and /proc")
@pytest.mark.parametrize("name", CASES)
def test_what_claims_too_much_is_refused_soon_and_in_little_memory(told, name):
    came_of_it, seconds = told[name]
    assert came_of_it.startswith(CASES[name][2])
    assert seconds < 10


def test_what_claims_too_much_is_small():
    assert len(BOMB) < 7_000
    assert len(ONE_COLOR) < 300


def test_a_file_that_grows_while_it_is_read_is_read_right_or_refused(tmp_path):
    whole = (VECTORS / "valid" / "stripes-7.kmq").read_bytes()
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


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "PPM", "ICO"])
@pytest.mark.parametrize("side", [12, 15])
def test_pillows_own_limit_is_none_of_kmqs(allowed_pixels, monkeypatch, kind, side):
    # Not for WebP, whose reader itself checks Pillow's limit.
    monkeypatch.setattr(opening, "_PILLOWS_OWN_LIMIT", 100)
    file = io.BytesIO()
    Image.new("RGB", (side, side)).save(
        file, kind, **({"sizes": [(side, side)]} if kind == "ICO" else {})
    )
    assert pixels.read(file).rgb.shape == (side, side, 3)


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


@pytest.mark.parametrize("step", ["open_image", "decoded"])
def test_memory_that_does_not_suffice_is_not_the_files_fault(monkeypatch, step):
    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(pixels, step, fail)
    with pytest.raises(MemoryError):
        pixels.read(io.BytesIO(png_of_one_pixel()))


@pytest.mark.parametrize(
    ("reader", "what"), [(Image.Image, "getexif"), (GifImagePlugin.GifImageFile, "n_frames")]
)
def test_nor_is_it_what_metadata_says(monkeypatch, reader, what):
    def fail(*_):
        raise MemoryError

    file = io.BytesIO()
    Image.new("L", (3, 2)).save(file, "GIF")
    monkeypatch.setattr(reader, what, fail if what == "getexif" else property(fail))
    with pytest.raises(MemoryError):
        pixels.read(file)


@pytest.mark.parametrize(("side", "allowed"), [(30_000, ()), (40, ("--max-pixels", "1000"))])
def test_a_bomb_within_an_icon_is_refused_before_it_is_decoded(tmp_path, side, allowed):
    bomb = png(side, side)
    head = struct.pack("<HHHBBBBHHII", 0, 1, 1, 16, 16, 0, 0, 1, 32, len(bomb), 22)
    (tmp_path / "icon.ico").write_bytes(head + bomb)
    program = "from kmq.cli import main; main()"
    command = [sys.executable, "-c", program, "encode", tmp_path / "icon.ico", *allowed]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 1
    assert "over the limit" in done.stderr
    assert "--max-pixels" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_picture_within_a_file_that_is_a_bomb_is_a_limit_error(monkeypatch):
    from kmq.pixels import opening

    def bomb(_):
        raise Image.DecompressionBombError("Image size exceeds limit.")

    monkeypatch.setattr(opening, "_identified", bomb)
    with pytest.raises(kmq.LimitError, match=r"exceeds limit\. Raise PIL.Image.MAX_IMAGE_PIXELS"):
        pixels.read(io.BytesIO(b""))
