"""The metadata of a Pillow image."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from PIL import ExifTags, Image

from kmq.limits import MAX_METADATA
from kmq.metadata import MAX_KEYWORD_BYTES, MAX_TEXTS, Metadata, exif

XMP_KEYWORD = "XML:com.adobe.xmp"
XMP_TAG = 700
COMMENT = "Comment"

TIFF_TAGS = (
    ExifTags.Base.ImageDescription,
    ExifTags.Base.Make,
    ExifTags.Base.Model,
    ExifTags.Base.Software,
    ExifTags.Base.DateTime,
    ExifTags.Base.Artist,
    ExifTags.Base.HostComputer,
    ExifTags.Base.Copyright,
)
"""TIFF tags that describe the picture, not its storage."""

_XMP_END = b"<?xpacket end="
"""The end of a packet. Packets leave room before it, so that they can be edited in place."""

_XMP_ORIENTATION = re.compile(rb"(tiff:Orientation(?:=[\"']|>))([0-9])")

_RAW_PROFILE = "Raw profile type "
"""The prefix of ImageMagick's keywords for blocks that it stores as PNG texts."""

_INFO_OF_PILLOW = frozenset(
    ("background", "comment", "compression", "dpi", "exif", "icc_profile", "transparency", "xmp")
)
"""Keys of `Image.info` that are not keywords, or cannot be set to a text."""

_NOT_KEPT = {
    "GeoTIFF tags": (33550, 33922, 34264, 34735, 34736, 34737),
    "GDAL tags": (42112, 42113),
    "IPTC tags": (33723,),
}
"""TIFF tags that `Metadata` cannot represent."""

_NAMES = {"resolution": "resolution", "exif": "EXIF", "xmp": "XMP", "text": "texts"}

_DAMAGED_CHUNKS = {b"eXIf": "damaged EXIF", b"pHYs": "damaged resolution"}
"""PNG chunks that are not texts."""

_ITEM_BYTES = 5
"""The most bytes before an item's payload in the metadata block."""
_RESOLUTION_BYTES = 20
"""The most bytes of a resolution in the metadata block."""


def metadata_of(
    image: Image.Image, *, is_turned: bool = True, is_converted: bool = False
) -> tuple[Metadata, tuple[str, ...]]:
    """Return a loaded image's metadata, and at most one note about metadata that is not kept.

    Damaged or oversized metadata is dropped; it never costs the picture.

    Parameters
    ----------
    image
        A file that Pillow opened, or an image made from one.
    is_turned
        Whether the pixels that the metadata will describe have been turned upright.
    is_converted
        Whether they have been converted to sRGB from something else.
    """
    stored = getattr(image, "metadata", None)
    if isinstance(stored, Metadata) and _is_unchanged(image, stored):
        return stored, ()  # exact, whereas info has one text per keyword, and floats
    lost: list[str] = []
    found: dict[str, Any] = {}
    readers: dict[str, Callable[[Image.Image], Any]] = {
        "resolution": _resolution,
        "exif": lambda image: _exif(image, is_turned),
        "xmp": lambda image: _xmp(image, is_turned),
        "text": lambda image: _texts(image, lost),
    }
    for name, read in readers.items():
        try:
            if value := read(image):
                found[name] = getattr(Metadata(**{name: value}), name)
        except MemoryError:
            raise
        except Exception:  # Pillow's readers raise nearly anything on damaged bytes
            lost.append(f"damaged {_NAMES[name]}")
    kept = _fitting(Metadata(**found), lost)
    lost += _without_place(image)
    if is_converted and image.info.get("icc_profile"):
        lost.append("its colour profile, because the pixels are sRGB now")
    return kept, (f"not kept: {', '.join(lost)}",) if lost else ()


def info_of(metadata: Metadata) -> dict[str, Any]:
    """Return metadata in the form of Pillow's `Image.info`; of repeated keywords, the last."""
    info: dict[str, Any] = {
        keyword: text for keyword, text in metadata.text if keyword not in _INFO_OF_PILLOW
    }
    if metadata.resolution is not None:
        info["dpi"] = tuple(float(part) for part in metadata.resolution)
    if metadata.exif:
        info["exif"] = exif.PREFIX + metadata.exif
    if metadata.xmp:
        info["xmp"] = metadata.xmp
    return info


def orientation(image: Image.Image) -> int:
    """Return the EXIF orientation; 1 (upright) if none can be read.

    Pillow is asked only if there is no block, or if it has already read the block, because it
    copies everything in a block.
    """
    try:
        is_read = image._exif is not None and image._exif._loaded
        block = b"" if is_read else _exif_block(image)
        if not block:
            return int(image.getexif().get(ExifTags.Base.Orientation, exif.UPRIGHT))
        stated = exif.orientation(block)
        return _orientation_in_xmp(image) if stated is None else stated
    except MemoryError:
        raise
    except Exception:  # damaged EXIF turns nothing
        return exif.UPRIGHT


def _orientation_in_xmp(image: Image.Image) -> int:
    found = _XMP_ORIENTATION.search(_xmp_packet(image))
    return exif.UPRIGHT if found is None else int(found[2])


def _is_unchanged(image: Image.Image, stored: Metadata) -> bool:
    """Whether an image's info still equals the stored metadata."""
    info = {key: value for key, value in image.info.items() if key != "transparency"}
    return info == info_of(stored)


def _fitting(metadata: Metadata, lost: list[str]) -> Metadata:
    """Drop the largest items until the rest fits into a file; name them in `lost`."""
    exif_bytes, xmp_bytes = len(metadata.exif), len(metadata.xmp)
    texts = [
        (len(f"{keyword}\0{text}".encode()), (keyword, text)) for keyword, text in metadata.text
    ]
    while _block_bytes(exif_bytes, xmp_bytes, [size for size, _ in texts]) > MAX_METADATA:
        longest = max(texts, default=(0, ("", "")))
        largest = max(exif_bytes, xmp_bytes, longest[0])
        if largest == xmp_bytes:
            what, metadata, xmp_bytes = "XMP", replace(metadata, xmp=b""), 0
        elif largest == exif_bytes:
            what, metadata, exif_bytes = "EXIF", replace(metadata, exif=b""), 0
        else:
            what = f"the text {longest[1][0]!r}"
            texts.remove(longest)
            metadata = replace(metadata, text=tuple(pair for _, pair in texts))
        lost.append(f"{what} of {largest:,} bytes")
    return metadata


def _block_bytes(exif_bytes: int, xmp_bytes: int, texts: list[int]) -> int:
    """Return the largest possible metadata block with these sizes and a resolution."""
    return exif_bytes + xmp_bytes + sum(texts) + _ITEM_BYTES * (len(texts) + 3) + _RESOLUTION_BYTES


def _resolution(image: Image.Image) -> tuple[Any, Any] | None:
    dpi = image.info.get("dpi")
    if isinstance(dpi, tuple) and len(dpi) == 2 and not _is_invented(image):
        return (dpi[0], dpi[1]) if dpi[0] > 0 and dpi[1] > 0 else None
    return exif.resolution(_exif_block(image))


def _is_invented(image: Image.Image) -> bool:
    """Whether the resolution is Pillow's guess: 1 for a TIFF, 72 for a JPEG that states none."""
    if image.format == "TIFF":
        return ExifTags.Base.XResolution not in getattr(image, "tag_v2", {})
    return image.format in ("JPEG", "MPO") and image.info.get("jfif_unit") not in (1, 2)


def _exif(image: Image.Image, is_turned: bool) -> bytes:
    if image.format == "TIFF":
        return _exif_of_tiff(image)
    block = _exif_block(image)
    return exif.upright(block) if block and is_turned else block


def _exif_block(image: Image.Image) -> bytes:
    """Return the TIFF structure of an image's EXIF block as stored, empty if there is none."""
    stored = image.info.get("exif")
    if stored is None and isinstance(text := image.info.get(f"{_RAW_PROFILE}exif"), str):
        stored = _raw_profile(text)
    return bytes(stored or b"").removeprefix(exif.PREFIX)


def _raw_profile(text: str) -> bytes:
    """Return a block that ImageMagick wrote as text: a name, a length, and hexadecimal lines."""
    return bytes.fromhex("".join(text.split("\n")[3:]))


def _exif_of_tiff(image: Image.Image) -> bytes:
    """Return an EXIF block with the tags of a TIFF that describe the picture."""
    own = image.getexif()
    made = Image.Exif()
    for tag in TIFF_TAGS:
        if tag in own:
            made[tag] = own[tag]
    for part in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
        if part in own and (tags := own.get_ifd(part)):
            made.get_ifd(part).update(tags)
            made[part] = dict(tags)
    return made.tobytes().removeprefix(exif.PREFIX) if len(made) else b""


def _xmp(image: Image.Image, is_turned: bool) -> bytes:
    packet = _without_padding(_xmp_packet(image).rstrip(b"\0"))
    packet.decode()  # raises if it is not UTF-8
    return _XMP_ORIENTATION.sub(rb"\g<1>1", packet) if is_turned else packet


def _without_padding(packet: bytes) -> bytes:
    content, end, rest = packet.rpartition(_XMP_END)
    stripped = content.rstrip()
    is_padded = len(content) - len(stripped) > 1
    return stripped + b"\n" + end + rest if end and is_padded else packet


def _xmp_packet(image: Image.Image) -> bytes:
    packet = image.info.get("xmp", b"")
    if image.format == "TIFF" and not packet:
        packet = getattr(image, "tag_v2", {}).get(XMP_TAG, b"")
    return packet.encode() if isinstance(packet, str) else bytes(packet)


def _texts(image: Image.Image, lost: list[str]) -> list[tuple[str, str]]:
    """Return the texts that fit; report in `lost` how many do not."""
    found = [pair for pair in _pairs(image) if not _is_a_block(pair[0])]
    kept = [pair for pair in found if _fits(*pair)][:MAX_TEXTS]
    chunks = getattr(image, "left_out", ())  # PNG only
    lost += [label for kind, label in _DAMAGED_CHUNKS.items() if kind in chunks]
    left_out = len(found) - len(kept) + sum(kind not in _DAMAGED_CHUNKS for kind in chunks)
    if left_out:
        lost.append(f"{left_out:,} text{'s' if left_out > 1 else ''}, damaged or too long or many")
    return kept


def _pairs(image: Image.Image) -> Iterator[tuple[str, str]]:
    if image.format in ("PNG", "KMQ"):
        for keyword, text in getattr(image, "text", {}).items():
            yield keyword, str(text)
    elif image.format is None:  # made from an opened image, whose info it has
        for keyword, text in image.info.items():
            if keyword in _INFO_OF_PILLOW:
                continue
            if isinstance(keyword, str) and isinstance(text, str):
                yield keyword, str(text)
    if image.format != "PNG" and (comment := image.info.get("comment")):
        yield COMMENT, comment if isinstance(comment, str) else _decoded(comment)


def _is_a_block(keyword: str) -> bool:
    """Whether a text is actually a block of XMP, EXIF or a colour profile."""
    return keyword == XMP_KEYWORD or keyword.startswith(_RAW_PROFILE)


def _fits(keyword: str, text: str) -> bool:
    try:
        text.encode()
        return 1 <= len(keyword.encode()) <= MAX_KEYWORD_BYTES and "\0" not in keyword
    except UnicodeEncodeError:
        return False


def _decoded(comment: bytes) -> str:
    """Return a JPEG's or GIF's comment, which is UTF-8 today and was Latin-1 before."""
    try:
        return comment.rstrip(b"\0").decode()
    except UnicodeDecodeError:
        return comment.rstrip(b"\0").decode("latin-1")


def _without_place(image: Image.Image) -> Iterator[str]:
    """Yield the names of metadata that `Metadata` cannot represent."""
    tags = getattr(image, "tag_v2", {})
    for name, numbers in _NOT_KEPT.items():
        if any(number in tags for number in numbers):
            yield name
    if "photoshop" in image.info or f"{_RAW_PROFILE}iptc" in image.info:
        yield "IPTC tags"
