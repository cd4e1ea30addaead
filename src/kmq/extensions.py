"""What the extension of a file's name promises."""

from __future__ import annotations

import mimetypes
import os
from pathlib import Path

from PIL import Image

KMQ = ".kmq"

_MORE_FORMATS = (".exr", ".jxl")
"""Images that neither Pillow nor Python's table of MIME types knows."""

_ANY_BYTES = "application/octet-stream"


def extension_of(name: str | os.PathLike[str]) -> str:
    """Return the extension of a file's name in lower case, such as ".png", or ""."""
    return Path(name).suffix.lower()


def names_another_format(name: str | os.PathLike[str]) -> bool:
    """Whether the extension of this name belongs to a format that is not `.kmq`."""
    extension = extension_of(name)
    if extension in ("", KMQ):
        return False
    # A table of its own, which leaves out what the machine's configuration adds.
    known = mimetypes.MimeTypes()
    return (
        extension in Image.registered_extensions()
        or known.types_map[True].get(extension, _ANY_BYTES) != _ANY_BYTES
        or extension in known.encodings_map
        or extension in _MORE_FORMATS
    )
