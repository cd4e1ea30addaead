"""Indices for display drivers: 1, 2, 4 or 8 bits per pixel, rows padded to bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kmq.errors import OptionError

if TYPE_CHECKING:
    from kmq.image import IndexedImage

BITS = (1, 2, 4, 8)
MSB, LSB = "msb", "lsb"
ORDERS = (MSB, LSB)


@dataclass(frozen=True)
class RawForm:
    """How indices are packed.

    Attributes
    ----------
    bits
        Bits per pixel, one of `BITS`.
    order
        Which bits of a byte contain its first pixel: "msb", the most significant, or "lsb".
    """

    bits: int
    order: str = MSB

    @property
    def most_colors(self) -> int:
        """The largest palette whose indices fit."""
        return 1 << self.bits

    def row_bytes(self, width: int) -> int:
        """Return the number of bytes in a row of `width` pixels."""
        return -(-width * self.bits // 8)


def packed(indexed: IndexedImage, form: RawForm) -> bytes:
    """Return the indices of an image row by row; each row is padded with zeros to whole bytes.

    Raises
    ------
    OptionError
        If the palette has more entries than `bits` bits can number.
    """
    import numpy as np

    entries = len(indexed.palette)
    if entries > form.most_colors:
        raise OptionError(
            f"raw: a palette of {entries:,} entries needs {(entries - 1).bit_length()} bits per "
            f"pixel; {form.bits} number {form.most_colors:,}"
        )
    pixels_per_byte = 8 // form.bits
    row_bytes = form.row_bytes(indexed.width)
    padded = np.zeros((indexed.height, row_bytes * pixels_per_byte), np.uint8)
    padded[:, : indexed.width] = indexed.indices
    shifts = form.bits * np.arange(pixels_per_byte, dtype=np.uint8)
    if form.order == MSB:
        shifts = shifts[::-1]
    groups = padded.reshape(indexed.height, row_bytes, pixels_per_byte) << shifts
    data: bytes = np.bitwise_or.reduce(groups, axis=2).tobytes()
    return data
