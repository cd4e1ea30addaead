"""The kinds of palette files that can be written, by name and by file extension."""

from __future__ import annotations

from typing import NamedTuple

from kmq.extensions import extension_of
from kmq.limits import MAX_COLORS


class Kind(NamedTuple):
    """A kind of palette file."""

    name: str
    extensions: tuple[str, ...]
    """File extensions that select this kind for writing; empty if only its name does."""
    title: str
    """A short description."""
    most: int = MAX_COLORS
    """The most colours that it can store."""
    is_text: bool = True
    has_alpha: bool = True
    """Whether an entry may be transparent."""


KINDS = (
    Kind("hex", ("", ".hex", ".txt"), "#rrggbb, one colour per line"),
    Kind("rgb", (), "red, green and blue from 0 to 255, one colour per line"),
    Kind("gpl", (".gpl",), "GIMP, Inkscape, Krita, Aseprite"),
    Kind("jasc", (".pal",), "JASC .pal: Paint Shop Pro, Aseprite"),
    Kind("riff", (), "Microsoft RIFF .pal", most=0xFFFF, is_text=False, has_alpha=False),
    Kind("paintnet", (), "paint.net .txt"),
    Kind("act", (".act",), "Adobe colour table", most=256, is_text=False),
    Kind("aco", (".aco",), "Adobe Photoshop swatches", most=0xFFFF, is_text=False, has_alpha=False),
    Kind("ase", (".ase",), "Adobe swatch exchange", is_text=False, has_alpha=False),
    Kind("css", (".css",), "CSS custom properties"),
    Kind("json", (".json",), "JSON, with the number of pixels of each colour"),
    Kind("png", (".png",), "picture of the colours", is_text=False),
)
"""Every kind that can be written. All can be read, and so can other pictures and `.kmq` files."""


def kind_named(name: str) -> Kind:
    """Return the kind of this name, which must be in `KINDS`."""
    return next(kind for kind in KINDS if kind.name == name)


def kind_of_file(name: str) -> Kind | None:
    """Return the kind that a file name's extension selects, if any."""
    extension = extension_of(name)
    return next((kind for kind in KINDS if extension in kind.extensions), None)
