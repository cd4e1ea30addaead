"""What is reported about an image that was quantized or decoded."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from kmq.cli.outcomes import Outcome

_POOR = 20.0
"""Decibels below which hardly anything of a picture can be seen."""


@dataclass(frozen=True, kw_only=True)
class Quantized:
    """What is reported about an image in few colours."""

    bytes_in: int
    bytes_out: int
    width: int
    height: int
    colors: int
    psnr: float
    """Decibels; infinity where no pixel changed."""
    seconds: float
    lost: tuple[str, ...] = ()
    """What the file held and the pixels that were read do not, one phrase each."""
    notes: tuple[str, ...] = ()
    frame: str = ""
    """Which of a file's pictures it is, such as "page 2"; empty if none was chosen."""
    frame_number: int | None = None
    max_bytes: int | None = None
    """The target that it had to meet."""
    is_dithered: bool = False
    """Whether pixels are not to be judged one by one."""

    def outcome(self) -> Outcome:
        """Return it as the outcome of a job."""
        which = f"{self.frame}: " if self.frame else ""
        line = (
            f"{which}{self.bytes_in:,} -> {self.bytes_out:,} bytes "
            f"({self.bytes_out / self.bytes_in:.1%}), "
            f"{self.colors:,} colour{'s' if self.colors > 1 else ''}, "
            f"{self._closeness()}, {self.seconds:.2f} s"
        )
        is_equal = math.isinf(self.psnr)
        figures = {
            **({} if self.frame_number is None else {"frame": self.frame_number}),
            "width": self.width,
            "height": self.height,
            "colors": self.colors,
            "exact": is_equal and not self.lost,
            "psnr": None if is_equal else round(self.psnr, 4),
            "seconds": round(self.seconds, 3),
            "lost": list(self.lost),
        }
        notes = (*self.notes, *self._remarks())
        return Outcome(self.bytes_in, self.bytes_out, line, notes, figures)

    def _closeness(self) -> str:
        """Say how close it is; exact only if nothing of the file was lost on the way."""
        if not math.isinf(self.psnr):
            return f"{self.psnr:.2f} dB"
        return f"lossless except for {', '.join(self.lost)}" if self.lost else "exact"

    def _remarks(self) -> Iterator[str]:
        """Yield what a person would not expect, one line each."""
        if self.colors == 1 and self.max_bytes is not None and not math.isinf(self.psnr):
            yield (
                f"only one colour fits in {self.max_bytes:,} bytes: nothing of the picture is left"
            )
        elif self.psnr < _POOR and not self.is_dithered:
            yield f"{self.psnr:.1f} dB is far from the original; more colours come closer"
        if self.bytes_out > self.bytes_in:
            grown = self.bytes_out - self.bytes_in
            yield f"the output is larger than the input, by {grown:,} bytes"


def decoded_outcome(
    bytes_in: int,
    bytes_out: int,
    width: int,
    height: int,
    colors: int,
    notes: tuple[str, ...],
    seconds: float,
) -> Outcome:
    """Return the outcome of decoding a .kmq file."""
    line = (
        f"{bytes_in:,} -> {bytes_out:,} bytes, {width}x{height}, "
        f"{colors:,} colour{'s' if colors > 1 else ''}, {seconds:.2f} s"
    )
    figures = {"width": width, "height": height, "colors": colors, "seconds": round(seconds, 3)}
    return Outcome(bytes_in, bytes_out, line, notes, figures)
