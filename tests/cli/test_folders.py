"""Many inputs at once: trees, failures, interruption."""

from __future__ import annotations

import contextlib
import gc
import genericpath
import os
import pathlib
import signal
import subprocess
import sys
import time
import weakref

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import opened
from PIL import Image

import kmq
from kmq.cli import batch, reporting
from kmq.cli import kmq as command
from kmq.cli.jobs import Handling, Job, plan


def run(*arguments, **options):
    return CliRunner().invoke(command, [str(argument) for argument in arguments], **options)


def picture(seed, height=12, width=17):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Two levels of pictures, and files that are none."""
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(["b.png", "a.png", "deep/er/c.bmp", "deep/d.jpg"]):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture(number)).save(path)
    (tmp_path / "in" / "notes.txt").write_text("not an image")
    return tmp_path


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_a_tree_is_kept_there_and_back(tree, threads):
    encoded = run("encode", "-r", "in", "-o", "out", "-k", 9, "--threads", threads)
    assert encoded.exit_code == 0, encoded.stderr
    found = sorted(str(path.relative_to(tree / "out")) for path in (tree / "out").rglob("*.kmq"))
    assert found == ["a.kmq", "b.kmq", "deep/d.kmq", "deep/er/c.kmq"]
    decoded = run("decode", "-r", "out", "-o", "back", "--threads", threads)
    assert decoded.exit_code == 0
    for name in found:
        back = opened((tree / "back" / name).with_suffix(".png")).convert("RGB")
        assert np.array_equal(np.asarray(back), kmq.decode(tree / "out" / name))


def test_lines_come_in_an_order_that_does_not_change_and_a_summary_follows(tree):
    result = run("encode", "-r", "in", "-o", "out", "--threads", 3)
    lines = [line for line in result.stderr.splitlines() if "compiling" not in line]
    names = [line.split(":")[0] for line in lines[:-1]]
    assert names == ["in/a.png", "in/b.png", "in/deep/d.jpg", "in/deep/er/c.bmp"]
    assert lines[-1].startswith("4 of 5 files, ")
    assert "1 not an image" in lines[-1]


def test_without_an_output_the_files_lie_beside_their_sources(tree):
    run("encode", "-r", "in")
    assert (tree / "in" / "deep" / "er" / "c.kmq").is_file()


def test_a_directory_without_r_fails_by_itself(tree):
    result = run("encode", "in", "in/a.png")
    assert result.exit_code == 1
    assert "kmq: in: it is a directory; -r takes" in result.stderr
    assert (tree / "in" / "a.kmq").is_file()


def test_a_broken_image_fails_and_the_rest_is_done(tree):
    (tree / "in" / "broken.png").write_bytes(b"nonsense")
    result = run("encode", "-r", "in", "-o", "out")
    assert result.exit_code == 1
    assert "kmq: in/broken.png: not an image" in result.stderr
    assert "1 failed" in result.stderr.splitlines()[-1]
    assert len(list((tree / "out").rglob("*.kmq"))) == 4


@pytest.mark.parametrize("name", ["film.mov", "film.png", "film"])
def test_what_is_no_image_is_not_read_whole(tree, monkeypatch, name):
    with (tree / "in" / name).open("wb") as file:
        file.truncate(3 << 30)
    read_bytes = pathlib.Path.read_bytes
    whole = []

    def recording(path):
        whole.append(path.name)
        return b"" if path.name == name else read_bytes(path)

    monkeypatch.setattr(pathlib.Path, "read_bytes", recording)
    result = run("encode", "-r", "in", "-o", "out")
    assert sorted(whole) == ["a.png", "b.png", "c.bmp", "d.jpg", "notes.txt"]
    if name == "film.png":
        assert "kmq: in/film.png: not an image" in result.stderr
        assert result.exit_code == 1
    else:
        assert "2 not images" in result.stderr
        assert result.exit_code == 0


@pytest.mark.parametrize("read_at_once", [100, 1 << 20])
def test_an_image_that_is_found_and_too_large_fails(tree, monkeypatch, read_at_once):
    monkeypatch.setattr("kmq.cli.quantizing._READ_AT_ONCE", read_at_once)
    result = run("encode", "-r", "in", "-o", "out", "--max-pixels", 100)
    assert result.exit_code == 1
    assert "--max-pixels" in result.stderr
    assert "4 failed" in result.stderr.splitlines()[-1]


def test_what_is_wrong_with_a_found_image_is_reported_when_it_is_read(tree, monkeypatch):
    def fail(*_):
        raise RuntimeError("the plugin's own")

    monkeypatch.setitem(Image.OPEN, "BMP", (fail, Image.OPEN["BMP"][1]))
    monkeypatch.setattr("kmq.cli.quantizing._READ_AT_ONCE", 100)
    result = run("encode", "-r", "in", "-o", "out")
    assert result.exit_code == 1
    assert "kmq: in/deep/er/c.bmp: " in result.stderr
    assert "1 failed" in result.stderr.splitlines()[-1]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")
def test_what_is_found_and_no_ordinary_file_is_not_read(tree):
    os.mkfifo(tree / "in" / "pipe.png")
    (tree / "in" / "link-to-pipe.png").symlink_to("pipe.png")
    (tree / "in" / "link-to-picture.png").symlink_to("a.png")
    (tree / "in" / "link-to-nothing.png").symlink_to("gone.png")
    jobs = plan(["in"], Handling(recursive=True), extension=".kmq", wanted=lambda _: True)
    found = {pathlib.Path(job.source).name for job in jobs}
    assert {"a.png", "link-to-picture.png", "link-to-nothing.png"} <= found
    assert not {"pipe.png", "link-to-pipe.png"} & found


def test_what_a_killed_run_left_half_written_is_passed_over(tree, monkeypatch):
    left = {}

    def recording(_):
        [temporary] = (tree / "in").glob(".*")
        left[temporary] = temporary.read_bytes()

    monkeypatch.setattr(os, "fsync", recording)
    run("decode", "-", "-o", "in/x.png", input=kmq.encode(picture(0)))
    [(temporary, data)] = left.items()
    temporary.write_bytes(data)
    result = run("encode", "-r", "in", "-o", "out")
    assert "5 of 6 files" in result.stderr
    assert not list((tree / "out").glob(".*"))


def test_two_images_of_one_name_do_not_overwrite_each_other(tree):
    Image.fromarray(picture(9)).save(tree / "in" / "a.bmp")
    result = run("encode", "-r", "in", "-o", "out", "--force")
    assert result.exit_code == 1
    assert "in/a.png: out/a.kmq is the output of in/a.bmp" in result.stderr


@pytest.mark.parametrize("extension", ["JSON", "txt"])  # which sort before and after .png
def test_notes_beside_a_picture_of_the_same_name_do_not_stop_it(tree, extension):
    (tree / "in" / f"a.{extension}").write_text("{}")
    result = run("encode", "-r", "in", "-o", "out")
    assert result.exit_code == 0, result.stderr
    assert "is the output of" not in result.stderr
    assert np.array_equal(kmq.decode("out/a.kmq").shape, picture(1).shape)
    assert result.stderr.splitlines()[-1].startswith("4 of 6 files, ")


@pytest.mark.parametrize("spelling", ["{}/in/a.bmp", "in/../in/a.bmp", "link/a.bmp"])
def test_two_spellings_of_one_output_are_seen_to_be_one(tree, spelling):
    Image.fromarray(picture(9)).save(tree / "in" / "a.bmp")
    (tree / "link").symlink_to("in")
    result = run("encode", "in/a.png", spelling.format(tree), "--force")
    assert result.exit_code == 2
    assert "is the output of in/a.png" in " ".join(result.stderr.split())
    assert not (tree / "in" / "a.kmq").exists()


def test_what_is_there_already_can_be_passed_over(tree):
    run("encode", "-r", "in", "-o", "out")
    (tree / "out" / "a.kmq").unlink()
    before = (tree / "out" / "b.kmq").stat().st_mtime_ns
    result = run("encode", "-r", "in", "-o", "out", "--skip-existing")
    assert result.exit_code == 0
    assert "1 of 5 files" in result.stderr
    assert "3 there already" in result.stderr
    assert (tree / "out" / "a.kmq").is_file()
    assert (tree / "out" / "b.kmq").stat().st_mtime_ns == before
    assert run("encode", "-r", "in", "-o", "out").exit_code == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["encode", "-r", "in", "-o", "-"],
        ["encode", "in/a.png", "in/b.png", "-o", "-"],
        ["encode", "-", "-"],
        ["decode", "-r", "in", "-o", "-"],
    ],
)
def test_standard_output_takes_one_file(tree, arguments):
    for name in ("a", "b"):
        (tree / "in" / f"{name}.kmq").write_bytes(kmq.encode(picture(0)))
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "standard output takes one file" in " ".join(result.stderr.split())


def test_an_empty_directory_is_reported(tree):
    (tree / "empty").mkdir()
    result = run("encode", "-r", "empty", "-o", "out")
    assert result.exit_code == 1
    assert "kmq: empty: there is nothing to do below it" in result.stderr


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("error", [kmq.FormatError("damaged"), batch.PassedOverError()])
def test_what_a_failing_input_held_is_freed_at_once(monkeypatch, threads, error):
    class Content:
        pass

    held = []

    def work(job, _):
        content = Content()
        held.append(weakref.ref(content))
        raise type(error)(*error.args)

    monkeypatch.setattr(gc, "enable", lambda: None)
    jobs = [Job(name, f"/none/{name}") for name in "abcde"]
    gc.disable()
    try:
        with contextlib.suppress(SystemExit):
            batch.run(jobs, work, Handling(force=True, quiet=True), threads=threads)
        kept = [reference() for reference in held if reference() is not None]
    finally:
        monkeypatch.undo()
        gc.enable()
    assert len(held) == 5
    assert kept == []


@pytest.mark.parametrize(("count", "is_enabled"), [(1, False), (2, True)])
def test_garbage_is_collected_where_there_are_many_inputs(count, is_enabled):
    jobs = [Job(str(number), f"/none/{number}") for number in range(count)]
    gc.disable()
    try:
        batch.run(
            jobs,
            lambda job, _: batch.Outcome(1, 1, "done"),
            Handling(force=True, quiet=True),
            threads=1,
        )
        assert gc.isenabled() == is_enabled
    finally:
        gc.enable()


@pytest.mark.parametrize("count", [1, 3])
def test_a_directory_without_images_is_reported(tree, count):
    (tree / "texts").mkdir()
    for number in range(count):
        (tree / "texts" / f"{number}.txt").write_text("not an image")
    result = run("encode", "-r", "texts", "-o", "out")
    assert result.exit_code == 1
    assert "kmq: texts: there is nothing to do below it" in result.stderr
    beside_others = run("encode", "-q", "-r", "texts", "in", "-o", "out")
    assert beside_others.exit_code == 1
    assert "kmq: texts: there is nothing to do below it" in beside_others.stderr
    assert (tree / "out" / "a.kmq").is_file()


def test_a_directory_that_is_named_with_a_slash_is_made(tree):
    result = run("encode", "in/a.png", "in/b.png", "-o", f"new{os.sep}")
    assert result.exit_code == 0, result.stderr
    assert sorted(path.name for path in (tree / "new").iterdir()) == ["a.kmq", "b.kmq"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
def test_a_directory_that_cannot_be_listed_fails(tree):
    (tree / "in" / "deep").chmod(0)
    try:
        result = run("encode", "-r", "in", "-o", "out")
    finally:
        (tree / "in" / "deep").chmod(0o755)
    assert result.exit_code == 1
    assert "in/deep: " in result.stderr


def test_directories_that_cannot_be_listed_are_tried_as_files(tree, monkeypatch):
    def walk(root, onerror):
        onerror(PermissionError(13, "Permission denied", f"{root}/locked"))
        return iter(())

    monkeypatch.setattr(os, "walk", walk)
    jobs = plan(["in"], Handling(recursive=True), extension=".kmq", wanted=lambda _: True)
    assert [job.source for job in jobs] == ["in/locked"]


def test_an_output_that_cannot_be_written_fails(tree):
    (tree / "out").write_text("a file where a directory should be")
    result = run("encode", "-r", "in", "-o", "out")
    assert result.exit_code == 1
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("threads", [1, 2])
def test_an_output_that_cannot_be_looked_for_fails_by_itself(capsys, threads):
    jobs = [Job("a", "a" * 999), Job("b", "/none/b")]
    with pytest.raises(SystemExit):
        batch.run(
            jobs,
            lambda job, _: batch.Outcome(1, 1, "done"),
            Handling(),
            threads=threads,
        )
    told = capsys.readouterr().err.splitlines()
    assert told[0].startswith("kmq: a: File name too long")
    assert told[1] == "b: done"


@pytest.fixture
def locked(tree, monkeypatch):
    """A folder of which a user may know nothing, and whatever is in it."""

    def denying(function):
        def asked(path, *arguments, **options):
            if os.fspath(path).startswith("locked"):
                raise PermissionError(13, "Permission denied", path)
            return function(path, *arguments, **options)

        return asked

    monkeypatch.setattr(os, "stat", denying(os.stat))
    monkeypatch.setattr(pathlib.Path, "stat", denying(pathlib.Path.stat))
    monkeypatch.setattr(pathlib.Path, "read_bytes", denying(pathlib.Path.read_bytes))
    monkeypatch.setattr(os.path, "isdir", genericpath.isdir)  # which asks os.stat everywhere


@pytest.mark.parametrize("recursive", [[], ["-r"]])
def test_an_input_that_cannot_be_looked_at_fails_by_itself(tree, locked, recursive):
    result = run("encode", *recursive, "locked/x.png", "in/a.png", "-o", f"out{os.sep}")
    assert result.exit_code == 1
    assert result.stderr.startswith("kmq: locked/x.png: Permission denied\n")
    assert (tree / "out" / "a.kmq").is_file()


@pytest.mark.parametrize("output", ["locked/x.kmq", "x" * 999])
def test_an_output_that_cannot_be_looked_at_is_reported(tree, locked, output):
    result = run("encode", "in/a.png", "-o", output)
    assert result.exit_code == 1
    assert result.stderr.startswith("kmq: in/a.png: ")
    assert f"({output})" in result.stderr


def test_an_input_that_may_not_be_read_fails_by_itself(tree, monkeypatch):
    read_bytes = pathlib.Path.read_bytes

    def reading(path):
        if path.name == "b.png":
            raise PermissionError(13, "Permission denied", str(path))
        return read_bytes(path)

    monkeypatch.setattr(os, "access", lambda path, *_: not str(path).endswith("b.png"))
    monkeypatch.setattr(pathlib.Path, "read_bytes", reading)
    result = run("encode", "in/b.png", "in/a.png")
    assert result.exit_code == 1
    assert result.stderr.startswith("kmq: in/b.png: Permission denied\n")
    assert (tree / "in" / "a.kmq").is_file()


def test_a_folder_without_a_name_that_cannot_be_listed_is_reported(tree, monkeypatch):
    def walk(root, onerror):
        onerror(PermissionError(13, "Permission denied", root))
        return iter(())

    monkeypatch.setattr(os, "walk", walk)
    for arguments in ([".", "-o", "out"], ["."], ["in", "-o", "."]):
        result = run("encode", "-r", *arguments)
        assert result.exit_code == 1
        assert result.stderr.startswith(f"kmq: {arguments[0]}: ")


@pytest.mark.parametrize("threads", [1, 2])
def test_a_fault_that_one_input_meets_does_not_stop_the_rest(capsys, threads):
    def work(job, _):
        if job.source == "a":
            raise IndexError("out of range\nby far")
        return batch.Outcome(1, 1, "done")

    jobs = [Job("a", "/none/a"), Job("b", "/none/b")]
    handling = Handling(force=True)
    with pytest.raises(SystemExit) as caught:
        batch.run(jobs, work, handling, threads=threads)
    assert caught.value.code == 1
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "kmq: a: unexpected: IndexError: out of range; please report it"
    assert told[1] == "b: done"
    with pytest.raises(IndexError):
        batch.run(jobs[:1], work, handling, threads=threads)


INTERRUPTED = """
from kmq.cli import batch
from kmq.cli.jobs import Handling, Job

def work(job, threads):
    if job.source == "b":
        raise KeyboardInterrupt
    return batch.Outcome(10, 5, "done")

jobs = [Job(name, "/none/" + name) for name in "abc"]
batch.run(jobs, work, Handling(force=True), threads=1)
"""


def test_an_interruption_says_what_was_done():
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == batch.INTERRUPTED
    assert done.stderr.splitlines()[0] == "a: done"
    assert done.stderr.splitlines()[-1].startswith("interrupted, 1 of 3 files")
    assert "Traceback" not in done.stderr


IN_FLIGHT = """
import os
import signal
import sys
import time
from pathlib import Path
from kmq.cli import _terminate, batch
from kmq.cli.jobs import Handling, Job

number, folder = int(sys.argv[1]), Path(sys.argv[2])
signal.signal(number, _terminate if number == signal.SIGTERM else signal.default_int_handler)

def work(job, threads):
    if job.source == "2":
        time.sleep(0.2)  # the others are told, and this one is waited for
        os.kill(os.getpid(), number)
        time.sleep(0.3)
    (folder / job.source).touch()
    return batch.Outcome(10, 5, "done")

jobs = [Job(str(name), "/none/" + str(name)) for name in range(40)]
batch.run(jobs, work, Handling(force=True), threads=3)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_is_finished_after_an_interruption_is_counted_and_told(tmp_path, number):
    done = subprocess.run(
        [sys.executable, "-c", IN_FLIGHT, str(int(number)), tmp_path],
        capture_output=True,
        text=True,
        timeout=60,
    )
    made = sorted(int(path.name) for path in tmp_path.iterdir())
    *lines, summary = done.stderr.splitlines()
    assert done.returncode == 128 + number
    assert summary.startswith(f"interrupted, {len(made)} of 40 files, ")
    assert lines == [f"{name}: done" for name in made]
    assert 2 in made
    assert len(made) < 40


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_no_half_file(tmp_path, number):
    for seed in range(300):
        Image.fromarray(picture(seed, 64, 64)).save(tmp_path / f"{seed:03}.png")
    program = [sys.executable, "-c", "from kmq.cli import main; main()"]
    with subprocess.Popen(
        [*program, "encode", "-r", tmp_path],
        stderr=subprocess.PIPE,
        text=True,
        # A shell has its background jobs, and so these tests, ignore the signal.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        while not any(tmp_path.glob("*.kmq")):
            time.sleep(0.01)
        process.send_signal(number)
        told = process.communicate(timeout=60)[1]
    assert process.returncode == 128 + number, told
    assert "Traceback" not in told
    assert not list(tmp_path.glob(".*"))
    done = list(tmp_path.glob("*.kmq"))
    assert 1 <= len(done) < 300
    assert told.splitlines()[-1].startswith(f"interrupted, {len(done)} of 300 files")
    for path in done:
        kmq.load(path)


def test_on_a_terminal_a_bar_is_shown_and_failures_above_it(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with reporting.reporter(2, quiet=False) as report:
        assert isinstance(report, reporting._ProgressBar)
        report.outcome("a.png", "not shown", ["a note"])
        report.advance()
        report.tell("kmq: b.png: [a] failure")
        report.advance()
    told = capsys.readouterr().err
    assert "kmq: a.png: a note" in told
    assert "kmq: b.png: [a] failure" in told
    assert "not shown" not in told
