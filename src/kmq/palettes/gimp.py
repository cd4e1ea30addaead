"""GIMP palettes, .gpl: read and written by GIMP, Inkscape, Krita and Aseprite."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from kmq.palettes.entries import OPAQUE, Entry, from_levels, to_hex
from kmq.palettes.lines import numbered

HEADER = "GIMP Palette"
_PROPERTY = re.compile(r"([A-Za-z]+):(.*)")


def read(text: str) -> Iterator[Entry]:
    """Yield the colours: lines `r g b name`, or `r g b a name` after `Channels: RGBA`."""
    channels = 3
    for number, line in numbered(text):
        if line.startswith((HEADER, "#")):
            continue
        if found := _PROPERTY.match(line):
            if found[1].lower() == "channels":
                channels = 4 if found[2].strip().upper() == "RGBA" else 3
            continue
        levels = line.split(None, channels)[:channels]
        if len(levels) < channels:
            levels = []  # three levels are not enough for RGBA
        yield from_levels(levels, line, f"line {number}")


def write(entries: Sequence[Entry], name: str) -> bytes:
    """Return a GIMP palette of this name, with a `Channels` line only if it is needed."""
    channels = 3 if all(alpha == OPAQUE for *_, alpha in entries) else 4
    lines = [HEADER, f"Name: {' '.join(name.split()) or 'kmq'}", "Columns: 16"]
    if channels == 4:
        lines.append("Channels: RGBA")
    lines.append("#")
    for entry in entries:
        levels = " ".join(f"{level:3}" for level in entry[:channels])
        lines.append(f"{levels}\t{to_hex(entry)}")
    return ("\n".join(lines) + "\n").encode("utf-8", "replace")
