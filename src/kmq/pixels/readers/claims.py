"""Lengths that a file claims, and may not have."""

from __future__ import annotations

import io
from typing import IO


def read_claimed(file: IO[bytes], length: int) -> bytes:
    """Return the next `length` bytes, or those that there are, with no memory for more."""
    position = file.tell()
    end = file.seek(0, io.SEEK_END)
    file.seek(position)
    return file.read(max(0, min(length, end - position)))
