"""The installed command, as a process of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

import numpy as np
import pytest
from conftest import needs_numba, opened
from PIL import Image

import kmq

KMQ = Path(sysconfig.get_path("scripts")) / "kmq"


def run(*arguments, **options):
    return subprocess.run([KMQ, *arguments], capture_output=True, timeout=120, **options)


@pytest.fixture
def picture(tmp_path):
    rgb = np.random.default_rng(0).integers(0, 256, (12, 17, 3), np.uint8)
    Image.fromarray(rgb).save(tmp_path / "photo.png")
    return rgb


def test_it_encodes_and_decodes(tmp_path, picture):
    assert run("encode", "photo.png", "-k", "9", cwd=tmp_path).returncode == 0
    assert run("decode", "photo.kmq", "-o", "back.png", cwd=tmp_path).returncode == 0
    back = np.asarray(opened(tmp_path / "back.png").convert("RGB"))
    assert np.array_equal(back, kmq.quantize(picture, 9).to_rgb())


def test_failures_exit_with_1_and_no_traceback(tmp_path):
    (tmp_path / "bad.kmq").write_bytes(b"\x89KMQnonsense")
    for arguments in (["decode", "bad.kmq"], ["encode", "bad.kmq"], ["info", "missing.kmq"]):
        done = run(*arguments, cwd=tmp_path)
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1
        assert done.stderr.startswith(b"kmq: ")


@pytest.mark.parametrize(
    ("words", "expected"),
    [("kmq enc", "encode"), ("kmq encode --ef", "--effort"), ("kmq encode --effort be", "best")],
)
def test_the_shell_completes_commands_options_and_their_values(words, expected):
    completing = {"_KMQ_COMPLETE": "bash_complete", "COMP_WORDS": words}
    environment = os.environ | completing | {"COMP_CWORD": str(words.count(" "))}
    assert run(env=environment).stdout.decode().splitlines() == [f"plain,{expected}"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_what_the_shell_is_to_read_is_printed(shell):
    if shell == "bash" and shutil.which("bash") is None:
        pytest.skip("needs bash")
    done = run(env=os.environ | {"_KMQ_COMPLETE": f"{shell}_source"})
    assert done.returncode == 0
    assert b"_kmq_completion" in done.stdout


def test_wrong_usage_exits_with_2():
    assert run("encode", "--colors", "0", "x.png").returncode == 2


def test_the_limit_is_max_pixels_and_not_pillows(tmp_path):
    Image.new("1", (10_000, 9_000)).save(tmp_path / "wide.png")
    done = run("encode", "wide.png", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert b"Warning" not in done.stderr
    assert b"1 colour, exact" in done.stderr
    done = run("encode", "-f", "--max-pixels", "89999999", "wide.png", cwd=tmp_path)
    assert done.returncode == 1
    assert b"90,000,000 pixels, over the limit of 89,999,999" in done.stderr


def test_a_closed_pipe_is_no_traceback(tmp_path, picture):
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(
        [KMQ, "encode", "photo.png", "-o", "-"],
        cwd=tmp_path,
        stdout=write_end,
        stderr=subprocess.PIPE,
        timeout=120,
    )
    os.close(write_end)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["verify", "a.kmq", "b.kmq"],
        ["info", "a.kmq", "b.kmq"],
        ["info", "--json", "a.kmq", "b.kmq"],
        ["palette", "a.kmq"],
        ["decode", "a.kmq", "-o", "-"],
        ["encode", "photo.png", "-o", "-"],
        ["compare", "photo.png", "-k", "2"],
        ["compare", "photo.png", "-k", "2", "--csv"],
        ["compare", "photo.png", "-k", "2", "--json"],
    ],
)
@pytest.mark.parametrize("to", ["a closed pipe", "a full disk"])
def test_a_failure_of_standard_output_is_reported_once_and_blames_it(
    tmp_path, picture, arguments, to
):
    for name in ("a", "b"):
        kmq.save(tmp_path / f"{name}.kmq", picture, 9)
    if to == "a full disk":
        if not Path("/dev/full").exists():
            pytest.skip("needs /dev/full")
        output, expected = os.open("/dev/full", os.O_WRONLY), "No space left on device"
    else:
        read_end, output = os.pipe()
        os.close(read_end)
        expected = "Broken pipe"
    done = subprocess.run(
        [KMQ, *arguments], cwd=tmp_path, stdout=output, stderr=subprocess.PIPE, timeout=120
    )
    os.close(output)
    told = [line for line in done.stderr.decode().splitlines() if "compiling" not in line]
    assert told == [f"kmq: standard output: {expected}"]
    assert done.returncode == 1


@pytest.mark.skipif(shutil.which("sh") is None, reason="needs a shell")
def test_without_standard_error_all_is_done_in_silence(tmp_path, picture):
    shutil.copy(tmp_path / "photo.png", tmp_path / "other.png")
    for arguments in (
        ["encode", "photo.png", "other.png", "-k", "9"],
        ["compare", "photo.png", "-k", "2"],
    ):
        closed = ["sh", "-c", '"$0" "$@" 2>&-', KMQ, *arguments]
        done = subprocess.run(closed, cwd=tmp_path, stdout=subprocess.DEVNULL, timeout=120)
        assert done.returncode == 0
    for name in ("photo", "other"):
        assert kmq.load(tmp_path / f"{name}.kmq").width == 17


@needs_numba
def test_a_first_run_says_why_it_takes_long_and_a_second_has_nothing_to_say(tmp_path):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    # Colours that all are kept, packed: few kernels, which soon are compiled.
    for times_said in (1, 0):
        done = run("encode", "-k", "999", "--coding", "packed", "-", input=_png(), env=environment)
        assert done.returncode == 0
        assert done.stderr.count(b"compiling what this needs for this machine") == times_said


def _png(height: int = 12, width: int = 17) -> bytes:
    import io

    file = io.BytesIO()
    rgb = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    Image.fromarray(rgb).save(file, "PNG")
    return file.getvalue()
