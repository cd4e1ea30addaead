"""`--raw` and `--header`: indices for display drivers."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import numpy as np
import oracle
import pytest
from click.testing import CliRunner
from PIL import Image

import kmq
from kmq import raw
from kmq.cli import kmq as command
from kmq.errors import OptionError
from kmq.raw import RawForm, c_header

FORMS = [RawForm(bits, order) for bits in raw.BITS for order in raw.ORDERS]


def run(*arguments, input=None):
    return CliRunner().invoke(command, [str(argument) for argument in arguments], input=input)


def reversed_fields(data, bits):
    """The same bytes with the fields of each in reverse order."""
    fields = [
        [byte >> bits * place & (1 << bits) - 1 for place in range(8 // bits)] for byte in data
    ]
    return bytes(
        sum(field << bits * (8 // bits - 1 - place) for place, field in enumerate(each))
        for each in fields
    )


def packed_by_hand(indices, form):
    rows = b"".join(oracle.packed_bits(row, form.bits) for row in indices.tolist())
    return rows if form.order == "msb" else reversed_fields(rows, form.bits)


@pytest.fixture
def gcc():
    found = shutil.which("gcc")
    if found is None:
        if os.environ.get("KMQ_TEST_EVERYTHING"):
            pytest.fail("needs gcc")
        pytest.skip("needs gcc, which is not here")
    return found


@pytest.fixture
def photo(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rgb = np.random.default_rng(0).integers(0, 256, (12, 17, 3), np.uint8)
    Image.fromarray(rgb).save("photo.png")
    return rgb


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("width", [1, 7, 8, 9, 16])
def test_rows_are_packed_as_by_hand(random_indexed, form, width):
    indexed = random_indexed(form.most_colors, 5, width)
    data = raw.packed(indexed, form)
    assert data == packed_by_hand(indexed.indices, form)
    assert len(data) == 5 * form.row_bytes(width)


@pytest.mark.parametrize(("colors", "bits"), [(3, 1), (5, 2), (17, 4), (257, 8)])
def test_a_palette_too_large_for_the_bits_is_refused(random_indexed, colors, bits):
    with pytest.raises(OptionError, match=rf"raw: a palette of {colors} entries needs"):
        raw.packed(random_indexed(colors, 2, 3), RawForm(bits))


def test_decode_and_quantize_write_the_same_indices(photo, tmp_path):
    assert run("encode", "photo.png", "-k", 13).exit_code == 0
    assert run("decode", "photo.kmq", "--raw", 4, "-o", "a.bin").exit_code == 0
    assert run("quantize", "photo.png", "-k", 13, "--raw", 4, "-o", "b.bin").exit_code == 0
    expected = raw.packed(kmq.quantize(photo, 13), RawForm(4))
    assert (tmp_path / "a.bin").read_bytes() == (tmp_path / "b.bin").read_bytes() == expected
    piped = run("decode", "-", "--raw", 4, "--order", "lsb", input=kmq.encode(photo, 13))
    assert piped.stdout_bytes == reversed_fields(expected, 4)


def test_names_that_are_not_given_end_in_bin_or_h(photo, tmp_path):
    run("encode", "photo.png", "-k", 2)
    assert run("decode", "photo.kmq", "--raw", 1).exit_code == 0
    assert run("decode", "photo.kmq", "--raw", 1, "--header", "photo").exit_code == 0
    assert {"photo.bin", "photo.h"} <= {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize(("bits", "colors"), [(1, 2), (2, 4), (4, 16)])
def test_without_a_number_of_colours_there_are_as_many_as_fit(photo, bits, colors):
    result = run("quantize", "photo.png", "--raw", bits, "-o", "x.bin")
    assert f", {colors} colours, " in result.stderr


def test_the_indices_of_a_panel_are_the_numbers_of_its_controller(photo, tmp_path):
    result = run("quantize", "photo.png", "--palette", "spectra6", "--raw", 4, "-o", "x.bin")
    assert result.exit_code == 0
    data = (tmp_path / "x.bin").read_bytes()
    numbers = {number for byte in data for number in (byte >> 4, byte & 15)}
    assert numbers <= {0, 1, 2, 3, 5, 6}


def array(text, name):
    """The numbers of an array in a C header."""
    body = re.search(rf"\b{name}\[[^=]*= {{(.*?)\n}};", text, re.DOTALL)[1]
    return [int(number, 0) for number in re.findall(r"0x[0-9a-f]+|\d+", body)]


@pytest.mark.parametrize("width", [1, 5, 40])
def test_a_header_holds_the_indices_the_palette_and_the_size(random_indexed, width):
    indexed = random_indexed(13, 6, width)
    text = c_header.written(indexed, RawForm(4, "lsb"), "icon").decode()
    assert bytes(array(text, "icon")) == raw.packed(indexed, RawForm(4, "lsb"))
    assert array(text, "icon_palette") == indexed.palette.ravel().tolist()
    macros = dict(re.findall(r"#define (\w+) (\d+)", text))
    assert macros == {
        "ICON_WIDTH": str(width),
        "ICON_HEIGHT": "6",
        "ICON_BITS": "4",
        "ICON_ROW_BYTES": str(-(-width // 2)),
        "ICON_COLORS": "13",
    }
    assert "icon_palette_565" not in text
    assert max(map(len, text.splitlines())) <= 100


def test_a_palette_that_rgb565_shows_is_there_in_rgb565_too():
    image = kmq.quantize(np.random.default_rng(1).integers(0, 256, (9, 9, 3)), 7, bits=565)
    text = c_header.written(image, RawForm(8), "x").decode()
    expected = [
        (red * 31 + 127) // 255 << 11 | (green * 63 + 127) // 255 << 5 | (blue * 31 + 127) // 255
        for red, green, blue in image.palette.tolist()
    ]
    assert array(text, "x_palette_565") == expected


PROGRAM = """
#include <stdio.h>
#include "frame.h"
int main(void) {
    unsigned long sum = 0;
    for (unsigned row = 0; row < FRAME_HEIGHT; row++)
        for (unsigned x = 0; x < FRAME_WIDTH; x++) {
            unsigned shift = (1 - x % 2) * FRAME_BITS;
            unsigned index = frame[row * FRAME_ROW_BYTES + x / 2] >> shift & 15;
            sum = sum * 31 + frame_palette[index][1] + frame_palette_565[index];
            sum %= 1000003;
        }
    printf("%lu %d\\n", sum, FRAME_COLORS);
    return sizeof frame != FRAME_HEIGHT * FRAME_ROW_BYTES;
}
"""


def test_gcc_compiles_a_header_without_a_warning_and_reads_it_as_written(gcc, photo, tmp_path):
    options = ["-k", 9, "--bits", 565]
    result = run(
        "quantize", "photo.png", *options, "--raw", 4, "--header", "frame", "-o", "frame.h"
    )
    assert result.exit_code == 0, result.stderr
    (tmp_path / "main.c").write_text(PROGRAM)
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic"]
    subprocess.run([gcc, *flags, "main.c", "-o", "main"], check=True)
    done = subprocess.run(["./main"], capture_output=True, text=True, check=True)
    indexed = kmq.quantize(photo, 9, bits=565)
    total = 0
    for red, green, blue in indexed.palette[indexed.indices].reshape(-1, 3).tolist():
        total = (total * 31 + green + (red >> 3 << 11 | green >> 2 << 5 | blue >> 3)) % 1000003
    assert done.stdout == f"{total} 9\n"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("3d", "begins with no digit"),
        ("my frame", "is no name in C"),
        ("größe", "is no name in C"),
        ("", "is no name in C"),
        ("int", "reserves the name int"),
        ("class", "reserves the name class"),
        ("uint8_t", "reserves the name uint8_t"),
        ("_Frame", "reserves the name _Frame"),
        ("a__b", "reserves the name a__b"),
        ("a" * 41, "41 characters"),
    ],
)
def test_a_name_that_c_does_not_take_is_wrong_usage(photo, name, message):
    result = run("quantize", "photo.png", "--raw", 4, "--header", name, "-o", "x.h")
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_a_header_of_a_transparent_palette_is_refused(photo):
    rgba = np.zeros((3, 4, 4), np.uint8)
    rgba[0] = 255
    kmq.save("icon.kmq", rgba)
    assert run("decode", "icon.kmq", "--raw", 1).exit_code == 0
    result = run("decode", "icon.kmq", "--raw", 1, "--header", "icon")
    assert result.exit_code == 1
    assert "header: the palette has transparent colours" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["decode", "x.kmq", "--order", "lsb"], "--order is for the indices of --raw"),
        (["decode", "x.kmq", "--header", "x"], "--header is for the indices of --raw"),
        (["decode", "x.kmq", "--raw", 3], "'3' is not one of"),
        (["decode", "x.kmq", "--raw", 4, "--bleed"], "nothing to do for --bleed"),
        (["decode", "x.kmq", "--raw", 4, "-o", "x.png"], "x.png: --raw writes no picture"),
        (["quantize", "x.png", "--raw", 4, "-o", "x.kmq"], "x.kmq: --raw writes no picture"),
        (["quantize", "x.png", "--raw", 4, "--max-bytes", 9, "-o", "x"], "nothing to do for"),
    ],
)
def test_wrong_usage_is_reported(arguments, message):
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_too_many_colours_for_the_bits_fail_by_name(photo):
    result = run("quantize", "photo.png", "-k", 17, "--raw", 4, "-o", "x.bin")
    assert result.exit_code == 1
    assert "raw: a palette of 17 entries needs 5 bits per pixel; 4 number 16" in result.stderr
