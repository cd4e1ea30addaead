"""Disks that are full, read-only or gone, pipes that are closed: one clear line, exit code 1."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import kmq
from kmq.cli import batch, common
from kmq.cli import kmq as command
from kmq.cli.jobs import Handling, Job
from kmq.files import write_whole
from reliability.conftest import SMALL_DISK_BYTES

KMQ = [sys.executable, "-c", "from kmq.cli import main; main()"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a picture, and that picture encoded."""
    monkeypatch.chdir(tmp_path)
    rgb = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    Image.fromarray(rgb).save("photo.png")
    kmq.save("photo.kmq", rgb, 9)
    return tmp_path


def failure(*arguments):
    """Run a command that has to fail; return its message, which has to be one line."""
    result = CliRunner().invoke(command, [str(argument) for argument in arguments])
    assert result.exit_code == 1, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    [line] = [line for line in result.stderr.splitlines() if "compiling" not in line]
    return line


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    "arguments",
    [
        ["encode", "-k", "9", "photo.png", "-o", "small/x.kmq"],
        ["decode", "photo.kmq", "-o", "small/x.bmp"],
        ["palette", "photo.kmq", "--kind", "json", "-o", "small/x.json"],
    ],
)
def test_a_full_disk_is_reported_and_nothing_is_left_on_it(folder, small_disk, arguments):
    (small_disk / "filler").write_bytes(bytes(SMALL_DISK_BYTES - 8192))
    if arguments[0] == "palette":
        (small_disk / "more").write_bytes(bytes(8192))
    before = names(small_disk)
    assert "No space left on device (small/x." in failure(*arguments)
    assert names(small_disk) == before


def test_on_a_full_disk_the_old_file_stays(folder, small_disk):
    old = bytes(SMALL_DISK_BYTES - 8192)
    (small_disk / "x.kmq").write_bytes(old)
    assert "No space left" in failure("encode", "-f", "photo.png", "-o", "small/x.kmq")
    assert (small_disk / "x.kmq").read_bytes() == old
    assert names(small_disk) == ["x.kmq"]


def test_of_many_outputs_those_that_fit_on_the_disk_are_whole(folder, small_disk):
    for number in range(8):
        shutil.copy("photo.png", f"{number}.png")
    result = CliRunner().invoke(command, ["encode", "-r", ".", "-k", "9", "-o", "small"])
    assert result.exit_code == 1
    written = list(small_disk.iterdir())
    assert 1 <= len(written) < 8
    assert {path.read_bytes() for path in written} == {(folder / "photo.kmq").read_bytes()}


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_a_read_only_disk_is_reported_with_the_outputs_name(folder, read_only_disk, force):
    line = failure("encode", *force, "photo.png", "-o", "read-only/new.kmq")
    assert line == "kmq: photo.png: Read-only file system (read-only/new.kmq)"
    line = failure("encode", "--force", "photo.png", "-o", "read-only/old.kmq")
    assert line == "kmq: photo.png: Read-only file system (read-only/old.kmq)"
    assert (read_only_disk / "old.kmq").read_bytes() == b"old"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="takes a superuser")
def test_permission_denied_is_reported_with_the_targets_name(tmp_path):
    tmp_path.chmod(0o755)
    os.seteuid(65_534)
    try:
        with pytest.raises(PermissionError) as caught:
            write_whole(tmp_path / "x.kmq", b"data")
    finally:
        os.seteuid(0)
    assert common.reason(caught.value) == f"Permission denied ({tmp_path / 'x.kmq'})"
    assert names(tmp_path) == []


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_a_folder_that_vanishes_while_it_is_written_to_is_reported(folder, monkeypatch, force):
    (folder / "out").mkdir()
    fsync = os.fsync

    def vanishing(descriptor):
        fsync(descriptor)
        shutil.rmtree(folder / "out")

    monkeypatch.setattr(os, "fsync", vanishing)
    line = failure("encode", *force, "photo.png", "-o", "out/x.kmq")
    assert line == "kmq: photo.png: No such file or directory (out/x.kmq)"
    assert not (folder / "out").exists()


def test_a_folder_that_is_gone_is_reported(folder):
    assert "No such file or directory (gone/x.kmq)" in failure(
        "encode", "photo.png", "-o", "gone/x.kmq"
    )


def test_an_output_may_lie_on_another_file_system(folder, small_disk):
    (folder / "link.kmq").symlink_to(small_disk / "target.kmq")
    result = CliRunner().invoke(command, ["encode", "-f", "-k", "9", "photo.png", "-o", "link.kmq"])
    assert result.exit_code == 0
    assert (small_disk / "target.kmq").read_bytes() == (folder / "photo.kmq").read_bytes()
    assert (folder / "link.kmq").is_symlink()


READERS = [
    ["encode", "photo.png", "-o", "-"],
    ["decode", "photo.kmq", "-o", "-"],
    ["palette", "photo.kmq"],
    ["info", "photo.kmq"],
    ["info", "--json", "photo.kmq"],
    ["verify", "photo.kmq"],
    ["--help"],
    ["--version"],
]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")  # noqa: PTH110
@pytest.mark.parametrize("arguments", READERS[3:])
def test_standard_output_that_cannot_be_written_to_is_reported_in_one_line(folder, arguments):
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run([*KMQ, *arguments], stdout=full, stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1
    assert done.stderr.startswith(b"kmq: ")
    assert b"No space left on device" in done.stderr


@pytest.mark.parametrize("arguments", READERS[:6])
def test_a_pipe_that_its_reader_closed_is_no_traceback(folder, arguments):
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run([*KMQ, *arguments], stdout=write_end, stderr=subprocess.PIPE, timeout=60)
    os.close(write_end)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert b"Exception" not in done.stderr


@pytest.mark.skipif(shutil.which("sh") is None, reason="needs a shell")
@pytest.mark.parametrize("arguments", [*READERS[:6], ["compare", "photo.png", "-k", "2"]])
def test_a_standard_output_that_is_closed_is_reported(folder, arguments):
    closed = ["sh", "-c", '"$0" "$@" >&-', *KMQ, *arguments]
    done = subprocess.run(closed, stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 1
    told = [line for line in done.stderr.splitlines() if b"compiling" not in line]
    assert told == [b"kmq: standard output: it is closed"]


def test_standard_streams_that_are_closed_are_reported(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(OSError, match="closed"):
        common.read_input("-")
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(OSError, match="closed"):
        common.write_output("-", b"data", force=False)


def test_an_input_that_takes_too_much_memory_does_not_stop_the_rest(folder, capsys):
    def work(job, threads):
        if job.source == "large":
            raise MemoryError
        return batch.Outcome(1, 1, "done")

    jobs = [Job(name, f"{name}.kmq") for name in ("large", "small")]
    with pytest.raises(SystemExit):
        batch.run(jobs, work, Handling(force=True), threads=1)
    told = capsys.readouterr().err.splitlines()
    assert told[:2] == ["kmq: large: not enough memory", "small: done"]
