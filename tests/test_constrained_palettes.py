"""`bits` and `pinned`, in the library and on the command line."""

from __future__ import annotations

import io

import numpy as np
import pytest
import tifffile
from click.testing import CliRunner
from clustering.images import noise
from conftest import opened
from PIL import Image

import kmq
from kmq.channel_bits import ChannelBits
from kmq.cli import kmq as command
from kmq.codec import streaming
from kmq.errors import OptionError
from kmq.options import Options

PIXELS = noise(24, 31, seed=1)
PINS = ["#ff0000", "white", (1, 2, 3)]
PINNED = [[255, 0, 0], [255, 255, 255], [1, 2, 3]]


def run(*arguments):
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


@pytest.fixture
def photo(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(PIXELS).save("photo.png")
    return tmp_path


def all_shown(palette, bits):
    levels = ChannelBits.of(bits).levels
    return all(np.isin(palette[:, channel], levels[channel]).all() for channel in range(3))


def test_pins_come_first_in_the_order_given():
    assert kmq.quantize(PIXELS, 9, pinned=PINS).palette[:3].tolist() == PINNED
    data = kmq.encode(PIXELS, 9, pinned=PINS)
    assert kmq.load(data) == kmq.quantize(PIXELS, 9, pinned=PINS)
    histogram = kmq.Histogram.from_image(PIXELS)
    assert kmq.fit(histogram, 9, pinned=PINS).colors[:3].tolist() == PINNED


@pytest.mark.parametrize("bits", ["565", 444])
def test_entries_are_those_that_the_hardware_shows(bits):
    assert all_shown(kmq.quantize(PIXELS, 30, bits=bits).palette, bits)
    assert all_shown(kmq.fit(kmq.Histogram.from_image(PIXELS), 30, bits=bits).colors, bits)
    assert kmq.Options(bits=bits).bits == str(bits)


@pytest.mark.parametrize("effort", ["fast", "default"])
def test_cheaper_indices_never_move_an_entry(effort):
    options = {"pinned": PINS[:2], "bits": "444", "effort": effort}
    plain = kmq.quantize(PIXELS, 40, **options)
    cheap = kmq.quantize(PIXELS, 40, rdo=2, **options)
    assert np.array_equal(cheap.palette, plain.palette)
    assert not np.array_equal(cheap.indices, plain.indices)


def test_a_target_may_have_bits_but_no_pins():
    found = kmq.quantize(PIXELS, psnr=20, bits="444")
    assert all_shown(found.palette, "444")
    assert kmq.encode(PIXELS, max_bytes=900, bits="332")
    for target in ({"psnr": 30}, {"max_bytes": 900}):
        with pytest.raises(OptionError, match="pinned: cannot be asked for together with a targ"):
            kmq.encode(PIXELS, pinned=PINS, **target)


def test_a_target_that_the_hardware_cannot_reach_is_reported():
    with pytest.raises(OptionError, match="out of reach"):
        kmq.quantize(PIXELS, psnr=60, bits="332")


def test_a_palette_of_an_images_own_is_not_kept():
    image = Image.fromarray(PIXELS).quantize(20)
    assert all_shown(kmq.quantize(image, bits="332").palette, "332")
    assert kmq.quantize(image, pinned=PINS).palette[:3].tolist() == PINNED
    many = [(i, 0, 0) for i in range(30)]
    assert len(kmq.quantize(image, pinned=many).palette) == 30


def test_as_many_colours_as_pins_are_the_least_where_none_are_asked_for():
    many = [(i, i, 0) for i in range(80)]
    assert kmq.quantize(PIXELS, pinned=many).palette.tolist() == [list(pin) for pin in many]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pinned": PINS, "colors": 2}, r"pinned: 3 colours are more than the 2 in all"),
        ({"pinned": ["red", "#f00"]}, r"pinned: #ff0000 is given twice"),
        ({"pinned": "red"}, r"pinned: expected a list of colours, got 'red'"),
        ({"pinned": 5}, r"pinned: expected a list of colours, got 5"),
        ({"pinned": ["nonsense"]}, r"pinned: 'nonsense' is no colour"),
        ({"pinned": [(1, 2)]}, r"pinned: expected a colour's name or three numbers"),
        ({"pinned": ["#ff000080"]}, r"pinned: '#ff000080' is not opaque"),
        ({"pinned": ["#ff0001"], "bits": 565}, r"565 bits do not show #ff0001; .* is #ff0000"),
        ({"bits": 888}, r"bits: expected one of 565, 555, 444, 332, got 888"),
    ],
)
def test_what_cannot_be_is_refused_by_name(options, message):
    with pytest.raises(OptionError, match=message):
        kmq.quantize(PIXELS, **options)


def test_an_indexed_image_and_labels_take_neither():
    indexed = kmq.quantize(PIXELS, 5)
    labels = kmq.IndexedImage.from_labels(np.arange(12).reshape(3, 4))
    for name, value in (("bits", "565"), ("pinned", ["red"])):
        with pytest.raises(OptionError, match=f"{name}: an IndexedImage"):
            kmq.encode(indexed, **{name: value})
        with pytest.raises(OptionError, match=f"{name}: an IndexedImage"):
            kmq.encode(labels, **{name: value})


def test_the_commands_take_them(photo):
    pins = ("--pin", "#ff0000", "--pin", "white")
    assert run("encode", "photo.png", "-k", 9, *pins).exit_code == 0
    assert kmq.load("photo.kmq") == kmq.quantize(PIXELS, 9, pinned=PINS[:2])
    assert run("quantize", "photo.png", "-k", 9, *pins, "-o", "x.png").exit_code == 0
    assert opened(photo / "x.png").getpalette()[:6] == [255, 0, 0, 255, 255, 255]
    printed = run("palette", "photo.png", "-k", 9, *pins, "--bits", 565)
    assert printed.stdout.split()[:2] == ["#ff0000", "#ffffff"]


def test_a_picture_in_bands_gives_the_file_of_the_whole():
    stored = io.BytesIO()
    tifffile.imwrite(stored, PIXELS, photometric="rgb", rowsperstrip=5)
    options = Options(colors=9, bits="565", pinned=["red"])
    out = io.BytesIO()
    streaming.encode_bands(streaming.open_bands(stored, options), out, options)
    stored.seek(0)
    assert out.getvalue() == kmq.encode(stored, 9, bits="565", pinned=["red"])


def test_pillow_takes_them(tmp_path):
    weights = np.arange(24 * 31).reshape(24, 31)
    options = {"colors": 9, "pinned": ["red"], "bits": 565, "weights": weights}
    Image.fromarray(PIXELS).save(tmp_path / "x.kmq", **options)
    assert kmq.load(tmp_path / "x.kmq") == kmq.quantize(PIXELS, **options)


def test_labels_in_a_kmq_file_keep_their_palette(photo):
    kmq.save("mask.kmq", kmq.IndexedImage.from_labels(np.arange(12).reshape(3, 4)))
    result = run("encode", "mask.kmq", "--bits", 565, "-o", "x.kmq")
    assert result.exit_code == 1
    assert "bits: labels keep their own palette" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-k", 1, "--pin", "red", "--pin", "blue"], "--pin: 2 colours are more than the 1"),
        (["--pin", "red", "--palette", "c64"], "leaves nothing to choose for --pin"),
        (["--bits", 565, "--palette", "c64"], "leaves nothing to choose for --bits"),
        (["--pin", "red", "--psnr", 30], "--pin: cannot be asked for together"),
        (["--bits", 566], "'566' is not one of"),
        (["--labels", "--pin", "red"], "leaves nothing to choose for --pin"),
    ],
)
def test_wrong_usage_is_reported(photo, arguments, message):
    result = run("encode", "photo.png", *arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
