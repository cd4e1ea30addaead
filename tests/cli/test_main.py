"""What the process around the commands does."""

from __future__ import annotations

import pathlib
import signal
import warnings

import pytest
from click.testing import CliRunner

from kmq import KmqError, KmqWarning, OptionError, cli, jit, prebuilt, warming
from kmq.cli import batch
from kmq.cli.jobs import Handling, Job


@pytest.fixture
def main(monkeypatch):
    """The process's own function, which here changes nothing for good."""
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    for name in ("gc", "signal", "Image"):
        monkeypatch.setattr(cli, name, FakeModule())
    return cli.main


class FakeModule:
    """Stands for a module whose functions would change this process."""

    SIGTERM = signal.SIGTERM
    MAX_IMAGE_PIXELS = None

    def __getattr__(self, name):
        return lambda *_: None


def test_standard_output_that_fails_is_reported(main, monkeypatch, capsys):
    def fail(prog_name):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cli, "kmq", fail)
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 1
    assert capsys.readouterr().err == "kmq: standard output: No space left on device\n"


@pytest.mark.parametrize(("error", "code"), [(OptionError, 2), (KmqError, 1)])
def test_what_is_wrong_with_the_environment_is_reported_in_one_line(
    main, monkeypatch, capsys, error, code
):
    def fail(prog_name):
        raise error("KMQ_KERNELS: expected one of x86-64-v4, numba, got 'nonsense'")

    monkeypatch.setattr(cli, "kmq", fail)
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == code
    assert capsys.readouterr().err == (
        "kmq: KMQ_KERNELS: expected one of x86-64-v4, numba, got 'nonsense'\n"
    )


def test_a_warning_of_kmqs_is_one_line(monkeypatch, capsys):
    others = []
    monkeypatch.setattr(cli, "_show_any_warning", lambda *arguments: others.append(arguments))
    message = "compiled code cannot be kept"
    cli._show_warning(message, KmqWarning, "file.py", 1)
    assert capsys.readouterr().err == f"kmq: {message}\n"
    cli._show_warning(message, UserWarning, "file.py", 1)
    assert others == [(message, UserWarning, "file.py", 1, None, None)]


def test_what_fails_elsewhere_is_not_told_of_standard_output(main, monkeypatch, capsys):
    def fail(prog_name):
        raise OSError(13, "Permission denied", "x.png")

    monkeypatch.setattr(cli, "kmq", fail)
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 1
    assert capsys.readouterr().err == "kmq: Permission denied (x.png)\n"


def test_where_standard_error_fails_too_nothing_can_be_told(main, monkeypatch):
    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cli, "kmq", fail)
    monkeypatch.setattr(cli, "tell", fail)
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 1


def test_a_warm_up_of_compiled_kernels_says_which_are_in_use(monkeypatch):
    monkeypatch.setattr(jit, "in_use", "x86-64-v3")
    result = CliRunner().invoke(cli.kmq, ["warmup"])
    assert result.exit_code == 0
    assert result.output == "nothing to compile: kmq was installed with kernels for x86-64-v3\n"


def test_a_warm_up_that_can_keep_nothing_fails(monkeypatch):
    def fail():
        raise warming.NothingKeptError("compiled code cannot be kept")

    monkeypatch.setattr(jit, "in_use", prebuilt.NUMBA)
    monkeypatch.setattr(warming, "warm_up", fail)
    result = CliRunner().invoke(cli.kmq, ["warmup"])
    assert result.exit_code == 1
    assert result.stderr == "kmq: compiled code cannot be kept\n"


@pytest.mark.parametrize("command", ["compare", "encode", "info", "palette", "verify"])
def test_an_interruption_ends_every_command_with_its_code(monkeypatch, command):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(pathlib.Path, "read_bytes", interrupt)
    monkeypatch.setattr(pathlib.Path, "open", interrupt)
    result = CliRunner().invoke(cli.kmq, [command, "x"])
    assert result.exit_code == batch.INTERRUPTED
    assert "Aborted" not in result.output


def test_an_interruption_ends_a_batch_with_its_code(capsys):
    def interrupt(job, threads):
        raise KeyboardInterrupt

    jobs = [Job("a", "b"), Job("c", "d")]
    with pytest.raises(SystemExit) as caught:
        batch.run(jobs, interrupt, Handling(force=True), threads=1)
    assert caught.value.code == batch.INTERRUPTED
    assert capsys.readouterr().err.startswith("interrupted, 0 of 2 files")
