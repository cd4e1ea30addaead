"""What an ordinary image says about itself: out of Pillow, and back into what Pillow writes."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from typing import Any

from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from kmq.errors import OptionError
from kmq.metadata import MAX_KEYWORD_BYTES, MAX_TEXTS, Metadata

_EXIF_PREFIX = b"Exif\0\0"
"""In front of the TIFF structure of an EXIF block in JPEG; other formats have none."""

_XMP_KEYWORD = "XML:com.adobe.xmp"
_XMP_PADDING = re.compile(rb"\s{2,}(?=<\?xpacket end=[\"'][rw][\"']\?>\s*$)")
"""Room that a packet leaves to be edited in place."""

_XMP_TAG = 700

_JPEG_SEGMENT = 65_000
"""Bytes of metadata that one segment of a JPEG has room for, and its own header."""

_TIFF_TAGS = (
    ExifTags.Base.ImageDescription,
    ExifTags.Base.Make,
    ExifTags.Base.Model,
    ExifTags.Base.Software,
    ExifTags.Base.DateTime,
    ExifTags.Base.Artist,
    ExifTags.Base.HostComputer,
    ExifTags.Base.Copyright,
)
"""Tags of a TIFF that describe the picture and not how it is stored."""

_NOT_KEPT = {
    "GeoTIFF tags": (33550, 33922, 34264, 34735, 34736, 34737),
    "GDAL tags": (42112, 42113),
    "IPTC tags": (33723,),
}
_COMMENT = "Comment"


def metadata_of(image: Image.Image) -> tuple[Metadata, tuple[str, ...]]:
    """Return a loaded image's metadata, and notes on what of it cannot be kept.

    Damaged metadata never costs the picture: it is dropped with a note.
    """
    notes: list[str] = []
    found: dict[str, Any] = {}
    readers: dict[str, Callable[[Image.Image], Any]] = {
        "resolution": _resolution,
        "exif": _exif,
        "xmp": _xmp,
        "text": _text,
    }
    for name, read in readers.items():
        try:
            value = read(image)
            if value:
                found[name] = getattr(Metadata(**{name: value}), name)
        except MemoryError:
            raise
        except Exception:  # Pillow's readers raise nearly anything on damaged bytes
            notes.append(f"its {'EXIF' if name == 'exif' else name} is damaged and not kept")
    if lost := ", ".join(_not_kept(image)):
        notes.append(f"not kept: {lost}")
    return Metadata(**found), tuple(notes)


def save_options(metadata: Metadata, kind: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return keywords with which Pillow's `save` writes metadata, and notes on what is left out.

    PNG takes everything; JPEG, TIFF and WebP what they have room for; other formats
    at most the resolution. A PNG says that its samples are sRGB.
    """
    options: dict[str, Any] = {}
    written = set()
    if kind in ("PNG", "JPEG", "TIFF", "BMP") and metadata.resolution is not None:
        options["dpi"] = tuple(float(part) for part in metadata.resolution)
        written.add("resolution")
    if kind in ("PNG", "JPEG", "WEBP", "AVIF") and _fits(metadata.exif, kind):
        options["exif"] = _EXIF_PREFIX + metadata.exif if metadata.exif else b""
        written.add("exif")
    if kind in ("JPEG", "WEBP", "AVIF") and _fits(metadata.xmp, kind):
        options["xmp"] = metadata.xmp
        written.add("xmp")
    if kind == "PNG":
        options["pnginfo"] = _png_chunks(metadata)
        written |= {"xmp", "text"}
    if kind == "JPEG" and [keyword for keyword, _ in metadata.text] == [_COMMENT]:
        options["comment"] = metadata.text[0][1]
        written.add("text")
    if kind == "TIFF":
        options["exif"] = _tiff_tags(metadata)
        written |= {"exif", "xmp"}
    left_out = [
        name
        for name in ("resolution", "exif", "xmp", "text")
        if getattr(metadata, name) and name not in written
    ]
    notes = (f"not written to a {kind}: {', '.join(left_out)}",) if left_out else ()
    return {name: value for name, value in options.items() if value}, notes


def _fits(block: bytes, kind: str) -> bool:
    return kind != "JPEG" or len(block) <= _JPEG_SEGMENT


def _resolution(image: Image.Image) -> tuple[Any, Any] | None:
    dpi = image.info.get("dpi")
    if dpi is None or len(dpi) != 2 or not all(part > 0 for part in dpi):
        return None
    return dpi[0], dpi[1]


def _exif(image: Image.Image) -> bytes:
    """Return the EXIF block with the orientation "upright"."""
    if image.format == "TIFF":
        return _exif_of_tiff(image)
    stored = image.info.get("exif", b"")
    return _set_upright(stored.removeprefix(_EXIF_PREFIX)) if stored else b""


def _exif_of_tiff(image: Image.Image) -> bytes:
    """Return an EXIF block of the tags that describe the picture, which a TIFF has in itself."""
    own = image.getexif()
    made = Image.Exif()
    for tag in _TIFF_TAGS:
        if tag in own:
            made[tag] = own[tag]
    for part in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
        if part in own and (tags := own.get_ifd(part)):
            made.get_ifd(part).update(tags)
            made[part] = dict(tags)
    return made.tobytes().removeprefix(_EXIF_PREFIX) if len(made) else b""


def _set_upright(exif: bytes) -> bytes:
    """Return a TIFF structure whose first directory has no orientation but 1.

    The two bytes are set in place, because writing the block anew would move what maker
    notes point to.

    Raises
    ------
    ValueError, struct.error
        If it is no TIFF structure, or its first directory does not fit in it.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None:
        raise ValueError("not a TIFF structure")
    (start,) = struct.unpack_from(order + "I", exif, 4)
    (count,) = struct.unpack_from(order + "H", exif, start)
    changed = bytearray(exif)
    for place in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind = struct.unpack_from(order + "HH", exif, place)
        if tag == ExifTags.Base.Orientation and kind == 3:  # SHORT
            struct.pack_into(order + "HH", changed, place + 8, 1, 0)
    return bytes(changed)


def _xmp(image: Image.Image) -> bytes:
    packet = image.info.get("xmp", b"")
    if image.format == "TIFF" and not packet:
        packet = getattr(image, "tag_v2", {}).get(_XMP_TAG, b"")
    data = packet.encode() if isinstance(packet, str) else bytes(packet)
    return _XMP_PADDING.sub(b"\n", data.rstrip(b"\0"))


def _text(image: Image.Image) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    if image.format == "PNG":
        pairs += getattr(image, "text", {}).items()
    elif comment := image.info.get("comment"):
        pairs.append((_COMMENT, comment if isinstance(comment, str) else _decoded(comment)))
    return [
        (keyword, str(text))
        for keyword, text in pairs[:MAX_TEXTS]
        if keyword != _XMP_KEYWORD and 1 <= len(keyword.encode()) <= MAX_KEYWORD_BYTES
    ]


def _decoded(comment: bytes) -> str:
    """Return a JPEG's or GIF's comment, which is UTF-8 today and was Latin-1 before."""
    try:
        return comment.rstrip(b"\0").decode()
    except UnicodeDecodeError:
        return comment.rstrip(b"\0").decode("latin-1")


def _not_kept(image: Image.Image) -> Iterator[str]:
    tags = getattr(image, "tag_v2", {})
    for name, numbers in _NOT_KEPT.items():
        if any(number in tags for number in numbers):
            yield name
    if image.format == "JPEG" and "photoshop" in image.info:
        yield "IPTC tags"


def _png_chunks(metadata: Metadata) -> PngInfo:
    chunks = PngInfo()
    chunks.add(b"sRGB", b"\0")  # with the perceptual intent, which most writers choose
    for keyword, text in metadata.text:
        try:
            _add_text(chunks, keyword, text)
        except (ValueError, UnicodeEncodeError) as error:
            raise OptionError(f"text: a PNG cannot hold the keyword {keyword!r}") from error
    if metadata.xmp:
        chunks.add_itxt(_XMP_KEYWORD, metadata.xmp.decode(errors="replace"))
    return chunks


def _add_text(chunks: PngInfo, keyword: str, text: str) -> None:
    if text.isascii():
        chunks.add_text(keyword, text)
    else:
        chunks.add_itxt(keyword, text)


def _tiff_tags(metadata: Metadata) -> Image.Exif | None:
    tags = Image.Exif()
    if metadata.exif:
        tags.load(_EXIF_PREFIX + metadata.exif)
        for tag in list(tags):
            if tag not in (*_TIFF_TAGS, ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
                del tags[tag]
    if metadata.xmp:
        tags[_XMP_TAG] = metadata.xmp
    return tags if len(tags) else None
