"""Shared by all benchmarks: rounds of timing, tables, and writing them into pages."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Generic, TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True)
class Timed(Generic[Result]):
    """The times of a task's runs, and what the last of them returned."""

    seconds: list[float]
    result: Result

    @property
    def median_ms(self) -> float:
        """The median time in milliseconds."""
        return 1000 * median(self.seconds)


def time_rounds(
    tasks: Mapping[str, Callable[[], Result]], repeats: Mapping[str, int]
) -> dict[str, Timed[Result]]:
    """Run each task `repeats[name]` times, at least once, and return its times.

    One round runs every task that has runs left, then the next round begins: when the
    machine slows down, it slows down for all.
    """
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    results: dict[str, Result] = {}
    for completed in range(max(repeats[name] for name in tasks)):
        for name, task in tasks.items():
            if completed < repeats[name]:
                start = time.perf_counter()
                result = task()
                seconds[name].append(time.perf_counter() - start)
                results[name] = result
    return {name: Timed(seconds[name], results[name]) for name in tasks}


def machine_line(packages: Iterable[str]) -> str:
    """Return the number of cores, the versions of Python and of `packages`, and the date.

    A package that is not installed is left out.
    """
    facts = [
        f"{_core_count()} cores",
        f"{platform.python_implementation()} {platform.python_version()}",
    ]
    for package in packages:
        try:
            facts.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return ", ".join([*facts, datetime.date.today().isoformat()])


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]], align: str) -> str:
    """Return a table padded to be read as plain text too.

    `align` has a letter for each column: "l" left, "r" right.
    """
    lines = [list(head), *map(list, rows)]
    widths = [max(3, *map(len, column)) for column in zip(*lines, strict=True)]
    rule = [
        "-" * (width - 1) + (":" if side == "r" else "-")
        for width, side in zip(widths, align, strict=True)
    ]
    lines.insert(1, rule)
    return "\n".join(_table_line(line, widths, align) for line in lines)


def write_between(path: Path, label: str, text: str) -> None:
    """Put `text` in place of what stands between the two marker lines of `label`.

    The markers are `<!-- LABEL begin -->` and `<!-- LABEL end -->`, each a line of its own.

    Raises
    ------
    ValueError
        If the file does not have each marker once, in this order.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    begin, end = find_markers(lines, label)
    lines[begin + 1 : end] = ["", *text.splitlines(), ""]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def find_markers(lines: Sequence[str], label: str) -> tuple[int, int]:
    """Return the positions of the begin and end marker of `label`, or raise ValueError."""
    markers = [f"<!-- {label} begin -->", f"<!-- {label} end -->"]
    for marker in markers:
        if lines.count(marker) != 1:
            raise ValueError(f"expected one line {marker}, found {lines.count(marker)}")
    begin, end = map(lines.index, markers)
    if begin > end:
        raise ValueError(f"{markers[1]} stands before {markers[0]}")
    return begin, end


def _core_count() -> int:
    """Return the number of processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _table_line(cells: Sequence[str], widths: Sequence[int], align: str) -> str:
    padded = [
        cell.rjust(width) if side == "r" else cell.ljust(width)
        for cell, width, side in zip(cells, widths, align, strict=True)
    ]
    return f"| {' | '.join(padded)} |"
