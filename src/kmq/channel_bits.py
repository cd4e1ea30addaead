"""Colours with few bits per channel, which hardware stores and shows: RGB565 and the like."""

from __future__ import annotations

from dataclasses import dataclass

from kmq.errors import OptionError, shown

CHOICES = ("565", "555", "444", "332")


@dataclass(frozen=True)
class ChannelBits:
    """The bits that hardware has for red, green and blue, 1 to 8 each."""

    red: int
    green: int
    blue: int

    @classmethod
    def of(cls, given: object) -> ChannelBits:
        """Return the bits for one of `CHOICES`, given as a string or a number.

        Raises
        ------
        OptionError
            If it is something else.
        """
        if isinstance(given, cls):
            return given
        name = str(given) if isinstance(given, int | str) else ""
        if name not in CHOICES:
            raise OptionError(f"bits: expected one of {', '.join(CHOICES)}, got {shown(given)}")
        return cls(*map(int, name))

    def __str__(self) -> str:
        return f"{self.red}{self.green}{self.blue}"

    @property
    def levels(self) -> tuple[tuple[int, ...], ...]:
        """The samples that hardware can show, ascending, for red, green and blue."""
        return tuple(_levels(bits) for bits in (self.red, self.green, self.blue))

    def shows(self, color: tuple[int, int, int]) -> bool:
        """Whether hardware can show exactly this colour."""
        return all(sample in levels for sample, levels in zip(color, self.levels, strict=True))

    def nearest(self, color: tuple[int, int, int]) -> tuple[int, int, int]:
        """Return the nearest colour that hardware can show, on ties the darker one."""
        red, green, blue = (
            min(levels, key=lambda level: abs(level - sample))
            for sample, levels in zip(color, self.levels, strict=True)
        )
        return red, green, blue


def _levels(bits: int) -> tuple[int, ...]:
    """Return `bits`-bit numbers as hardware expands them: their bits repeat to fill eight bits."""
    repeats = -(-8 // bits)
    ones = sum(1 << bits * place for place in range(repeats))
    return tuple(number * ones >> (bits * repeats - 8) for number in range(1 << bits))
