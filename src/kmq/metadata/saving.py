"""Writing metadata into the files that Pillow writes."""

from __future__ import annotations

import io
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from kmq.metadata import Metadata, exif
from kmq.metadata.images import COMMENT, TIFF_TAGS, XMP_KEYWORD, XMP_TAG

_JPEG_SEGMENT = 65_000
"""The most bytes of metadata in one JPEG segment, leaving room for its header."""

_PNG_KEYWORD = 79
"""The most Latin-1 characters in a PNG keyword."""

_RESOLUTIONS: dict[str, tuple[Fraction | int, int]] = {
    "PNG": (1, 1 << 25),
    "BMP": (1, 1 << 25),
    "JPEG": (1, (1 << 16) - 1),
    "MPO": (1, (1 << 16) - 1),
    "TIFF": (Fraction(1, 1000), 1 << 31),
}
"""The lowest and highest pixels per inch of formats with a resolution."""

_WITH_EXIF_RESOLUTION = ("WEBP", "AVIF")
"""Formats that store the resolution only in EXIF."""

_WITH_EXIF = ("PNG", "JPEG", "MPO", "WEBP")
_WITH_EXIF_REWRITTEN = ("TIFF", "AVIF")
_WITH_XMP = ("PNG", "JPEG", "MPO", "WEBP", "AVIF", "TIFF")
_WITH_COMMENT = ("JPEG", "MPO")


def save_options(metadata: Metadata, kind: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return keywords for Pillow's `save` that write metadata, and at most one note.

    The note names metadata that the format cannot store or Pillow cannot write. PNG stores
    everything with a valid keyword; JPEG, TIFF and WebP store as much as fits; other formats
    store at most the resolution. A PNG also states that its samples are sRGB.

    Parameters
    ----------
    kind
        Pillow's name of the format, such as "PNG".
    """
    if kind == "KMQ":
        return {"metadata": metadata}, ()
    kept = _writable(metadata, kind)
    options: dict[str, Any] = {}
    if kept.resolution is not None and kind in _RESOLUTIONS:
        options["dpi"] = tuple(float(part) for part in kept.resolution)
    if kind == "TIFF":
        options["exif"] = _tiff_tags(kept)
    elif kept.exif:
        options["exif"] = exif.PREFIX + kept.exif
    elif kept.resolution is not None and kind in _WITH_EXIF_RESOLUTION:
        options["exif"] = exif.PREFIX + exif.of_resolution(kept.resolution)
    if kind == "PNG":
        options["pnginfo"] = _png_chunks(kept)
    elif kind != "TIFF":
        options["xmp"] = kept.xmp
        options["comment"] = "".join(text for _, text in kept.text)
    left_out = ", ".join(_left_out(metadata, kept))
    note = (f"not kept in {kind}: {left_out}",) if left_out else ()
    return {name: value for name, value in options.items() if value}, note


def _writable(metadata: Metadata, kind: str) -> Metadata:
    """Return the metadata that this kind of file can store and Pillow can write."""
    return Metadata(
        resolution=metadata.resolution if _states_resolution(metadata, kind) else None,
        exif=metadata.exif if _takes_exif(metadata.exif, kind) else b"",
        xmp=metadata.xmp if kind in _WITH_XMP and _has_room(metadata.xmp, kind) else b"",
        text=tuple(pair for pair in metadata.text if _takes_text(*pair, kind)),
    )


def _left_out(metadata: Metadata, kept: Metadata) -> Iterator[str]:
    for name, label in (("resolution", "resolution"), ("exif", "EXIF"), ("xmp", "XMP")):
        if getattr(kept, name) != getattr(metadata, name):
            yield label
    if count := len(metadata.text) - len(kept.text):
        yield f"{count:,} text{'s' if count > 1 else ''}"


def _states_resolution(metadata: Metadata, kind: str) -> bool:
    if metadata.resolution is None:
        return False
    if kind in _WITH_EXIF_RESOLUTION:
        is_written = _takes_exif(metadata.exif, kind)
        return not is_written or exif.resolution(metadata.exif) == metadata.resolution
    lowest, highest = _RESOLUTIONS.get(kind, (1, 0))
    return all(lowest <= part <= highest for part in metadata.resolution)


def _takes_exif(block: bytes, kind: str) -> bool:
    if kind in _WITH_EXIF_REWRITTEN:
        return exif.is_expanded_safely(block) and _is_rewritten(block, kind)
    return kind in _WITH_EXIF and _has_room(block, kind) and exif.is_sound(block)


def _is_rewritten(block: bytes, kind: str) -> bool:
    """Whether Pillow can rewrite this EXIF block, which it does in some formats."""
    try:
        tags = _tiff_tags(Metadata(exif=block)) if kind == "TIFF" else exif.PREFIX + block
        Image.new("L", (1, 1)).save(io.BytesIO(), kind, **({"exif": tags} if tags else {}))
    except MemoryError:
        raise
    except Exception:  # Pillow raises nearly anything on damaged bytes
        return False
    return True


def _takes_text(keyword: str, text: str, kind: str) -> bool:
    if kind in _WITH_COMMENT:
        return keyword == COMMENT and _has_room(text.encode(), kind)
    return (
        kind == "PNG"
        and len(keyword) <= _PNG_KEYWORD
        and all(" " <= letter <= "~" or "\xa1" <= letter <= "\xff" for letter in keyword)
        and keyword == keyword.strip()
        and keyword != XMP_KEYWORD
        and "\0" not in text
    )


def _has_room(block: bytes, kind: str) -> bool:
    return kind not in ("JPEG", "MPO") or len(block) <= _JPEG_SEGMENT


def _png_chunks(metadata: Metadata) -> PngInfo:
    chunks = PngInfo()
    chunks.add(b"sRGB", b"\0")  # perceptual intent, like most writers
    for keyword, text in metadata.text:
        if text.isascii():
            chunks.add_text(keyword, text)
        else:
            chunks.add_itxt(keyword, text)
    if metadata.xmp:
        chunks.add_itxt(XMP_KEYWORD, metadata.xmp.decode(errors="replace"))
    return chunks


def _tiff_tags(metadata: Metadata) -> Image.Exif | None:
    tags = Image.Exif()
    if metadata.exif:
        tags.load(exif.PREFIX + metadata.exif)
        for tag in list(tags):
            if tag not in (*TIFF_TAGS, ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
                del tags[tag]
    if metadata.xmp:
        tags[XMP_TAG] = metadata.xmp
    return tags if len(tags) else None
