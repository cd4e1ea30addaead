"""Image.open and Image.save for `.kmq` files; `import kmq` registers them.

Opening reads only the head and the metadata; the pixels are decoded on first use.
"""

from __future__ import annotations

from copy import copy
from typing import IO, TYPE_CHECKING, Any

from PIL import Image

if TYPE_CHECKING:
    from kmq.image import IndexedImage
    from kmq.pillow.plugin import KmqImageFile

FORMAT = "KMQ"

_PARTS_OF_METADATA = ("metadata", "dpi", "exif", "xmp")
"""Keywords of `save` that replace an image's own metadata."""


def register() -> None:
    """Make Pillow read and write `.kmq` files."""
    Image.register_open(FORMAT, _open, _accept)
    Image.register_save(FORMAT, _save)
    Image.register_save_all(FORMAT, _save_all)
    Image.register_extension(FORMAT, ".kmq")
    Image.register_mime(FORMAT, "image/x-kmq")


def _accept(prefix: bytes) -> bool:
    from kmq.container.head import SIGNATURE

    return prefix.startswith(SIGNATURE)


def _open(file: IO[bytes], name: str | bytes) -> KmqImageFile:
    from kmq.pillow.plugin import KmqImageFile

    return KmqImageFile(file, name)


def _save(image: Image.Image, file: IO[bytes], _name: str | bytes) -> None:
    """Save with the keywords of `kmq.encode`, and with Pillow's for metadata.

    The image's own metadata are kept; `dpi`, `exif` and `xmp` replace parts of them, as for a
    PNG, and `metadata`, a `kmq.Metadata`, replaces all of them. A palette image keeps its
    palette and indices unless `colors` or `sort` is given; any other image that was opened
    from a `.kmq` file keeps all its colours, or its labels.
    """
    from dataclasses import fields

    from kmq import codec
    from kmq.limits import MAX_COLORS
    from kmq.options import Options

    given = image.encoderinfo
    names = [*(field.name for field in fields(Options)), "weights"]
    options = {name: given[name] for name in names if name in given}
    parts = {name: given[name] for name in _PARTS_OF_METADATA if given.get(name) is not None}
    if parts:
        image = _described(image, parts)
    if image.format == FORMAT and image.mode == "I;16":
        file.write(codec.encode(_labels_of(image), **options))
        return
    if image.format == FORMAT and image.mode != "P":
        options.setdefault("colors", MAX_COLORS)
    file.write(codec.encode(image, **options))


def _labels_of(image: Image.Image) -> IndexedImage:
    """Return the labels of more than 8 bits that were opened from a `.kmq` file."""
    import numpy as np

    from kmq.image import IndexedImage
    from kmq.metadata.images import metadata_of

    return IndexedImage.from_labels(np.asarray(image)).with_metadata(metadata_of(image)[0])


def _described(image: Image.Image, parts: dict[str, Any]) -> Image.Image:
    """Return the same image, with shared pixels and other metadata."""
    from kmq.metadata.images import info_of

    image.load()
    other = copy(image)
    other._exif = None  # it was read from the old metadata
    other.info = image.info.copy()
    if (metadata := parts.pop("metadata", None)) is not None:
        transparency = image.info.get("transparency")
        other.info = {} if transparency is None else {"transparency": transparency}
        other.info.update(info_of(metadata))
        other.metadata = metadata  # type: ignore[attr-defined]  # exact, where info may not be
    if isinstance(block := parts.get("exif"), Image.Exif):
        parts["exif"] = block.tobytes()
    other.info.update(parts)
    return other


def _save_all(image: Image.Image, file: IO[bytes], name: str | bytes) -> None:
    """Save with `save_all`, which callers may set for any format, if there is a single frame."""
    from kmq.errors import OptionError

    if image.encoderinfo.get("append_images") or getattr(image, "n_frames", 1) > 1:
        raise OptionError("save_all: a .kmq file holds one frame; save each in a file of its own")
    _save(image, file, name)
