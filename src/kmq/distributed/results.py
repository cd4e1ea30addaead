"""The results of files that a cluster processed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, overload


@dataclass(frozen=True, kw_only=True)
class FileResult:
    """The result of one file.

    Attributes
    ----------
    file, target
        URLs of the input and the output; there may be no output.
    bytes_in, bytes
        Sizes of both; None if there is none.
    width, height, colors
        Properties of the output.
    psnr
        Decibels; infinity if no pixel changed, None if nothing was compared.
    seconds
        The time that a worker took.
    lost
        What the input contains and the output does not, one phrase each.
    notes
        Remarks for the user, one line each.
    error
        The error message in one line; None if there was no error.
    is_unknown
        Whether the error is that the file is not an image of a known kind.
    """

    file: str
    target: str | None = None
    bytes_in: int | None = None
    bytes: int | None = None
    width: int | None = None
    height: int | None = None
    colors: int | None = None
    psnr: float | None = None
    seconds: float | None = None
    lost: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    error: str | None = None
    is_unknown: bool = False


@dataclass(frozen=True)
class Results(Sequence[FileResult]):
    """A table with one row per file, in the given order.

    Printing it shows the columns file, bytes, colours, PSNR and error.
    `pandas.DataFrame(results.rows())` has all columns.
    """

    files: tuple[FileResult, ...]

    @overload
    def __getitem__(self, place: int) -> FileResult: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[FileResult]: ...
    def __getitem__(self, place: int | slice) -> FileResult | Sequence[FileResult]:
        return self.files[place]

    def __len__(self) -> int:
        return len(self.files)

    def __iter__(self) -> Iterator[FileResult]:
        return iter(self.files)

    @property
    def failed(self) -> tuple[FileResult, ...]:
        """The files that failed."""
        return tuple(each for each in self.files if each.error is not None)

    def rows(self) -> list[dict[str, Any]]:
        """Return every file as a dict of plain values."""
        return [asdict(each) for each in self.files]

    def __str__(self) -> str:
        head = ("file", "bytes", "colours", "PSNR", "error")
        lines = [head, *(_cells(each) for each in self.files)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(
                cell.rjust(width) if 0 < place < 4 else cell.ljust(width)
                for place, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        )


def _cells(result: FileResult) -> tuple[str, str, str, str, str]:
    return (
        result.file,
        "" if result.bytes is None else f"{result.bytes:,}",
        "" if result.colors is None else f"{result.colors:,}",
        "" if result.psnr is None else f"{result.psnr:.2f}",
        result.error or "",
    )
