"""Palettes as files: hex lines, GIMP's .gpl, JSON, a swatch picture, or a `.kmq` file's own."""

from __future__ import annotations

import io
import json
import re
import reprlib
from typing import Any

import numpy as np
from PIL import Image

from kmq.container.head import SIGNATURE, read_head
from kmq.container.palette import palette_of
from kmq.errors import FormatError
from kmq.image import Palette
from kmq.limits import MAX_COLORS

_HEX = re.compile(r"#?([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})")
_LEVELS = re.compile(r"\s*0*([0-9]{1,3})\s+0*([0-9]{1,3})\s+0*([0-9]{1,3})(?!\S)")
_GIMP_HEAD = "GIMP Palette"
_SWATCH = 32
"""Pixels a side of a colour in a swatch picture."""
_SWATCHES_A_ROW = 16


def parse(data: bytes) -> Palette:
    """Return the palette that a file's bytes hold; the kind is told by how they begin.

    Hex lines are one `#rrggbb` a line (the # may be left out; empty lines and lines
    that begin with `//` or `;` are passed over). JSON is a list of "#rrggbb" or
    [r, g, b], or an object with such a list as "colors".

    Raises
    ------
    FormatError
        Naming the line, or the entry, that is wrong, or how many colours there are.
    """
    if data.startswith(SIGNATURE):
        return _from_kmq(data)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError("not a palette: neither text nor a .kmq file") from error
    if text.startswith(_GIMP_HEAD):
        colors = _from_gimp(text)
    elif text.lstrip()[:1] in ("[", "{"):
        colors = _from_json(text)
    else:
        colors = _from_hex_lines(text)
    if not 1 <= len(colors) <= MAX_COLORS:
        held = f"{len(colors):,}" if colors else "none"
        raise FormatError(f"expected 1 to {MAX_COLORS:,} colours, the file holds {held}")
    return Palette(np.array(colors, np.uint8))


def to_hex(palette: Palette) -> str:
    """Return one `#rrggbb` a line, in index order."""
    return "".join(f"{color}\n" for color in hex_colors(palette))


def hex_colors(palette: Palette) -> list[str]:
    """Return each colour as `#rrggbb`, in index order."""
    return [f"#{bytes(color).hex()}" for color in palette.colors]


def to_gimp(palette: Palette, name: str) -> str:
    """Return a GIMP palette (.gpl), in index order."""
    one_line = " ".join(name.split()) or "kmq"
    lines = [_GIMP_HEAD, f"Name: {one_line}", "Columns: 16", "#"]
    lines += [
        f"{red:3} {green:3} {blue:3}\t{color}"
        for (red, green, blue), color in zip(palette.colors, hex_colors(palette), strict=True)
    ]
    return "\n".join(lines) + "\n"


def to_json(palette: Palette, pixels: list[int] | None = None) -> str:
    """Return a JSON object: "colors", and where given how many "pixels" have each."""
    described: dict[str, Any] = {"colors": hex_colors(palette)}
    if pixels is not None:
        described["pixels"] = pixels
    return json.dumps(described, indent=2) + "\n"


def to_picture(palette: Palette) -> Image.Image:
    """Return a picture of the colours as squares, sixteen a row, in index order."""
    columns = min(len(palette), _SWATCHES_A_ROW)
    rows = -(-len(palette) // columns)
    cells = np.full((rows, columns, 3), 255, np.uint8)
    cells.reshape(-1, 3)[: len(palette)] = palette.colors
    return Image.fromarray(cells.repeat(_SWATCH, axis=0).repeat(_SWATCH, axis=1))


def _from_kmq(data: bytes) -> Palette:
    return Palette(palette_of(read_head(io.BytesIO(data))))


def _from_hex_lines(text: str) -> list[tuple[int, ...]]:
    colors = []
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith(("//", ";")):
            continue
        colors.append(_hex_color(stripped, f"line {number}"))
    return colors


def _hex_color(given: str, where: str) -> tuple[int, ...]:
    match = _HEX.fullmatch(given)
    if match is None:
        raise FormatError(f"{where}: expected a colour such as #1e90ff, got {given[:40]!r}")
    return tuple(int(part, 16) for part in match.groups())


def _from_gimp(text: str) -> list[tuple[int, ...]]:
    colors = []
    for number, line in enumerate(text.splitlines()[1:], 2):
        if not line.strip() or line.startswith(("#", "Name:", "Columns:")):
            continue
        levels = _LEVELS.match(line)
        color = tuple(map(int, levels.groups())) if levels else ()
        if not color or max(color) > 255:
            raise FormatError(
                f"line {number}: expected red, green and blue from 0 to 255, got {line[:40]!r}"
            )
        colors.append(color)
    return colors


def _from_json(text: str) -> list[tuple[int, ...]]:
    try:
        given = json.loads(text)
    except json.JSONDecodeError as error:
        raise FormatError(f"line {error.lineno}: not JSON: {error.msg}") from error
    except RecursionError as error:
        raise FormatError("not a palette: JSON nested too deeply") from error
    except ValueError as error:  # Python refuses to read thousands of digits
        raise FormatError("not a palette: JSON with a number of too many digits") from error
    if isinstance(given, dict):
        given = given.get("colors")
    if not isinstance(given, list):
        raise FormatError('expected a list of colours, or an object with one as "colors"')
    return [_json_color(entry, f"colour {number}") for number, entry in enumerate(given, 1)]


def _json_color(entry: Any, where: str) -> tuple[int, ...]:
    if isinstance(entry, str):
        return _hex_color(entry, where)
    is_triple = isinstance(entry, list) and len(entry) == 3
    if is_triple and all(type(part) is int and 0 <= part <= 255 for part in entry):
        return tuple(entry)
    shown = reprlib.repr(entry)  # short, however long or deep the entry is
    raise FormatError(f"{where}: expected #rrggbb or [r, g, b] from 0 to 255, got {shown}")
