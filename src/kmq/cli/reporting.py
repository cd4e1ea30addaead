"""How the outcomes of many inputs are shown: a line each, or a bar on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from threading import Lock, Timer
from typing import TYPE_CHECKING

from kmq.cli.common import display, tell

if TYPE_CHECKING:
    from rich.progress import Progress


PATIENCE = 2.0
"""Seconds of silence after which a person may wonder whether anything is going on."""


def working(on: str) -> AbstractContextManager[object]:
    """Show on a terminal, once it has taken `PATIENCE`, that something is going on.

    Nothing may be printed on standard output meanwhile.
    """
    return _Spinner(on) if _is_watched() else nullcontext()


class _Spinner(AbstractContextManager["_Spinner"]):
    """Shows what is going on and for how long, after a while."""

    def __init__(self, on: str) -> None:
        self._on = on
        self._lock = Lock()
        self._is_over = False
        self._progress: Progress | None = None
        self._timer = Timer(PATIENCE, self._show)
        self._timer.daemon = True

    def __enter__(self) -> _Spinner:
        self._began = time.monotonic()
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            self._is_over = True
            if self._progress is not None:
                self._progress.stop()

    def _show(self) -> None:
        """Begin to show it, in the timer's thread."""
        from rich.console import Console
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
        )
        with self._lock:
            if self._is_over:
                return
            self._progress = Progress(
                *columns,
                console=Console(stderr=True),
                transient=True,
                redirect_stdout=False,
            )
            self._progress.add_task(self._on, total=None)
            self._progress.tasks[0].start_time = self._began
            self._progress.start()


class Reporter(AbstractContextManager["Reporter"]):
    """Tells every outcome in a line of its own; failures even when quiet."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet

    def __exit__(self, *_: object) -> None:
        pass

    def tell(self, line: str) -> None:
        """Tell a line, whatever else is shown."""
        tell(line)

    def outcome(self, source: str, line: str, notes: Iterable[str]) -> None:
        """Report the result of an input."""
        if self._quiet:
            return
        for note in notes:
            self.tell(f"kmq: {display(source)}: {note}")
        self._outcome_line(f"{display(source)}: {line}")

    def advance(self) -> None:
        """Count an input."""

    def _outcome_line(self, line: str) -> None:
        tell(line)


class _ProgressBar(Reporter):
    """Shows a bar with rate and time left instead of a line for each outcome."""

    def __init__(self, total: int) -> None:
        super().__init__(quiet=False)
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
        from rich.progress import TimeRemainingColumn as TimeLeft

        self._console = Console(stderr=True)
        self._progress = Progress(
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeLeft(),
            console=self._console,
            transient=True,
        )
        self._started = time.perf_counter()
        self._done = 0
        self._task = self._progress.add_task("", total=total, rate="")

    def __enter__(self) -> _ProgressBar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def tell(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _outcome_line(self, line: str) -> None:
        pass

    def advance(self) -> None:
        self._done += 1
        rate = self._done / (time.perf_counter() - self._started)
        self._progress.update(self._task, advance=1, rate=f"{rate:,.1f} files/s")


def reporter(total: int, quiet: bool) -> Reporter:
    """Return a bar for many inputs on a terminal, else lines."""
    if total > 1 and not quiet and _is_watched():
        return _ProgressBar(total)
    return Reporter(quiet)


def _is_watched() -> bool:
    """Whether standard error is a terminal; there is none if it was closed."""
    return sys.stderr is not None and sys.stderr.isatty()
