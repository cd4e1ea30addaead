"""Outcomes: of each job of a run, and of all of them together."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from enum import Enum
from threading import Lock
from typing import Any, TypeAlias


@dataclass(frozen=True)
class Outcome:
    """The outcome of a job."""

    bytes_in: int
    bytes_out: int
    line: str
    notes: tuple[str, ...] = ()
    figures: dict[str, Any] = field(default_factory=dict)
    """What programs may want to know of it, ready for JSON."""


@dataclass(frozen=True)
class Failure:
    """Why a job failed. The message only: keeping the error would keep the job's data alive."""

    reason: str


class Untouched(Enum):
    """Why a job had no result, although nothing is wrong."""

    EXISTING = "the output exists"
    PASSED_OVER = "not an image"


Result: TypeAlias = Outcome | Failure | Untouched


def described(source: str, target: str, result: Result) -> dict[str, Any]:
    """Return the outcome of a job as plain values, ready for JSON."""
    files = {"input": source, "output": target}
    if isinstance(result, Failure):
        return files | {"error": result.reason}
    if isinstance(result, Untouched):
        return files | {"skipped": result.value}
    sizes = {"input_bytes": result.bytes_in, "output_bytes": result.bytes_out}
    return files | sizes | result.figures | {"notes": result.notes}


@dataclass
class Summary:
    """The outcome of all of them."""

    total: int
    done: int = 0
    failed: int = 0
    existing: int = 0
    passed_over: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    exit_code: int | None = None
    """That of an interruption, if there was one."""
    started: float = field(default_factory=time.perf_counter)
    _read: set[str] = field(default_factory=set)
    """Inputs whose bytes are counted: one with several frames has a job for each."""
    _lock: Lock = field(default_factory=Lock)

    def count(self, source: str, result: Result) -> None:
        """Count the result of a job with this input. Any thread may call it."""
        with self._lock:
            if isinstance(result, Outcome):
                self.done += 1
                if source not in self._read:
                    self._read.add(source)
                    self.bytes_in += result.bytes_in
                self.bytes_out += result.bytes_out
            elif isinstance(result, Failure):
                self.failed += 1
            elif result is Untouched.EXISTING:
                self.existing += 1
            else:
                self.passed_over += 1

    @property
    def line(self) -> str:
        """One line for people."""
        seconds = time.perf_counter() - self.started
        parts = [f"{self.done:,} of {self.total:,} files"]
        if self.exit_code is not None:
            parts.insert(0, "interrupted")
        if self.bytes_in:
            ratio = self.bytes_out / self.bytes_in
            parts.append(f"{self.bytes_in:,} -> {self.bytes_out:,} bytes ({ratio:.1%})")
        for count, what in (
            (self.failed, "failed"),
            (self.existing, "there already"),
            (self.passed_over, "not an image" if self.passed_over == 1 else "not images"),
        ):
            if count:
                parts.append(f"{count:,} {what}")
        return ", ".join([*parts, f"{seconds:.1f} s"])
