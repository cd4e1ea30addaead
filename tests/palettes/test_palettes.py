from __future__ import annotations

import json

import numpy as np
import pytest

import kmq
from kmq import palettes
from kmq.image import Palette

PALETTE = Palette([[255, 0, 0], [16, 32, 48], [0, 0, 7]])


@pytest.mark.parametrize(
    "written",
    [
        palettes.to_hex(PALETTE),
        palettes.to_gimp(PALETTE, "a name"),
        palettes.to_json(PALETTE),
        palettes.to_json(PALETTE, [3, 2, 1]),
        "FF0000\n\n// a comment\n; another\n 102030 \n#000007",
        "\ufeff#ff0000\r\n#102030\r\n#000007\r\n",
        '["#ff0000", [16, 32, 48], "000007"]',
        "GIMP Palette\n#\n255 0 0\n16 32 48 name of it\n 0   0   7\n",
        pytest.param(f"GIMP Palette\n255 {'0' * 5_000} 0\n16 32 48\n0 0 7\n", id="endless zeros"),
    ],
)
def test_what_is_written_and_what_people_write_is_read(written):
    assert palettes.parse(written.encode()) == PALETTE


@pytest.mark.parametrize("colors", [[[1, 2, 3], [4, 5, 6]], [[7, 7, 7]]])
def test_the_palette_of_a_kmq_file_is_read(colors):
    assert palettes.parse(kmq.encode(kmq.IndexedImage(colors, [[0]]))) == Palette(colors)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("#ff0000\nred\n", "line 2: expected a colour such as #1e90ff, got 'red'"),
        ("#ff0000\n#12345\n", "line 2"),
        ("GIMP Palette\n#\n1 2 3\n1 2 256\n", "line 4: .*got '1 2 256'"),
        ("GIMP Palette\n1 2\n", "line 2"),
        ('["#ff0000",\n "nonsense"]', "colour 2"),
        ("[[1, 2, 3],\n [1, 2]]", "colour 2"),
        ("[[1, 2, true]]", "colour 1"),
        ('["#ff0000",\n', "line 2: not JSON"),
        ('{"colours": []}', 'as "colors"'),
        ("[[1, 2, [[[[[[[[3]]]]]]]]]]", "colour 1"),
        ("", "expected 1 to 65,536 colours, the file holds none"),
        ("[]", "the file holds none"),
        ("GIMP Palette\n#\n", "the file holds none"),
        ("#000000\n" * 65_537, "the file holds 65,537"),
        pytest.param("[" * 100_000, "nested too deeply", id="brackets"),
        pytest.param("[" * 900 + "7" + "]" * 900, "colour 1", id="matching brackets"),
        pytest.param(f"[[1{'0' * 5_000}, 0, 0]]", "too many digits", id="digits in JSON"),
        pytest.param(f"GIMP Palette\n1{'0' * 5_000} 0 0\n", "line 2", id="digits in .gpl"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(written, message):
    with pytest.raises(kmq.FormatError, match=message):
        palettes.parse(written.encode())


def test_what_is_no_text_is_refused():
    with pytest.raises(kmq.FormatError, match="neither text nor"):
        palettes.parse(b"\xff\xfe\x00")


def test_json_tells_how_many_pixels_have_each_colour():
    described = json.loads(palettes.to_json(PALETTE, [3, 2, 1]))
    assert described == {"colors": ["#ff0000", "#102030", "#000007"], "pixels": [3, 2, 1]}


def test_a_name_of_several_lines_stays_on_one():
    assert "Name: a b\n" in palettes.to_gimp(PALETTE, "a\nb")


@pytest.mark.parametrize(("colors", "size"), [(1, (32, 32)), (16, (512, 32)), (17, (512, 64))])
def test_a_swatch_picture_shows_every_colour(colors, size):
    entries = np.arange(3 * colors, dtype=np.uint8).reshape(-1, 3)
    picture = palettes.to_picture(Palette(entries))
    assert picture.size == size
    for number, entry in enumerate(entries.tolist()):
        row, column = divmod(number, 16)
        assert picture.getpixel((32 * column + 31, 32 * row)) == tuple(entry)
