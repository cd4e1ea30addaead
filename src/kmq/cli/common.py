"""What the commands share: inputs, outputs, and how failures are reported."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import click

from kmq.container.head import SIGNATURE
from kmq.errors import FormatError, KmqError
from kmq.files import write_whole

STANDARD = "-"
"""The name that stands for standard input or output."""


class FileName(click.Path):
    """The name of a file; an empty one, which would stand for the folder, is wrong usage."""

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> str | bytes | os.PathLike[str]:
        """Return the name as it was given."""
        if value == "":
            self.fail("the name of a file is empty", param, ctx)
        return super().convert(value, param, ctx)


FILE = FileName(allow_dash=True, readable=False, path_type=str)
"""The name of a file, or `-`. Readability is checked on use, so that others go on."""

NOT_KMQ = "not a .kmq file; kmq encode makes such files of images"

FAILURES = (KmqError, OSError, MemoryError)
"""What may go wrong with an input without being a fault of kmq."""

INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 plus the number of the signal, as in shells."""


class Terminated(SystemExit):
    """The process was asked to end, by a signal that is not that of Ctrl-C."""

    def __init__(self, signal_number: int) -> None:
        self.exit_code = 128 + signal_number
        super().__init__(self.exit_code)


class StandardOutputError(OSError):
    """Standard output cannot be written to: no fault of an input, and the end of the run.

    It has no errno, because click silently swallows EPIPE.
    """


def exists(target: str) -> bool:
    """Whether the output is a file that is there already."""
    return target != STANDARD and Path(target).is_file()


def is_folder(name: str) -> bool:
    """Whether it is a directory; not if that cannot be told, for using it tells why."""
    return os.path.isdir(name)  # noqa: PTH112 - that of a Path may raise


def refuse_existing(target: str, *, force: bool) -> None:
    """Raise FileExistsError early if the output is there and may not be replaced."""
    if not force and exists(target):
        raise FileExistsError(f"{display(target)} exists; replace it with --force")


def require_folder(target: str) -> None:
    """Raise FileNotFoundError early if the folder that the output belongs in is missing."""
    if target != STANDARD and not Path(target).absolute().parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), target)


def read_input(source: str) -> bytes:
    """Return all bytes of a file or of standard input."""
    if source != STANDARD:
        return Path(source).read_bytes()
    if sys.stdin is None:
        raise OSError(errno.EBADF, "it is closed")
    return sys.stdin.buffer.read()


def read_kmq(source: str) -> bytes:
    """Return all bytes of a .kmq file, but only the first few of another, which may be endless."""
    if source == STANDARD:
        return read_input(source)
    with Path(source).open("rb") as file:
        prefix = file.read(len(SIGNATURE))
        return prefix if prefix != SIGNATURE else prefix + file.read()


def require_kmq(source: str) -> None:
    """Raise FormatError early if an ordinary file does not begin as a .kmq file does."""
    if source == STANDARD or not Path(source).is_file():
        return  # a pipe can be read only once
    with Path(source).open("rb") as file:
        if file.read(len(SIGNATURE)) != SIGNATURE:
            raise FormatError(NOT_KMQ)


def write_output(
    target: str,
    data: bytes,
    *,
    force: bool,
    with_folders: bool = False,
    is_text: bool = False,
) -> None:
    """Write a whole file, and where asked the folders above it, or standard output."""
    if target != STANDARD:
        if with_folders:
            Path(target).parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, data, overwrite=force)
        return
    _require_standard_output()
    if sys.stdout.isatty() and not is_text:
        raise click.UsageError("standard output is a terminal; redirect it or name a file with -o")
    with writing_standard_output():
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


def say(text: str, *, newline: bool = True) -> None:
    """Print on standard output, whole."""
    _require_standard_output()
    with writing_standard_output():
        click.echo(text, nl=newline)


def _require_standard_output() -> None:
    if sys.stdout is None:
        raise StandardOutputError("it is closed")


@contextlib.contextmanager
def writing_standard_output() -> Iterator[None]:
    """Raise what goes wrong meanwhile as StandardOutputError."""
    try:
        yield
    except OSError as error:
        raise StandardOutputError(reason(error)) from error


def for_each(sources: Iterable[str], work: Callable[[str], None]) -> None:
    """Run `work` on every input; a failing one is reported and does not stop the rest.

    Exits with code 1 if any failed.
    """
    failed = False
    for source in sources:
        try:
            work(source)
        except StandardOutputError:
            raise
        except FAILURES as error:
            failed = True
            tell(f"kmq: {display(source)}: {reason(error, source)}")
    if failed:
        sys.exit(1)


def tell(line: str) -> None:
    """Print a line for people, on standard error."""
    click.echo(line, err=True)


def tell_compiling() -> None:
    """Say once, before the first kernel is compiled, why nothing happens for a while."""
    from kmq import jit

    def announce() -> None:
        jit.on_compile.clear()
        tell(
            "kmq: compiling what this needs for this machine, once; it takes up to half a minute "
            "(kmq warmup compiles everything)"
        )

    jit.on_compile.append(announce)


def display(name: str) -> str:
    """Return a file's name as it can be printed: one line, whatever its bytes."""
    if name == STANDARD:
        return "standard input"
    return printable(os.fsencode(name).decode("utf-8", "backslashreplace"))


def printable(text: str) -> str:
    """Return a text as it can be printed: one line, without control characters."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def reason(error: Exception, told: str | None = None) -> str:
    """Return what an error says, in one line, with its file unless that is the one `told`."""
    if isinstance(error, OSError) and error.strerror:
        is_told = error.filename is None or os.fspath(error.filename) == told
        about = "" if is_told else f" ({display(str(error.filename))})"
        return f"{error.strerror}{about}"
    return "not enough memory" if isinstance(error, MemoryError) else str(error)


def fault(error: Exception) -> str:
    """Return what an error that is a fault of kmq itself says, in one line."""
    what, *_ = [*str(error).splitlines(), ""]
    return f"unexpected: {type(error).__name__}: {what}; please report it"
