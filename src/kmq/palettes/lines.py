"""Text files: their encoding and their lines."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x19\x1b-\x1f\x7f]")
"""Characters that do not occur in text; 0x1a is allowed because it ended files in MS-DOS."""


def decoded(data: bytes) -> str | None:
    """Return the text in a file, or None if it is not text.

    The encoding is UTF-8 or UTF-16, with or without a byte order mark; anything else is read
    as Latin-1 unless it contains control characters.
    """
    for encoding in _encodings(data):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return None if _CONTROL.search(text) else text.rstrip("\x1a")
    return None


def _encodings(data: bytes) -> tuple[str, ...]:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return ("utf-16",)
    if data[:8:2].strip(b"\0") and not data[1:8:2].strip(b"\0") and len(data) > 1:
        return ("utf-16-le",)
    if data[1:8:2].strip(b"\0") and not data[:8:2].strip(b"\0"):
        return ("utf-16-be",)
    return ("utf-8-sig", "latin-1")


def numbered(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not empty, stripped, each with its number from 1."""
    for number, line in enumerate(io.StringIO(text, newline=None), 1):
        stripped = line.strip()
        if stripped:
            yield number, stripped
