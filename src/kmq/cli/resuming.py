"""Whether an output of an earlier run can stay as it is."""

from __future__ import annotations

from pathlib import Path

from kmq.cli.common import STANDARD
from kmq.container.fields import CHECKSUM_BYTES, checksum
from kmq.container.head import check_length, read_head
from kmq.errors import FormatError
from kmq.extensions import KMQ, extension_of


def is_up_to_date(source: str, target: str) -> bool:
    """Whether an existing output is whole and no older than its input."""
    if source == STANDARD:
        return False
    written = Path(target).stat().st_mtime_ns
    if written < Path(source).stat().st_mtime_ns:
        return False
    return _is_whole_kmq(target) if extension_of(target) == KMQ else _is_whole_image(target)


def _is_whole_kmq(target: str) -> bool:
    """Whether every length and every checksum is right; decoding would take longer."""
    path = Path(target)
    try:
        with path.open("rb") as file:
            head = read_head(file)
            check_length(head, path.stat().st_size)
            lengths = [stripe.length for stripe in head.stripes]
            if head.metadata_bytes:
                lengths.append(head.metadata_bytes)
            return all(checksum(file.read(n)) == file.read(CHECKSUM_BYTES) for n in lengths)
    except FormatError:
        return False


def _is_whole_image(target: str) -> bool:
    from PIL import Image

    try:
        with Image.open(target) as image:
            image.verify()  # checksums, where the format has any
        with Image.open(target) as image:
            image.load()
    except MemoryError:
        raise
    except Exception:  # Pillow's readers raise nearly anything on damaged bytes
        return False
    return True
