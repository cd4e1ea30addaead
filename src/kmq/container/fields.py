"""The fields of a `.kmq` file: variable-length numbers and checksums."""

from __future__ import annotations

import zlib
from typing import BinaryIO

from kmq.errors import FormatError

CHECKSUM_BYTES = 4
_VARINT_BYTES = 9


def checksum(data: bytes | bytearray | memoryview) -> bytes:
    """Return the CRC-32 of `data` as the file stores it."""
    return zlib.crc32(data).to_bytes(CHECKSUM_BYTES, "little")


def varint(number: int) -> bytes:
    """Return a number as unsigned LEB128: 7 bits per byte, low first; the high bit says "more"."""
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


class Reader:
    """Reads fields from a stream and keeps a byte count and a checksum."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._crc = 0
        self.count = 0

    def take(self, count: int, what: str) -> bytes:
        """Return the next `count` bytes."""
        data = self._stream.read(count)
        if len(data) < count:
            raise FormatError(f"the file ends within {what}")
        self._crc = zlib.crc32(data, self._crc)
        self.count += count
        return data

    def byte(self, what: str) -> int:
        """Return the next byte."""
        return self.take(1, what)[0]

    def varint(self, what: str, low: int = 0, high: int | None = None) -> int:
        """Return the next varint, which must be from `low` to `high` and in its shortest form."""
        number = 0
        for position in range(_VARINT_BYTES):
            byte = self.byte(what)
            number |= (byte & 0x7F) << 7 * position
            if byte < 0x80:
                break
        else:
            raise FormatError(f"{what} is longer than {_VARINT_BYTES} bytes")
        if byte == 0 and position > 0:
            raise FormatError(f"{what} is not in its shortest form")
        if number < low or (high is not None and number > high):
            raise FormatError(f"{what} is {number}, outside {low} to {high}")
        return number

    def checksum(self) -> bytes:
        """Return the checksum of all bytes taken so far."""
        return self._crc.to_bytes(CHECKSUM_BYTES, "little")
