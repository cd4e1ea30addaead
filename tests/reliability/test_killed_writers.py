"""Processes killed at random moments: their outputs are absent, unchanged, or whole."""

from __future__ import annotations

import functools
import json
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from conftest import needs_jit
from PIL import Image

import kmq
from reliability.programs import SECONDS, run

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")

KILLED_WRITERS = """
import json, random, signal, time
from pathlib import Path
from kmq.files import write_whole

folder, kills = Path(sys.argv[1]), int(sys.argv[2])
chance = random.Random(int(sys.argv[3]))
seen = dict.fromkeys(("absent", "old", "whole", "left behind"), 0)

def content(number):
    return number.to_bytes(4, "big") * 50_000

for kill in range(kills):
    target = folder / f"{kill}.kmq"
    replaces = kill % 2 == 0
    if replaces:
        target.write_bytes(content(0))
    writer = os.fork()
    if writer == 0:
        number = 1
        while True:
            if not replaces:
                target.unlink(missing_ok=True)
            write_whole(target, content(number), overwrite=replaces)
            number += 1
    time.sleep(chance.uniform(0, 0.01))
    os.kill(writer, signal.SIGKILL)
    os.waitpid(writer, 0)
    if not target.exists():
        assert not replaces, "a file that was there is lost"
        seen["absent"] += 1
    else:
        found = target.read_bytes()
        number = int.from_bytes(found[:4], "big")
        assert found == content(number), "half a file"
        seen["whole" if number else "old"] += 1
    for other in folder.iterdir():
        if other != target:
            assert other.name.startswith(".kmq-") and other.name.endswith(".tmp"), other
            seen["left behind"] += 1
        other.unlink()
print(json.dumps(seen))
"""


def test_of_200_killed_writers_none_leaves_half_a_file(tmp_path):
    seen = json.loads(run(KILLED_WRITERS, tmp_path, 200, 0).stdout)
    assert seen["absent"] + seen["old"] + seen["whole"] == 200
    assert min(seen["absent"], seen["old"], seen["whole"]) > 0, seen


@pytest.mark.soak
def test_of_20000_killed_writers_none_leaves_half_a_file(tmp_path):
    print(run(KILLED_WRITERS, tmp_path, 20_000, 1, seconds=1800).stdout)


ENCODE = [sys.executable, "-c", "from kmq.cli import main; main()", "encode", "-q", "-k", "9"]


def encode_command(folder):
    return [*ENCODE, "-f", "-r", folder / "in", "-o", folder / "out"]


def interrupted_encode(folder, wait, number):
    """Start to encode a folder, send a signal once `wait()` returns; return the exit code."""
    with subprocess.Popen(encode_command(folder)) as process:
        try:
            wait()
            process.send_signal(number)
            return process.wait(SECONDS)
        finally:
            process.kill()  # what hangs or has not been told to end; nothing where it has ended


def wait_for_any_file(folder):
    """Return as soon as the folder holds a file, be it a temporary one."""
    deadline = time.monotonic() + SECONDS
    while not any(folder.iterdir()):
        assert time.monotonic() < deadline, "nothing was written"
        time.sleep(0.002)


@pytest.fixture
def pictures(tmp_path):
    """200 pictures, the same each time, so that their files are known; some are there already."""
    random_numbers = np.random.default_rng(0)
    for folder in ("in", "out"):
        (tmp_path / folder).mkdir()
    for number in range(200):
        rgb = random_numbers.integers(0, 256, (40, 40, 3), np.uint8)
        Image.fromarray(rgb).save(tmp_path / "in" / f"{number}.png")
    return tmp_path


def assert_none_is_half_written(folder):
    for path in (folder / "out").glob("*.kmq"):
        assert path.read_bytes() == b"old" or len(kmq.load(path).palette) == 9


def kill_encodes(folder, kills):
    chance = random.Random(0)
    command = encode_command(folder)
    # Compiles, which must not count in the measured time.
    subprocess.run(command, check=True, timeout=SECONDS)
    started = time.perf_counter()
    subprocess.run(command, check=True, timeout=SECONDS)
    full = time.perf_counter() - started
    killed = written = 0
    for _ in range(kills):
        for number in range(200):
            (folder / "out" / f"{number}.kmq").write_bytes(b"old")
        wait = functools.partial(time.sleep, chance.uniform(0.4, 1) * full)
        code = interrupted_encode(folder, wait, signal.SIGKILL)
        killed += code == -signal.SIGKILL
        assert_none_is_half_written(folder)
        written += sum(path.stat().st_size > 3 for path in (folder / "out").glob("*.kmq"))
    return killed, written


@needs_jit
def test_killed_encodes_leave_no_half_file(pictures):
    killed, written = kill_encodes(pictures, 4)
    assert killed > 0
    assert written > 0


@needs_jit
@pytest.mark.soak
def test_200_killed_encodes_leave_no_half_file(pictures):
    killed, written = kill_encodes(pictures, 200)
    print(f"{killed} encodes were killed, {written:,} files written by then or by the others")


@needs_jit
def test_an_encode_that_is_stopped_by_sigterm_leaves_no_temporary_file(pictures):
    out = pictures / "out"
    code = interrupted_encode(pictures, lambda: wait_for_any_file(out), signal.SIGTERM)
    assert code == 128 + signal.SIGTERM
    assert_none_is_half_written(pictures)
    assert not list(out.glob(".*"))
