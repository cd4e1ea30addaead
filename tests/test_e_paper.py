"""The page on e-paper panels: its commands do what it says."""

from __future__ import annotations

import re
import subprocess

import numpy as np
import pages
import pytest
from conftest import ROOT
from PIL import Image
from test_raw import gcc as gcc  # a fixture

import kmq
from kmq.cli.demo_picture import draw
from kmq.raw import RawForm, packed

BLOCKS = pages.blocks("docs/how-to/e-paper.md")
PAGE = (ROOT / BLOCKS[0].page).read_text()

MAIN = """
#include <stdio.h>
#include "send_frame.c"
void send_command(uint8_t command) { printf("%d\\n", command); }
void send_data(uint8_t data) { printf("%d\\n", data); }
int main(void) { send_frame(); return 0; }
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder in which every command and every piece of Python has been run, in turn."""
    folder = tmp_path_factory.mktemp("e-paper")
    Image.fromarray(draw()).save(folder / "photo.jpg")
    (folder / "mine.hex").write_text("222222\nffffff\nfff000\nb02020\n222222\n3060c0\n508050\n")
    reader = pages.Reader()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for block in BLOCKS:
            if block.language != "c":
                reader.follow(block)
        sent: list[bytes] = []
        reader.names["send_frame"](lambda number: sent.append(bytes([number])), sent.append)
        (folder / "sent").write_bytes(b"".join(sent))
    return folder


def test_the_frame_holds_the_numbers_that_the_page_names(folder):
    data = (folder / "frame.bin").read_bytes()
    assert f"{len(data):,} bytes" in PAGE
    with Image.open(folder / "panel.png") as panel:
        assert data == packed(kmq.apply(panel, "spectra6", dither=1), RawForm(4))
    entries = kmq.named_palette("spectra6").palette.colors.tolist()
    named = re.findall(r"(\d) (black|white|yellow|red|blue|green)", PAGE)
    by_name = {"black": [0, 0, 0], "white": [255] * 3, "yellow": [255, 255, 0]}
    by_name |= {"red": [255, 0, 0], "blue": [0, 0, 255], "green": [0, 255, 0]}
    assert len(named) == 6
    assert all(entries[int(number)] == by_name[name] for number, name in named)


def test_the_preview_shows_the_same(folder):
    with Image.open(folder / "preview.png") as preview:
        indices = np.asarray(preview)
    data = np.frombuffer((folder / "frame.bin").read_bytes(), np.uint8).reshape(480, 400)
    assert np.array_equal(indices[:, ::2], data >> 4)
    assert np.array_equal(indices[:, 1::2], data & 15)


def test_what_is_sent_is_the_frame(folder):
    assert (folder / "sent").read_bytes() == b"\x10" + (folder / "frame.bin").read_bytes()


def test_a_kmq_file_keeps_the_frame_in_less(folder):
    frame = (folder / "frame.bin").read_bytes()
    assert (folder / "frame-again.bin").read_bytes() == frame
    assert (folder / "frame.kmq").stat().st_size < len(frame) / 2


def test_a_measurement_of_ones_own_uses_no_number_that_the_controller_does_not(folder):
    data = (folder / "frame-mine.bin").read_bytes()
    assert {number for byte in data for number in (byte >> 4, byte & 15)} <= {0, 1, 2, 3, 5, 6}


def test_pinned_colours_have_the_first_numbers(folder):
    text = (folder / "icon.h").read_text()
    assert re.search(r"icon_palette_565\[16\] = {\s*0x0000, 0xffff, ", text)


def test_the_loop_in_c_sends_the_frame(gcc, folder):
    (loop,) = [block.code for block in BLOCKS if block.language == "c"]
    (folder / "send_frame.c").write_text(loop)
    (folder / "main.c").write_text(MAIN)
    build = [gcc, "-std=c99", "-Wall", "-Wextra", "-Werror", "main.c", "-o", "main"]
    subprocess.run(build, cwd=folder, check=True)
    done = subprocess.run([folder / "main"], capture_output=True, text=True, check=True)
    assert bytes(map(int, done.stdout.split())) == (folder / "sent").read_bytes()
