"""Lengths that a file claims, which may be wrong."""

from __future__ import annotations

import io
from typing import IO


def read_claimed(file: IO[bytes], length: int) -> bytes:
    """Return the next `length` bytes, or fewer at the end, without allocating more than that."""
    position = file.tell()
    end = file.seek(0, io.SEEK_END)
    file.seek(position)
    return file.read(max(0, min(length, end - position)))
