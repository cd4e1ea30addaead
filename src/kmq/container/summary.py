"""The contents of a `.kmq` file's head, for people and for programs."""

from __future__ import annotations

import math
from base64 import b64encode
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO

from kmq.container.head import (
    CODINGS,
    GREY,
    GREY_ALPHA,
    LABELS,
    STRIPE_PIXELS,
    check_length,
    read_head,
)
from kmq.container.metadata import read
from kmq.files import at_its_beginning
from kmq.metadata import Metadata


def bits_in_theory(colors: int, pixels: int, *, has_alpha: bool = False) -> float:
    """Return 24 K + N log2 K for K colours and N pixels; 32 K for colours with alpha."""
    return (32 if has_alpha else 24) * colors + pixels * math.log2(colors)


def packed_allowance(pixels: int) -> int:
    """Return the largest number of bytes by which a packed file can exceed `bits_in_theory`.

    The head and one stripe of up to 2^20 pixels take 40 bytes at most. Each further 2^20
    pixels, or part of them, take 21: 5 in the stripe table, 4 for the checksum, 8 for the
    state, and less than 4 for the fractions of a bit lost per word.
    """
    return 40 + 21 * ((pixels - 1) // STRIPE_PIXELS)


@dataclass(frozen=True)
class StripeInfo:
    """A band of rows in the file."""

    first_row: int
    rows: int
    coding: str
    bytes: int
    """Bytes of the body, without its checksum."""


@dataclass(frozen=True)
class Info:
    """What the head and the metadata of a `.kmq` file say; `kmq.info` returns it.

    Attributes
    ----------
    width, height : int
        Pixels in a row, and rows.
    colors : int
        K, the number of palette entries.
    is_grey : bool
        Whether the palette is stored as greys.
    has_alpha : bool
        Whether the palette is stored with alpha.
    has_labels : bool
        Whether the palette is stored as labels of 16 bits.
    is_reordered : bool
        Whether the stripes number the palette's entries in an order of their own.
    metadata_bytes : int
        Bytes of metadata, without their checksum.
    metadata : Metadata
        Resolution, EXIF, XMP and text; empty if there is none, or if it is damaged.
    metadata_fault : str or None
        What is wrong with the metadata, or None.
    file_bytes : int
        Size of the file.
    stripes : tuple of StripeInfo
        First row, number of rows, coding and bytes of each stripe.

    Examples
    --------
    >>> import kmq
    >>> stripes = kmq.IndexedImage([[0, 0, 0], [255, 255, 255]], [[0, 1] * 8] * 8)
    >>> info = kmq.info(kmq.encode(stripes, coding="packed"))
    >>> info.colors, info.stripes[0].coding
    (2, 'packed')
    >>> info.theoretical_bits  # 24 K + N log2 K for K = 2 colours and N = 128 pixels
    176.0
    """

    width: int
    height: int
    colors: int
    is_grey: bool
    has_alpha: bool
    has_labels: bool
    is_reordered: bool
    metadata_bytes: int
    metadata: Metadata
    metadata_fault: str | None
    file_bytes: int
    stripes: tuple[StripeInfo, ...]

    @property
    def theoretical_bits(self) -> float:
        """24 K + N log2 K for K colours and N pixels; 32 K for colours with alpha."""
        return bits_in_theory(self.colors, self.width * self.height, has_alpha=self.has_alpha)

    @property
    def excess_bytes(self) -> float:
        """File size minus the theoretical size, in bytes; may be negative."""
        return self.file_bytes - self.theoretical_bits / 8

    @property
    def share(self) -> float:
        """File size divided by the theoretical size."""
        return 8 * self.file_bytes / self.theoretical_bits

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON; EXIF is in Base64."""
        return asdict(self) | {
            "metadata": _plain(self.metadata),
            "theoretical_bits": self.theoretical_bits,
            "excess_bytes": self.excess_bytes,
            "share": self.share,
        }


def read_info(stream: BinaryIO) -> Info:
    """Read the head and the metadata, and check the file's length against the head.

    A stream that cannot seek, such as a pipe, is read completely.

    Raises
    ------
    FormatError
        If the head is wrong, or the file's length differs from the one in the head.
    """
    stream = at_its_beginning(stream)
    head = read_head(stream)
    check_length(head, stream.seek(0, 2))
    metadata, fault = read(stream, head)
    stripes = tuple(
        StripeInfo(
            stripe.first_row,
            stripe.rows,
            CODINGS.get(stripe.coding, f"unknown ({stripe.coding})"),
            stripe.length,
        )
        for stripe in head.stripes
    )
    return Info(
        head.width,
        head.height,
        head.palette_size,
        head.layout in (GREY, GREY_ALPHA, LABELS),
        head.has_alpha,
        head.layout == LABELS,
        head.order is not None,
        head.metadata_bytes,
        metadata,
        None if fault is None else str(fault),
        head.file_size,
        stripes,
    )


def _plain(metadata: Metadata) -> dict[str, Any]:
    resolution = metadata.resolution
    return {
        "resolution": None if resolution is None else [float(part) for part in resolution],
        "exif": b64encode(metadata.exif).decode(),
        "xmp": metadata.xmp.decode(errors="replace"),
        "text": [list(pair) for pair in metadata.text],
    }
