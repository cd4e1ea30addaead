"""Palette files: those of other tools, pictures, and the palette of a `.kmq` file.

There is one module per family of files. Each reads its text or bytes into entries of red,
green, blue and alpha, and writes such entries. Slow imports are deferred until use, so the
list of kinds loads quickly.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import IO, TYPE_CHECKING

from kmq.errors import FormatError, OptionError
from kmq.extensions import extension_of
from kmq.limits import DEFAULT_MAX_PIXELS, MAX_COLORS
from kmq.palettes.kinds import KINDS, Kind, kind_named, kind_of_file

if TYPE_CHECKING:
    from kmq.image import Palette
    from kmq.palettes.entries import Entry

__all__ = ["KINDS", "Kind", "kind_named", "kind_of_file", "read", "write"]

MOST_BYTES = 1 << 23
"""Larger files are read only if they are pictures or `.kmq` files."""

_TEXT_PICTURES = ("P1", "P2", "P3", "P4", "P5", "P6", "P7", "Pf", "PF", "#define", "/* XPM")
"""The first characters of pictures that are text or may look like it."""


def read(file: IO[bytes], *, name: str = "", max_pixels: int = DEFAULT_MAX_PIXELS) -> Palette:
    """Return the palette in a file, whose kind is recognised by its contents.

    Parameters
    ----------
    file
        Open for reading bytes, at its beginning.
    name
        The file's name, which matters only for `.act` files, because they have no signature.
    max_pixels
        Pictures with more pixels are refused.

    Raises
    ------
    FormatError
        If a line or colour is wrong, which the message names; or if the file is not a
        palette, or has no colours or more than 65,536.
    LimitError
        If it is a picture with more than `max_pixels` pixels.
    """
    from kmq.image import Palette

    entries = list(islice(_entries(file, name, max_pixels), MAX_COLORS + 1))
    if not entries:
        raise FormatError(f"expected 1 to {MAX_COLORS:,} colours, the file holds none")
    if len(entries) > MAX_COLORS:
        raise FormatError(f"the file holds more than {MAX_COLORS:,} colours")
    return Palette(entries)


def write(
    palette: Palette, kind: Kind, *, name: str = "kmq", pixels: Sequence[int] | None = None
) -> bytes:
    """Return a palette as a file of this kind, in index order.

    Parameters
    ----------
    name
        The palette's name, used if the kind has a place for it.
    pixels
        The number of pixels of each colour, used if the kind has a place for it.

    Raises
    ------
    OptionError
        If the kind cannot store this number of colours, or these colours.
    """
    if len(palette) > kind.most:
        raise OptionError(
            f"palette: {len(palette):,} colours, but the kind {kind.name} holds at most "
            f"{kind.most:,}; choose another"
        )
    if palette.has_alpha and not kind.has_alpha:
        raise OptionError(f"palette: the kind {kind.name} holds no transparent colours")
    entries: list[Entry] = [tuple(entry) for entry in palette.to_rgba().tolist()]
    return _written(entries, kind.name, name, pixels)


def _entries(file: IO[bytes], name: str, max_pixels: int) -> Iterable[Entry]:
    from kmq.container.head import SIGNATURE

    data = file.read(MOST_BYTES + 1)
    if data.startswith(SIGNATURE):
        return _of_kmq(data)
    is_whole = len(data) <= MOST_BYTES
    if is_whole:
        found = _recognised(data, name)
        if found is not None:
            return found
    from kmq.palettes import picture

    source = io.BytesIO(data) if is_whole else file
    found = picture.read(source, max_pixels) if source.seekable() else None
    if found is not None:
        return found
    if not is_whole:
        raise FormatError(f"not a palette: it has more than {MOST_BYTES:,} bytes")
    return _unsigned(data)


def _of_kmq(data: bytes) -> Iterable[Entry]:
    from kmq.container.head import read_head
    from kmq.container.palette import palette_of
    from kmq.image import Palette

    rgba = Palette(palette_of(read_head(io.BytesIO(data)))).to_rgba()
    return [tuple(entry) for entry in rgba.tolist()]


def _recognised(data: bytes, name: str) -> Iterable[Entry] | None:
    """Return the entries if the file cannot be a picture, otherwise None."""
    from kmq.palettes import adobe, pal
    from kmq.palettes.lines import decoded

    if pal.is_riff(data):
        return pal.read_riff(data)
    if data.startswith(adobe.EXCHANGE_SIGNATURE):
        return adobe.read_exchange(data)
    if extension_of(name) == ".act" and len(data) in adobe.TABLE_SIZES:
        return adobe.read_table(data)
    text = decoded(data)
    if text is not None and not text.startswith(_TEXT_PICTURES):
        return _of_text(text)
    return None


def _of_text(text: str) -> Iterable[Entry]:
    from kmq.palettes import gimp, json_list, pal
    from kmq.palettes import text as lines

    if text.startswith(gimp.HEADER):
        return gimp.read(text)
    if text.startswith(pal.JASC_HEADER):
        return pal.read_jasc(text)
    if text.lstrip()[:1] in ("[", "{"):
        return json_list.read(text)
    if lines.is_paint_net(text):
        return lines.read_paint_net(text)
    if lines.holds_levels(text):
        return lines.read_levels(text)
    from kmq.palettes import css

    return css.read(text) if css.is_css(text) else lines.read_hex(text)


def _unsigned(data: bytes) -> Iterable[Entry]:
    """Return the entries of a file without a signature, which has to fit exactly."""
    from kmq.palettes import adobe

    if adobe.is_swatches(data):
        return adobe.read_swatches(data)
    if len(data) in adobe.TABLE_SIZES:
        return adobe.read_table(data)
    raise FormatError("not a palette: neither text nor a palette or picture of a known kind")


def _written(entries: Sequence[Entry], kind: str, name: str, pixels: Sequence[int] | None) -> bytes:
    from kmq.palettes import adobe, gimp, json_list, pal
    from kmq.palettes import text as lines

    if kind == "gpl":
        return gimp.write(entries, name)
    if kind == "json":
        return json_list.write(entries, pixels)
    if kind == "css":
        from kmq.palettes import css

        return css.write(entries)
    if kind == "png":
        from kmq.palettes import picture

        return picture.write(entries)
    return {
        "hex": lines.write_hex,
        "rgb": lines.write_levels,
        "paintnet": lines.write_paint_net,
        "jasc": pal.write_jasc,
        "riff": pal.write_riff,
        "act": adobe.write_table,
        "aco": adobe.write_swatches,
        "ase": adobe.write_exchange,
    }[kind](entries)
