"""Lines of colours: hexadecimal, decimal, and paint.net's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice, takewhile

from kmq.limits import MAX_COLORS
from kmq.palettes.entries import Entry, from_hex, from_levels, hex_digits, to_hex
from kmq.palettes.lines import numbered

_COMMENTS = ("//", ";", "!")
_CODE = re.compile(r"[^\s,;]+")
_SEPARATORS = str.maketrans(",;", "  ")
_SHORT_NUMBER = re.compile(r"[0-9]{1,3}")
_PAINT_NET = "paint.net"


def read_hex(text: str) -> Iterator[Entry]:
    """Yield the colours of lines such as `#e03c28`, `e32` or `0xe03c28, 0xffffff`.

    Eight digits are red, green, blue and alpha, as in CSS. Without a #, they are alpha, red,
    green and blue if every colour is opaque in that order but not in the order of CSS.
    """
    codes = list(islice(_codes(text), MAX_COLORS + 1))
    long = [digits.lower() for has_hash, digits in codes if len(digits) == 8 and not has_hash]
    is_alpha_first = all(digits.startswith("ff") for digits in long) and not all(
        digits.endswith("ff") for digits in long
    )
    for has_hash, digits in codes:
        yield from_hex(digits, alpha_first=is_alpha_first and not has_hash)


def _codes(text: str) -> Iterator[tuple[bool, str]]:
    """Yield the digits of each code, and whether a # precedes them."""
    for number, line in _without_comments(text):
        for match in _CODE.finditer(line.partition("//")[0]):
            code = match[0].strip("'\"")
            yield code.startswith("#"), hex_digits(code, f"line {number}")


def write_hex(entries: Sequence[Entry]) -> bytes:
    """Return one `#rrggbb` per line."""
    return "".join(f"{to_hex(entry)}\n" for entry in entries).encode()


def holds_levels(text: str) -> bool:
    """Whether the first line begins with three short decimal numbers."""
    for _, line in _without_comments(text):
        levels = _levels(line)
        return len(levels) >= 3 and all(map(_SHORT_NUMBER.fullmatch, levels[:3]))
    return False


def read_levels(text: str) -> Iterator[Entry]:
    """Yield the colours of lines `r g b` or `r g b a`; a name may follow."""
    for number, line in _without_comments(text):
        levels = _levels(line)
        numbers = list(takewhile(str.isdecimal, levels))
        yield from_levels(numbers if len(numbers) > 3 else levels[:3], line, f"line {number}")


def _levels(line: str) -> list[str]:
    """Return the first words of a line, at most one more than a colour has levels."""
    return line.translate(_SEPARATORS).split(None, 5)[:5]


def write_levels(entries: Sequence[Entry]) -> bytes:
    """Return one line per entry: `r g b`, or `r g b a` if any entry is not opaque."""
    return "".join(f"{line}\n" for line in level_lines(entries)).encode()


def level_lines(entries: Sequence[Entry]) -> list[str]:
    """Return `r g b` for each entry, or `r g b a` if any entry is not opaque."""
    count = 3 if all(alpha == 255 for *_, alpha in entries) else 4
    return [" ".join(map(str, entry[:count])) for entry in entries]


def is_paint_net(text: str) -> bool:
    """Whether the first comment says that this is a paint.net palette."""
    first = next(numbered(text), (0, ""))[1]
    return first.startswith(";") and _PAINT_NET in first.lower()


def read_paint_net(text: str) -> Iterator[Entry]:
    """Yield the colours of a paint.net palette: `aarrggbb`, one per line."""
    for number, line in numbered(text):
        if not line.startswith(";"):
            yield from_hex(hex_digits(line, f"line {number}"), alpha_first=True)


def write_paint_net(entries: Sequence[Entry]) -> bytes:
    """Return a paint.net palette; paint.net itself shows the first 96 colours."""
    lines = ["; paint.net Palette File", f"; Colors: {len(entries)}"]
    lines += [bytes((alpha, red, green, blue)).hex().upper() for red, green, blue, alpha in entries]
    return ("\r\n".join(lines) + "\r\n").encode()


def _without_comments(text: str) -> Iterator[tuple[int, str]]:
    """Yield the numbered lines that are not comments: `// ...`, `; ...`, `! ...` or `# ...`."""
    for number, line in numbered(text):
        is_remark = line.startswith("#") and not line[1:2].strip()
        if not is_remark and not line.startswith(_COMMENTS):
            yield number, line
