"""Image.open and Image.save for `.kmq` files; `import kmq` registers them.

Opening reads only the head; the pixels are decoded when they are first asked for.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from kmq.pillow.plugin import KmqImageFile

FORMAT = "KMQ"


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
    """Save with the keywords of `kmq.encode`.

    A palette image keeps all its colours unless `colors` says otherwise, and so does
    one that was opened from a `.kmq` file.
    """
    from dataclasses import fields

    from kmq import codec
    from kmq.limits import MAX_COLORS
    from kmq.options import Options

    given = image.encoderinfo
    options = {field.name: given[field.name] for field in fields(Options) if field.name in given}
    if image.mode == "P":
        options.setdefault("colors", 256)
    elif image.format == FORMAT:
        options.setdefault("colors", MAX_COLORS)
    file.write(codec.encode(image, **options))


def _save_all(image: Image.Image, file: IO[bytes], name: str | bytes) -> None:
    """Save with `save_all`, which a caller may ask of every format: of one frame, its only one."""
    from kmq.errors import OptionError

    if image.encoderinfo.get("append_images") or getattr(image, "n_frames", 1) > 1:
        raise OptionError("save_all: a .kmq file holds one frame; save each in a file of its own")
    _save(image, file, name)
