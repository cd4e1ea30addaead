"""The kit for checking a decoder: formats/check.py."""

from __future__ import annotations

import io
import re
import struct
import sys
import zlib
from array import array
from fnmatch import fnmatchcase

import numpy as np
import pytest
from PIL import Image
from test_format import FORMATS, VECTORS, module, reference

from kmq import cli

check = module(FORMATS / "check.py")
pictures = sys.modules["pictures"]
ALL = check.vectors_in(VECTORS)
QUICK = [v for v in ALL if not v.expected or v.expected["width"] * v.expected["height"] <= 1 << 12]
"""Vectors that the reference decoder decodes quickly; test_format.py has more of them."""


def kmq_decode(vector, folder):
    """Run `kmq decode` in this process, as the kit runs a command."""
    target = folder / "out.png"
    try:
        cli.kmq(["decode", "--force", str(vector.path), "-o", str(target)])
    except SystemExit as exit:
        status = exit.code
    return check.Run(status or 0, b"" if status else target.read_bytes(), "")


def reference_decode(vector, folder):
    target = folder / "out.pam"
    try:
        reference.main(str(vector.path), str(target))
    except SystemExit as exit:
        return check.Run(1, b"", str(exit))
    return check.Run(0, target.read_bytes(), "")


@pytest.mark.parametrize("place", range(len(check.STEPS)))
@pytest.mark.parametrize("decode", [kmq_decode, reference_decode])
def test_both_decoders_pass_every_step(tmp_path, decode, place):
    vectors = QUICK if decode is reference_decode else ALL
    faults = [
        (vector.name, check.fault_of(vector, decode(vector, tmp_path)))
        for vector in vectors
        if vector.step == place
    ]
    assert faults
    assert [pair for pair in faults if pair[1]] == []


@pytest.mark.soak
@pytest.mark.parametrize(
    "command",
    [
        [
            sys.executable,
            "-c",
            "from kmq.cli import main; main()",
            "decode",
            "{in}",
            "-o",
            "{out}.png",
        ],
        [sys.executable, str(FORMATS / "reference_decoder.py"), "{in}", "-"],
    ],
)
def test_both_decoders_pass_as_commands(command, capsys):
    assert check.main(["--timeout", "600", "--", *command]) == 0
    assert f"{len(ALL)} of {len(ALL)} vectors pass" in capsys.readouterr().out


def test_every_vector_is_named_by_a_step():
    for vector in ALL:
        kind, name = vector.name.split("/")
        step = check.STEPS[vector.step]
        patterns = (step.valid if kind == "valid" else step.invalid).split()
        assert any(fnmatchcase(name, pattern) for pattern in patterns), vector.name
    for place, step in enumerate(check.STEPS):
        for kind, patterns in (("valid", step.valid), ("invalid", step.invalid)):
            names = [v.path.stem for v in ALL if v.step == place and v.name.startswith(kind + "/")]
            for pattern in patterns.split():
                assert any(fnmatchcase(name, pattern) for name in names), pattern


def test_the_page_tells_the_same_steps_and_names_vectors_of_them():
    page = (FORMATS / "README.md").read_text(encoding="utf-8").split("## Writing a decoder")[1]
    steps = re.findall(r"^(\d+)\. \*\*(.*?)\*\*(.*)$", page, re.MULTILINE)
    assert [(int(number), title) for number, title, _ in steps] == [
        (place + 1, step.title) for place, step in enumerate(check.STEPS)
    ]
    by_name = {vector.path.stem: vector.step for vector in ALL if vector.expected}
    for number, _, text in steps[1:]:
        for name in re.findall(r"`([a-z0-9-]+)`", text):
            assert by_name.get(name, int(number) - 1) == int(number) - 1, name


DECODER = """
import os, sys, time
sys.path.insert(0, {formats!r})
import reference_decoder as reference
source, target = sys.argv[1:]
name = os.path.basename(source)[:-4]
{fault}
reference.main(source, target)
"""

FAULTS = {
    "os.abort()": "crashed: SIGABRT",
    "time.sleep(60)": "took too long",
    "sys.exit('no more memory')": "refused, exit status 1: no more memory",
    "sys.exit('== ERROR: AddressSanitizer: overflow')": "crashed: .*overflow",
    "sys.exit(139)": "crashed: SIGSEGV",
    "sys.exit(0)": "exit status 0, but no picture",
    "open(target, 'w').write('hello'); sys.exit(0)": "the picture cannot be read: its 5 bytes",
    "reference.Image.channels = lambda image: 3": "a picture without alpha",
    "pixels = reference.Image.pixels; "
    "reference.Image.pixels = lambda image: pixels(image)[::-1]": r"row 0, column 0: RGBA \(",
    "pixels = reference.Image.pixels; "
    "reference.Image.pixels = lambda image: pixels(image)[:-1]": "as many samples",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_decoder_is_caught_and_named(tmp_path, capsys, fault):
    program = tmp_path / "decoder.py"
    program.write_text(DECODER.format(formats=str(FORMATS), fault=f"if 'alpha' in name: {fault}"))
    options = ["--only", "valid/grey-alpha-packed", "--timeout", "2"]
    command = [sys.executable, str(program), "{in}", "{out}"]
    assert check.main([*options, "--", *command]) == 1
    said = capsys.readouterr().out
    assert re.search(rf"valid/grey-alpha-packed: .*{FAULTS[fault]}", said), said
    assert "0 of 1 vectors pass" in said


@pytest.mark.parametrize(
    ("does", "complaint"),
    [
        ("print('P5 1 1 255 x', end='')", "accepted"),
        ("sys.exit(print('P5 1 1 255 x', end='') or 1)", "refused, but wrote a picture"),
        ("os.abort()", "crashed: SIGABRT"),
        ("sys.exit('no')", None),
    ],
)
def test_an_invalid_file_must_be_refused_without_a_crash_or_a_picture(capsys, does, complaint):
    command = [sys.executable, "-c", f"import os, sys; {does}", "{in}"]
    assert check.main(["--only", "invalid/version", "--", *command]) == (complaint is not None)
    assert (complaint or "1 of 1 vectors pass") in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["./missing", "{in}"], ["true"]])
def test_a_command_that_cannot_be_run_is_wrong_usage(arguments):
    with pytest.raises(SystemExit) as exit:
        check.main(["--", *arguments])
    assert exit.value.code == 2


def png(image, **options):
    file = io.BytesIO()
    image.save(file, "PNG", **options)
    return file.getvalue()


def noise(*shape, below=256):
    return np.random.default_rng(sum(shape)).integers(0, below, shape, np.uint8)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
@pytest.mark.parametrize("is_smooth", [False, True])
def test_png_files_of_any_filter_are_read(mode, is_smooth):
    samples = noise(33, 21, len(Image.new(mode, (1, 1)).getbands()))
    if is_smooth:  # for which encoders choose filters
        samples = (np.add.accumulate(np.add.accumulate(samples % 3, 0), 1) % 256).astype(np.uint8)
    image = Image.fromarray(samples[..., 0] if mode == "L" else samples)
    read = pictures.read(png(image), 21, 33)
    assert read.rgba() == image.convert("RGBA").tobytes()


@pytest.mark.parametrize("colors", [1, 2, 3, 4, 5, 16, 17, 256])
def test_png_files_with_a_palette_are_read_in_any_depth(colors):
    image = Image.fromarray(noise(13, 19, below=colors)).convert("P")
    image.putpalette(noise(colors, 3).tobytes())
    assert pictures.read(png(image), 19, 13).rgba() == image.convert("RGBA").tobytes()
    transparency = bytes(i * 97 % 256 for i in range(colors - 1))
    data = png(image, transparency=transparency)
    with Image.open(io.BytesIO(data)) as again:
        expected = again.convert("RGBA").tobytes()
    assert pictures.read(data, 19, 13).rgba() == expected


def test_a_bilevel_png_is_read():
    image = Image.fromarray(noise(13, 19, below=2) * 255).convert("1")
    assert pictures.read(png(image), 19, 13).rgba() == image.convert("RGBA").tobytes()


def test_greys_of_16_bits_are_read():
    words = np.random.default_rng(0).integers(0, 65_536, (5, 7), np.uint16)
    for data in (png(Image.fromarray(words)), b"P5 7 5 65535\n" + words.astype(">u2").tobytes()):
        read = pictures.read(data, 7, 5)
        assert read.samples == array("H", words.ravel().tolist())
        with pytest.raises(pictures.PictureError, match="16 bits"):
            read.rgba()


def test_netpbm_and_raw_samples_are_read():
    samples = noise(2, 3, 4)
    pam = b"P7\nWIDTH 3\nHEIGHT 2\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n"
    assert pictures.read(pam + samples.tobytes(), 3, 2).rgba() == samples.tobytes()
    assert pictures.read(samples.tobytes(), 3, 2).rgba() == samples.tobytes()
    ppm = b"P6 # a comment\n3 2\n255\n" + samples[..., :3].tobytes()
    assert pictures.read(ppm, 3, 2).samples == samples[..., :3].tobytes()
    assert pictures.read(samples[..., :3].tobytes(), 3, 2).channels == 3


def test_damaged_pictures_are_told_apart():
    whole = png(Image.fromarray(noise(9, 8, 3)))
    header = struct.pack(">IIBBBBB", 8, 9, 8, 2, 0, 0, 1)
    interlaced = whole[:16] + header + zlib.crc32(b"IHDR" + header).to_bytes(4, "big") + whole[33:]
    flipped = bytearray(whole)
    flipped[60] ^= 1
    for data in (b"", b"GIF89a", whole[:50], interlaced, bytes(flipped), b"P6 8 9\n", b"P7\n"):
        with pytest.raises(pictures.PictureError, match=r"\w"):
            pictures.read(data, 8, 9)
