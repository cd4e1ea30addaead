"""How the outcomes of many inputs are shown: a line each, or a bar on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext

from kmq.cli.common import display, tell


def working(on: str, is_long: bool = True) -> AbstractContextManager[object]:
    """Show on a terminal, with the time that it has taken, that something is going on."""
    if not is_long or not _is_watched():
        return nullcontext()
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn()
    progress = Progress(*columns, console=Console(stderr=True), transient=True)
    progress.add_task(on, total=None)
    return progress


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
        """Tell what became of an input."""
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
