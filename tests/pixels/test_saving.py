from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from kmq import OptionError
from kmq.pixels import to_file


@pytest.mark.parametrize("extension", [".png", ".PNG", ".gif", ".bmp", ".webp", ".tif", ".jpg"])
def test_every_kind_that_pillow_writes_is_written(extension, random_indexed):
    data = to_file(random_indexed(4, 5, 7).to_pil(), extension)
    assert Image.open(io.BytesIO(data)).size == (7, 5)


@pytest.mark.parametrize("extension", ["", ".txt", ".psd"])
def test_a_kind_that_pillow_does_not_write_is_refused(extension):
    with pytest.raises(OptionError, match="ends in"):
        to_file(Image.new("RGB", (7, 5)), extension)


@pytest.mark.parametrize("extension", [".jpg", ".gif", ".tga", ".webp"])
@pytest.mark.parametrize("mode", ["L", "P", "RGB"])
def test_an_image_that_a_kind_cannot_hold_is_refused(extension, mode):
    with pytest.raises(OptionError, match=f"output: cannot be written as {extension}: "):
        to_file(Image.new(mode, (70_000, 1)), extension)


LOSSY = (".avif", ".avifs", ".jfif", ".jpe", ".jpeg", ".jpg", ".mpo", ".pdf")
NOT_READ_BY_PILLOW_ALONE = {".pdf": b"%PDF", ".eps": b"%!PS", ".ps": b"%!PS"}
COLORS = {"L": 90, "P": 200, "RGB": 300}
WRITTEN = sorted(
    extension
    for extension, kind in Image.registered_extensions().items()
    if kind in Image.SAVE and kind != "KMQ"
)


@pytest.mark.parametrize("mode", COLORS)
@pytest.mark.parametrize("extension", WRITTEN)
def test_every_kind_keeps_every_pixel_or_is_lossy_or_refuses(extension, mode, random_indexed):
    indexed = random_indexed(COLORS[mode], 20, 30, grey=mode == "L")
    image = indexed.to_pil()
    assert image.mode == mode
    try:
        data = to_file(image, extension)
    except OptionError:
        return
    if extension in NOT_READ_BY_PILLOW_ALONE:
        assert data.startswith(NOT_READ_BY_PILLOW_ALONE[extension])
        return
    with Image.open(io.BytesIO(data)) as written:
        assert written.size == image.size
        if extension not in LOSSY:
            assert np.array_equal(np.asarray(written.convert("RGB")), indexed.to_rgb())


@pytest.mark.parametrize("extension", [".qoi", ".sgi", ".rgb", ".rgba", ".bw", ".eps", ".ps"])
def test_kinds_without_palettes_are_written_in_rgb(extension, random_indexed):
    assert to_file(random_indexed(200, 20, 30).to_pil(), extension)


def test_a_gif_of_more_than_256_colours_is_refused(random_indexed):
    with pytest.raises(OptionError, match=r"output: \.gif does not keep"):
        to_file(random_indexed(300, 40, 50).to_pil(), ".gif")


@pytest.mark.parametrize("extension", [".ico", ".icns"])
def test_an_icon_is_written_in_its_own_sizes_alone(extension, random_indexed):
    with pytest.raises(OptionError, match=f"output: {extension} does not keep"):
        to_file(random_indexed(9, 171, 256).to_pil(), extension)
    side = {".ico": 256, ".icns": 1024}[extension]
    assert to_file(random_indexed(9, side, side).to_pil(), extension)


def test_kmq_is_no_ordinary_picture(random_indexed):
    with pytest.raises(OptionError, match="use kmq encode"):
        to_file(random_indexed(9, 4, 5).to_pil(), ".kmq")


@pytest.mark.parametrize("extension", [".png", ".webp", ".tif", ".jp2", ".gif"])
def test_what_can_keep_every_pixel_does(extension):
    indexed = np.random.default_rng(0).integers(0, 16, (20, 30), np.uint8)
    image = Image.frombytes("P", (30, 20), indexed.tobytes())
    image.putpalette(np.random.default_rng(1).integers(0, 256, 48, np.uint8).tobytes())
    with Image.open(io.BytesIO(to_file(image, extension))) as written:
        assert np.array_equal(np.asarray(written.convert("RGB")), np.asarray(image.convert("RGB")))


@pytest.mark.parametrize(("error", "raised"), [(ValueError, OptionError), (MemoryError,) * 2])
@pytest.mark.parametrize("registry", ["OPEN", "SAVE"])
def test_what_pillows_plugins_raise_is_refused_unless_it_is_memory(
    monkeypatch, registry, error, raised
):
    def fail(*_):
        raise error

    plugin = (fail, None) if registry == "OPEN" else fail
    to_file(Image.new("L", (7, 5)), ".gif")
    monkeypatch.setitem(getattr(Image, registry), "GIF", plugin)
    with pytest.raises(raised):
        to_file(Image.new("L", (7, 5)), ".gif")
