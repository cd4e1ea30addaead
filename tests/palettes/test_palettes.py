"""Palettes as files: what is written is read again, and what other tools write."""

from __future__ import annotations

import contextlib
import io
import json
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

import kmq
from kmq import palettes
from kmq.image import Palette
from kmq.palettes import KINDS, kind_named

PALETTE = Palette([[255, 0, 0], [16, 32, 48], [0, 0, 7]])
TOOLS = Palette([[0, 0, 0], [224, 60, 40], [255, 255, 255], [13, 32, 48]])
NAMES = [kind.name for kind in KINDS]


def read(data: bytes | str, name: str = "") -> Palette:
    return palettes.read(io.BytesIO(data.encode() if isinstance(data, str) else data), name=name)


def written(palette: Palette, kind: str, **details) -> bytes:
    return palettes.write(palette, kind_named(kind), **details)


def picture_file(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def arrays(most: int, columns: int = 3):
    row = st.lists(st.integers(0, 255), min_size=columns, max_size=columns)
    return st.lists(row, min_size=1, max_size=most).map(Palette)


@pytest.mark.parametrize("kind", NAMES)
@given(palette=arrays(20))
def test_any_palette_survives_each_kind(kind, palette):
    assert read(written(palette, kind, name="a b"), f"x.{kind}") == palette


@pytest.mark.parametrize(
    "kind", [kind.name for kind in KINDS if kind.has_alpha and kind.name != "act"]
)
@given(palette=arrays(9, columns=4))
def test_any_palette_with_alpha_survives_the_kinds_that_have_alpha(kind, palette):
    assert read(written(palette, kind)) == palette


@pytest.mark.parametrize("size", [1, 255, 256, 257, 4097])
@pytest.mark.parametrize("kind", NAMES)
def test_each_kind_holds_as_many_colours_as_it_says(kind, size):
    codes = np.arange(size) * 4099 % (1 << 24)
    palette = Palette(np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=1))
    if size > kind_named(kind).most:
        with pytest.raises(kmq.OptionError, match=f"the kind {kind} holds at most"):
            written(palette, kind)
    else:
        assert read(written(palette, kind), f"x.{kind}") == palette


@pytest.mark.parametrize(
    "data",
    [
        b"GIMP Palette\nChannels: RGBA\n#\n  0   0   0 255 name\n224  60  40 255 name\n"
        b"255 255 255 255 name\n 13  32  48 255 name\n",
        "GIMP Palette\nName: Farben für Grün\n#\n0 0 0\tBlack\n224 60 40\tRed 4\n"
        "255 255 255\tWhite\n13 32 48\tIndex 3\n".encode("latin-1"),
        "GIMP Palette\r\nName: x\r\n0 0 0\r\n224 60 40 ü\r\n255 255 255\r\n13 32 48".encode(
            "utf-16"
        ),
        "GIMP Palette\n0 0 0\n224 60 40\n255 255 255\n13 32 48\n".encode("utf-16-le"),
        "GIMP Palette\n0 0 0\n224 60 40\n255 255 255\n13 32 48\n".encode("utf-16-be"),
        b"JASC-PAL\r\n0100\r\n4\r\n0 0 0\r\n224 60 40\r\n255 255 255\r\n13 32 48\r\n",
        b"JASC-PAL\n0100\n4\n0 0 0 255\n224 60 40 255\n255 255 255 255\n13 32 48 255\n\n",
        b";paint.net Palette File\n;Colors: 4\nFF000000\nFFE03C28\nFFFFFFFF\nFF0D2030\n",
        b"0 0 0\n224 60 40\n255 255 255\n13 32 48",
        b"! X11\n# remark\n0,0,0 black\n224, 60, 40\n255\t255 255 255\n013 032 048 dark blue 2\n",
        b"#000\n#e03c28\n#fff\n#0d2030",
        b"0x000000, 0xE03C28, 0xFFFFFF, 0x0D2030,\n",
        b"'000000','e03c28','ffffff','0d2030'\n",
        b"000000ff e03c28ff ffffffff 0d2030ff",
        b"ff000000\nffe03c28\nffffffff\nff0d2030\n",
        b"0xff000000\n0xffe03c28\n0xffffffff\n0xff0d2030 // dark\n\x1a",
        b"#000000ff\n#E03C28FF\n#FFFF\n#0d2030FF\n",
        b":root { --a: #000; --b: rgb(224, 60, 40); --c: white; --gap: 4px;\n"
        b"  /* #123456 */ background: url(#abc) #0d2030ff no-repeat }",
        b"// old: #123456;\n$a: hsl(0 0% 0%);\n$b: #e03c28;\n@c: rgb(100% 100% 100%);\n"
        b"--d: rgba(13, 32, 48, 1)",
        b'[{"r": 0, "g": 0, "b": 0}, {"hex": "#e03c28"}, {"rgb": [255, 255, 255]}, "0d2030"]',
        b'{"name": "x", "colors": ["000", [224, 60, 40, 255], "#fff", "0x0d2030"]}',
    ],
)
def test_what_other_tools_and_people_write_is_read(data):
    assert read(data) == TOOLS


@pytest.mark.parametrize(
    "text",
    [
        "FF0000\n\n// a comment\n; another\n 102030 \n#000007",
        "\ufeff#ff0000\r\n#102030\r\n#000007\r\n",
        '["#ff0000", [16, 32, 48], "000007"]',
        "GIMP Palette\n#\n255 0 0\n16 32 48 name of it\n 0   0   7\n",
        pytest.param(f"GIMP Palette\n255 {'0' * 5_000} 0\n16 32 48\n0 0 7\n", id="endless zeros"),
    ],
)
def test_comments_names_and_byte_order_marks_are_no_colours(text):
    assert read(text) == PALETTE


def test_three_numbers_are_levels_and_not_short_hex_codes():
    assert read("100 200 255\n0 0 7\n") == Palette([[100, 200, 255], [0, 0, 7]])


def act(count: int, transparent: int = 0xFFFF) -> bytes:
    return TOOLS.colors.tobytes().ljust(768, b"\0") + struct.pack(">HH", count, transparent)


@pytest.mark.parametrize("name", ["", "x.act"])
def test_an_act_file_has_256_colours_or_as_many_as_it_says(name):
    assert read(act(4), name) == TOOLS
    assert len(read(act(4)[:768], name)) == 256
    assert read(act(4, 2), name).to_rgba()[:, 3].tolist() == [255, 255, 0, 255]
    with pytest.raises(kmq.FormatError, match="byte 768: the number of colours is 257"):
        read(act(257), name)


def test_an_act_file_holds_one_clear_colour():
    palette = Palette([[1, 2, 3, 255], [4, 5, 6, 0]])
    assert read(written(palette, "act")) == palette
    with pytest.raises(kmq.OptionError, match="one transparent colour"):
        written(Palette([[1, 2, 3, 254]]), "act")


def test_an_aco_file_may_have_version_2_and_other_colour_spaces():
    first = struct.pack(">HH", 1, 3) + struct.pack(">5H", 0, 0xE000, 0x3C3C, 0x28FF, 0)
    first += struct.pack(">5H", 8, 10_000, 0, 0, 0) + struct.pack(">5H", 1, 0, 0xFFFF, 0xFFFF, 0)
    expected = Palette([[224, 60, 40], [255, 255, 255], [255, 0, 0]])
    second = struct.pack(">HH", 2, 1) + struct.pack(">5H", 0, 257, 514, 771, 0)
    second += struct.pack(">I", 2) + "a\0".encode("utf-16-be")
    assert read(first) == read(first + second) == expected
    assert read(second) == Palette([[1, 2, 3]])


def ase(*blocks: tuple[int, bytes]) -> bytes:
    data = b"ASEF" + struct.pack(">HHI", 1, 0, len(blocks))
    return data + b"".join(struct.pack(">HI", kind, len(body)) + body for kind, body in blocks)


def swatch(model: bytes, *levels: float) -> tuple[int, bytes]:
    name = struct.pack(">H", 2) + "a\0".encode("utf-16-be")
    return 1, name + model + struct.pack(f">{len(levels)}fH", *levels, 0)


def test_an_ase_file_may_have_groups_and_greys():
    group = 0xC001, struct.pack(">H", 2) + "g\0".encode("utf-16-be")
    data = ase(group, swatch(b"RGB ", 1, 0.2, 0), swatch(b"Gray", 0.6), (0xC002, b""))
    assert read(data) == Palette([[255, 51, 0], [153, 153, 153]])


def test_a_riff_file_may_have_other_chunks():
    data = written(PALETTE, "riff")
    more = b"note" + struct.pack("<I", 3) + b"abc\0"
    assert read(data[:12] + more + data[12:]) == PALETTE


@pytest.mark.parametrize("colors", [[[1, 2, 3], [4, 5, 6]], [[7, 7, 7]]])
def test_the_palette_of_a_kmq_file_is_read(colors):
    assert read(kmq.encode(kmq.IndexedImage(colors, [[0]]))) == Palette(colors)


def test_only_the_head_of_a_kmq_file_is_read():
    data = kmq.encode(kmq.IndexedImage(PALETTE, [[0, 1, 2, 0, 1, 2, 2]]))
    assert read(data[:-5]) == PALETTE


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_an_indexed_picture_gives_its_palette_with_equal_and_unused_entries(kind):
    colors = [[5, 6, 7], [0, 0, 9], [5, 6, 7], [200, 0, 0]]
    image = Image.frombytes("P", (3, 1), b"\2\0\0")
    image.putpalette(np.array(colors, np.uint8).tobytes(), "RGB")
    assert read(picture_file(image, kind)).colors[:4].tolist() == colors


def test_a_gif_gives_its_palette():
    colors = [[5, 6, 7], [0, 0, 9], [5, 6, 7], [200, 0, 0]]
    data = b"GIF89a\1\0\1\0\x81\0\0" + np.array(colors, np.uint8).tobytes()
    data += b"\x2c\0\0\0\0\1\0\1\0\0\2\2\x44\1\0\x3b"
    assert read(data).colors.tolist() == colors


def test_the_palette_of_a_picture_is_converted_from_its_profile():
    # In a matrix profile the primaries are what is swapped, so the channels are too.
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = profile.index(b"rXYZ"), profile.index(b"gXYZ")
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    image = Image.frombytes("P", (2, 1), b"\0\1")
    image.putpalette(bytes([5, 60, 7, 200, 0, 0]), "RGB")
    converted = read(picture_file(image, icc_profile=bytes(profile))).colors.astype(int)
    assert np.abs(converted - [[60, 5, 7], [0, 200, 0]]).max() <= 1


@pytest.mark.parametrize(
    ("kind", "mode"), [("PNG", "RGB"), ("PNG", "L"), ("PPM", "RGB"), ("XPM", "")]
)
def test_any_other_picture_gives_its_colours_in_reading_order(kind, mode):
    if kind == "XPM":
        data = b'/* XPM */\nstatic char *x[] = {\n"2 2 2 1",\n"a c #ffffff",\n"b c #000000",\n'
        data += b'"ab",\n"ba"\n};\n'
    else:
        data = picture_file(Image.frombytes("L", (2, 2), b"\xff\0\xff\0").convert(mode), kind)
    assert read(data).colors.tolist() == [[255] * 3, [0] * 3]


def test_colours_in_reading_order_may_lie_far_apart():
    rgb = np.zeros((1030, 1030, 3), np.uint8)
    rgb[1029, 5] = 3, 2, 1
    rgb[1029, 9] = 1, 2, 3
    assert read(picture_file(Image.fromarray(rgb))).colors.tolist() == [
        [0] * 3,
        [3, 2, 1],
        [1, 2, 3],
    ]


def test_a_picture_of_too_many_colours_is_refused():
    codes = np.arange(65_537, dtype=np.uint32).reshape(1, -1)
    rgb = np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=2).astype(np.uint8)
    assert len(read(picture_file(Image.fromarray(rgb[:, :-1])))) == 65_536
    with pytest.raises(kmq.FormatError, match="more than 65,536 distinct colours"):
        read(picture_file(Image.fromarray(rgb)))


def test_a_picture_of_many_colours_holds_no_equal_ones():
    with pytest.raises(kmq.OptionError, match="cannot hold equal ones"):
        written(Palette(np.zeros((257, 3), np.uint8)), "png")


@pytest.mark.parametrize(
    ("data", "alpha"),
    [
        (b"#000000\n#e03c2880\n", [255, 128]),
        (b"0xe03c2880", [128]),
        (b"JASC-PAL\n0100\n1\n0 0 0 254\n", [254]),
        (b"GIMP Palette\nChannels: RGBA\n0 0 0 0\n", [0]),
        (b"; paint.net Palette File\n80FFFFFF\n", [128]),
        (b"a { color: rgb(1 2 3 / 50%) }", [128]),
        (b"a { color: transparent }", [0]),
        (b"[[1, 2, 3, 4]]", [4]),
        (act(4, 0), [0, 255, 255, 255]),
        (picture_file(Image.new("P", (2, 2)), transparency=0), [0]),
    ],
)
def test_transparent_colours_keep_their_alpha(data, alpha):
    assert read(data).to_rgba()[:, 3].tolist()[: len(alpha)] == alpha


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("#ff0000\nred\n", "line 2: expected a colour such as #1e90ff, got 'red'"),
        ("#ff0000\n#12345\n", "line 2"),
        ("#ff0000\n0x\n", "line 2"),
        ("1 2 3\n1 2\n", "line 2: expected red, green and blue from 0 to 255, got '1 2'"),
        ("1 2 3\n\n1 2 3 256\n", "line 3"),
        ("GIMP Palette\n#\n1 2 3\n1 2 256\n", "line 4: .*got '1 2 256'"),
        ("GIMP Palette\n1 2\n", "line 2"),
        ("GIMP Palette\nChannels: RGBA\n1 2 3\n", "line 3"),
        ("JASC-PAL\n0100\nmany\n", "line 3: expected the number of colours, got 'many'"),
        ("JASC-PAL\n0100\n2\n1 2 3\n", "line 3 says 2 colours, the file holds 1"),
        ("JASC-PAL\n0100\n1\n1 2 3\n4 5 6\n", "line 3 says 1 colours, the file holds 2"),
        ("JASC-PAL\n0100\n1\n1 2 -3\n", "line 4"),
        ("JASC-PAL", "line 3"),
        ("; paint.net Palette File\nFFxx0000\n", "line 2"),
        ("a {\n color: #12345 }", "line 2: expected a colour such as #1e90ff, got '#12345'"),
        ("a {\n color: lab(50% 20 20) }", "line 2: expected a colour in sRGB"),
        ("a {\n\n color: rgb(1 2) }", "line 3: expected a colour such as #1e90ff"),
        ("a { margin: 4px }", "the file holds none"),
        ('["#ff0000",\n "nonsense"]', "colour 2"),
        ("[[1, 2, 3],\n [1, 2]]", "colour 2"),
        ("[[1, 2, true]]", "colour 1"),
        ('["#ff0000",\n', "line 2: not JSON"),
        ('{"colours": []}', 'as "colors"'),
        ('[{"name": "x"}]', "colour 1: expected #rrggbb or"),
        ("[[1, 2, [[[[[[[[3]]]]]]]]]]", "colour 1"),
        ("", "expected 1 to 65,536 colours, the file holds none"),
        ("[]", "the file holds none"),
        ("GIMP Palette\n#\n", "the file holds none"),
        (b"RIFF\0\0\0\0PAL ", 'without a "data" chunk'),
        (written(PALETTE, "riff")[:-1], "the file ends within colour 3 of 3"),
        (written(PALETTE, "riff")[:21], "the file ends within the number of colours"),
        (written(PALETTE, "ase")[:-1], "the file ends within block 3 of 3"),
        (b"ASEF\0\1\0\0\xff\xff\xff\xff", "the file ends within block 1 of 4,294,967,295"),
        (ase(swatch(b"CMYK", 0, 0, 0, 0)), "block 1 of 1 is 'CMYK', .* convert the swatches"),
        (ase(swatch(b"RGB ", 0, 1.5, 0)), "block 1 of 1: expected levels from 0 to 1"),
        (ase(swatch(b"RGB ", float("nan"), 0, 0)), "block 1 of 1: expected levels"),
        (ase((1, b"\xff\xff")), "the file ends within block 1"),
        (struct.pack(">HH5H", 1, 1, 2, 0, 0, 0, 0), "colour 1 of 1 is 'CMYK'"),
        (struct.pack(">HH5HI", 2, 1, 0, 1, 2, 3, 0, 9) + struct.pack(">I", 9), None),
        (b"\xff\xfe\x00", "neither text nor a palette or picture of a known kind"),
        (b"#000000\0\n", "neither text nor"),
        (picture_file(Image.new("P", (40, 40)))[:-30], "a PNG that cannot be read"),
    ],
)
def test_what_is_wrong_is_reported_with_its_place(data, message):
    if message is None:  # the name of the last colour is cut short, which nothing needs
        assert len(read(data)) == 1
        return
    with pytest.raises(kmq.FormatError, match=message):
        read(data)


def too_many(kind: str) -> bytes:
    return {
        "hex": b"#000000\n" * 65_537,
        "rgb": b"0 0 0\n" * 65_537,
        "gpl": b"GIMP Palette\n" + b"0 0 0\n" * 65_537,
        "jasc": b"JASC-PAL\n0100\n65537\n" + b"0 0 0\n" * 65_537,
        "json": json.dumps(["000000"] * 65_537).encode(),
        "paintnet": b"; paint.net\n" + b"FF000000\n" * 65_537,
        "ase": ase(*[swatch(b"Gray", 0)] * 65_537),
    }[kind]


@pytest.mark.parametrize("kind", ["hex", "rgb", "gpl", "jasc", "json", "paintnet", "ase"])
def test_more_colours_than_an_index_counts_are_refused(kind):
    with pytest.raises(kmq.FormatError, match="the file holds more than 65,536 colours"):
        read(too_many(kind))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"[" * 100_000, id="brackets"),
        pytest.param(b"[" * 900 + b"7" + b"]" * 900, id="matching brackets"),
        pytest.param(b"[[1" + b"0" * 5_000 + b", 0, 0]]", id="digits in JSON"),
        pytest.param(b"GIMP Palette\n1" + b"0" * 5_000 + b" 0 0\n", id="digits in .gpl"),
        pytest.param(b"a" * 2_000_000, id="one long line"),
        pytest.param(b"1 " * 1_000_000, id="a long line of numbers"),
        pytest.param(b"#" + b"0" * 2_000_000, id="a long code"),
        pytest.param(b"\n" * 200_000, id="empty lines"),
        pytest.param(b"{" * 200_000, id="braces"),
        pytest.param(b"$a: rgb(" * 3_000, id="brackets in CSS"),
        pytest.param(b"{" + b"a" * (palettes.MOST_BYTES - 2), id="much CSS"),
        pytest.param(b"\0" * 2_000_000, id="NUL bytes"),
        pytest.param(b"0" * (palettes.MOST_BYTES + 1), id="too large"),
        pytest.param(b"JASC-PAL\n0100\n" + b"9" * 1_000_000, id="a long count"),
    ],
)
def test_hostile_files_are_refused_in_bounded_memory(data):
    tracemalloc.start()
    try:
        with pytest.raises(kmq.FormatError) as refusal:
            read(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(str(refusal.value)) < 200
    assert peak < 6 * len(data) + (40 << 20)


def test_no_more_of_an_endless_file_is_read_than_a_palette_takes():
    class Endless(io.RawIOBase):
        taken = 0

        def readable(self):
            return True

        def readinto(self, buffer):
            buffer[:] = b"0" * len(buffer)
            self.taken += len(buffer)
            return len(buffer)

    endless = Endless()
    with pytest.raises(kmq.FormatError, match="more than 8,388,608 bytes"):
        palettes.read(io.BufferedReader(endless))
    assert endless.taken < 2 * palettes.MOST_BYTES


@pytest.mark.parametrize("kind", NAMES)
def test_a_file_that_is_cut_anywhere_is_a_palette_or_a_format_error(kind):
    data = written(TOOLS, kind)
    for end in range(0, len(data), 1 + len(data) // 200):
        with contextlib.suppress(kmq.FormatError):
            assert len(read(data[:end], f"x.{kind}")) <= 256


@given(data=st.binary(max_size=40), kind=st.sampled_from(NAMES), place=st.integers(0, 60))
def test_a_file_with_strange_bytes_is_a_palette_or_a_format_error(data, kind, place):
    whole = written(TOOLS, kind)
    damaged = whole[:place] + data + whole[place + len(data) :]
    with contextlib.suppress(kmq.FormatError, kmq.LimitError):
        assert len(read(damaged)) >= 1


def test_json_says_how_many_pixels_have_each_colour():
    described = json.loads(written(PALETTE, "json", pixels=[3, 2, 1]))
    assert described == {"colors": ["#ff0000", "#102030", "#000007"], "pixels": [3, 2, 1]}


def test_a_name_of_several_lines_stays_on_one():
    assert b"Name: a b\n" in written(PALETTE, "gpl", name="a\nb")


@pytest.mark.parametrize(("colors", "size"), [(1, (32, 32)), (16, (512, 32)), (17, (512, 64))])
def test_a_swatch_picture_shows_every_colour(colors, size):
    entries = np.arange(3 * colors, dtype=np.uint8).reshape(-1, 3)
    with Image.open(io.BytesIO(written(Palette(entries), "png"))) as opened:
        picture = opened.convert("RGB")
    assert picture.size == size
    for number, entry in enumerate(entries.tolist()):
        row, column = divmod(number, 16)
        assert picture.getpixel((32 * column + 31, 32 * row)) == tuple(entry)


def test_no_two_kinds_claim_an_extension():
    claimed = [extension for kind in KINDS for extension in kind.extensions]
    assert len(set(claimed)) == len(claimed)
