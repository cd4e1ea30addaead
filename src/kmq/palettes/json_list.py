"""JSON: a list of colours, alone or as "colors" in an object."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Iterator, Sequence
from typing import Any

from kmq.errors import FormatError
from kmq.palettes.entries import OPAQUE, Entry, from_hex, hex_digits, to_hex


def read(text: str) -> Iterator[Entry]:
    """Yield the colours: each "#rrggbb", [r, g, b], [r, g, b, a], or an object with one of these.

    Such an object has "r", "g", "b" and optionally "a", or a colour as "hex", "rgb" or "color".

    Raises
    ------
    FormatError
        If a line or colour is wrong; the message names it.
    """
    try:
        given = json.loads(text)
    except json.JSONDecodeError as error:
        raise FormatError(f"line {error.lineno}: not JSON: {error.msg}") from error
    except RecursionError as error:
        raise FormatError("not a palette: JSON nested too deeply") from error
    except ValueError as error:  # Python refuses to parse thousands of digits
        raise FormatError("not a palette: JSON with a number of too many digits") from error
    if isinstance(given, dict):
        given = given.get("colors")
    if not isinstance(given, list):
        raise FormatError('expected a list of colours, or an object with one as "colors"')
    for number, item in enumerate(given, 1):
        yield _entry(item, f"colour {number}")


def _entry(item: Any, where: str) -> Entry:
    if isinstance(item, dict):
        item = _without_keys(item)
    if isinstance(item, str):
        return from_hex(hex_digits(item.strip(), where))
    are_levels = isinstance(item, list) and len(item) in (3, 4)
    if are_levels and all(type(level) is int and 0 <= level <= 255 for level in item):
        red, green, blue, alpha = (*item, OPAQUE)[:4]
        return red, green, blue, alpha
    found = reprlib.repr(item)  # short, however long or deep the item is
    raise FormatError(f"{where}: expected #rrggbb or [r, g, b] from 0 to 255, got {found}")


def _without_keys(item: dict[str, Any]) -> Any:
    """Return the code or list of levels in an object, or the object if it has neither."""
    if "r" in item:
        return [item[key] for key in "rgba" if key in item]
    return next((item[key] for key in ("hex", "rgb", "color") if key in item), item)


def write(entries: Sequence[Entry], pixels: Sequence[int] | None) -> bytes:
    """Return an object with "colors" and, if given, the number of "pixels" of each."""
    described: dict[str, Any] = {"colors": [to_hex(entry) for entry in entries]}
    if pixels is not None:
        described["pixels"] = list(pixels)
    return (json.dumps(described, indent=2) + "\n").encode()
