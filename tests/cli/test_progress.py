"""What is shown on a terminal while something takes long."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

import kmq
from kmq.cli import reporting

pty = pytest.importorskip("pty", reason="needs terminals")

PROGRAM = """
import sys
import time
from kmq.cli import batch, main, reporting
reporting.PATIENCE, seconds = float(sys.argv.pop(1)), float(sys.argv.pop(1))
run = batch.run

def slow(jobs, work, *others, **options):
    def slow_work(*given):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(0.01)
        return work(*given)
    run(jobs, slow_work, *others, **options)

batch.run = slow
main()
"""


def on_a_terminal(patience, seconds, *arguments, folder, number=None):
    """Run kmq with standard error on a terminal; return exit code, output and what is shown."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", PROGRAM, str(patience), str(seconds), *arguments]
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=theirs,
        # A shell has its background jobs, and so these tests, ignore the signal.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # how Linux says that nobody writes any more
            while part := os.read(ours, 1 << 16):
                shown += part
                if number is not None and b"photo.png" in shown:
                    process.send_signal(number)
                    number = None
        output = process.stdout.read()
    os.close(ours)
    return process.returncode, output, shown.decode()


@pytest.fixture
def folder(tmp_path):
    rgb = np.random.default_rng(0).integers(0, 256, (12, 17, 3), np.uint8)
    Image.fromarray(rgb).save(tmp_path / "photo.png")
    kmq.save(tmp_path / "a.kmq", rgb, 9)
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [
        ["encode", "photo.png"],
        ["decode", "a.kmq", "-o", "photo.png", "--force"],
        ["quantize", "photo.png", "-o", "x.png"],
    ],
)
def test_a_file_that_takes_long_is_shown_with_its_time(folder, arguments):
    code, _, shown = on_a_terminal(0.05, 0.4, *arguments, folder=folder)
    assert code == 0
    assert "0:00:00" in shown
    assert arguments[1] in shown.split("0:00:00")[0]
    assert shown.splitlines()[-1].endswith(" s")


def test_what_is_soon_done_is_not_shown(folder):
    code, _, shown = on_a_terminal(60, 0, "encode", "photo.png", folder=folder)
    assert code == 0
    assert len(shown.splitlines()) == 1
    assert "0:00:00" not in shown


def test_quiet_shows_nothing(folder):
    assert on_a_terminal(0.05, 0.4, "encode", "-q", "photo.png", folder=folder)[2] == ""


def test_what_goes_to_standard_output_is_not_mixed_with_what_is_shown(folder):
    code, output, shown = on_a_terminal(
        0.05, 0.4, "encode", "photo.png", "-o", "-", "-k", "9", folder=folder
    )
    assert (code, output) == (0, (folder / "a.kmq").read_bytes())
    assert "0:00:00" in shown


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_ends_what_is_shown(folder, number):
    code, _, shown = on_a_terminal(0.05, 30, "encode", "photo.png", folder=folder, number=number)
    assert code == 128 + number
    assert "Traceback" not in shown
    assert "\x1b[?25h" in shown  # the cursor is back


def test_pipes_show_nothing(monkeypatch, capsys):
    monkeypatch.setattr(reporting, "PATIENCE", 0)
    with reporting.working("on it"):
        time.sleep(0.01)
    assert capsys.readouterr().err == ""


def test_a_name_with_brackets_is_shown_as_it_is(monkeypatch, capsys):
    monkeypatch.setattr(reporting, "PATIENCE", 0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with reporting.working("on [it]") as shown:
        shown._timer.join()
    assert "on [it]" in capsys.readouterr().err
