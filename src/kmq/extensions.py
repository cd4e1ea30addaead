"""The formats that file extensions name."""

from __future__ import annotations

import mimetypes
import os
from pathlib import Path

from PIL import Image

KMQ = ".kmq"

_MORE_FORMATS = (".exr", ".jxl")
"""Image formats that neither Pillow nor Python's table of MIME types knows."""

_ANY_BYTES = "application/octet-stream"


def extension_of(name: str | os.PathLike[str]) -> str:
    """Return the extension of a file's name in lower case, such as ".png", or ""."""
    return Path(name).suffix.lower()


def picture_format(extension: str) -> str | None:
    """Return Pillow's name of the format for an extension such as ".png".

    Pillow loads all its formats only if the extension is not that of a common one.
    """
    Image.preinit()
    common = Image.EXTENSION.get(extension.lower())
    return common or Image.registered_extensions().get(extension.lower())


def names_another_format(name: str | os.PathLike[str]) -> bool:
    """Whether the extension of this name belongs to a format other than `.kmq`."""
    extension = extension_of(name)
    if extension in ("", KMQ):
        return False
    # A separate table, without the additions of the machine's configuration.
    known = mimetypes.MimeTypes()
    return (
        picture_format(extension) is not None
        or known.types_map[True].get(extension, _ANY_BYTES) != _ANY_BYTES
        or extension in known.encodings_map
        or extension in _MORE_FORMATS
    )
