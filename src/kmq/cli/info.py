"""`kmq info`: what the head and the metadata of a `.kmq` file say."""

from __future__ import annotations

import io
import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click

from kmq.cli.common import FILE, STANDARD, display, for_each, printable, read_input, say

# Not codec, which would load the options of encoding.
from kmq.container.summary import Info, read_info

_TEXTS_SHOWN = 10
_TEXT_SHOWN = 60
"""How many texts, and characters of each, are shown."""


@click.command()
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array, one object per file.")
def info(files: tuple[str, ...], as_json: bool) -> None:
    """Show what the head and the metadata of .kmq files say; nothing else is read.

    Long texts are cut short, and EXIF and XMP counted; --json has all of them, EXIF in
    Base64.

    \b
    Examples:
      kmq info photo.kmq
      kmq info --json *.kmq
    """
    objects = []

    def info_one(source: str) -> None:
        found = _info_of(source)
        if as_json:
            objects.append({"file": source} | found.to_dict())
        else:
            say(_described(source, found))

    try:
        for_each(files, info_one)
    finally:
        if as_json:
            import json

            say(json.dumps(objects, indent=2))


def _info_of(source: str) -> Info:
    if source == STANDARD:
        return read_info(io.BytesIO(read_input(source)))
    with Path(source).open("rb") as file:
        return read_info(file)


def _described(source: str, found: Info) -> str:
    pixels = found.width * found.height
    bits = math.log2(found.colors)
    bytes_in_theory = math.ceil(found.theoretical_bits / 8)
    share = found.share - 1
    lines = {
        "image": f"{found.width} x {found.height} pixels",
        "palette": _palette(found),
        "coding": _codings(found),
        "file": f"{found.file_bytes:,} bytes = {found.file_bytes * 8:,} bits, "
        f"{found.file_bytes * 8 / pixels:.3f} bits per pixel",
        "in theory": f"{_counted(bytes_in_theory, 'byte')} = "
        f"{found.theoretical_bits:,.0f} bits, if every colour takes "
        f"{32 if found.has_alpha else 24} bits "
        f"and every pixel log2({found.colors:,}) = {bits:.3f} bits",
        "difference": f"the file is {_counted(abs(found.file_bytes - bytes_in_theory), 'byte')} "
        f"{'smaller' if share < 0 else 'larger'} than in theory, {abs(share):.1%}",
    }
    rows = [*lines.items(), *_metadata_lines(found)]
    return "\n".join([f"{display(source)}:", *(f"  {label:<11} {text}" for label, text in rows)])


def _palette(found: Info) -> str:
    """Say how many entries the palette has, and of what."""
    if found.has_labels:
        return _counted(found.colors, "label")
    kind = "grey" if found.is_grey else "RGB"
    if found.has_alpha:
        kind = "grey and alpha" if found.is_grey else "RGBA"
    return f"{_counted(found.colors, 'colour')}, {kind}"


def _metadata_lines(found: Info) -> Iterator[tuple[str, str]]:
    """Yield a label and a text for each kind of metadata, and for the first texts."""
    if found.metadata_fault is not None:
        yield "metadata", f"damaged: {found.metadata_fault.removeprefix('metadata: ')}"
    elif found.metadata_bytes:
        yield "metadata", f"{_counted(found.metadata_bytes, 'byte')} of the file"
    metadata = found.metadata
    if metadata.resolution is not None:
        across, down = (f"{round(float(part), 2):g}" for part in metadata.resolution)
        yield "resolution", f"{across} x {down} pixels per inch"
    for label, block in (("EXIF", metadata.exif), ("XMP", metadata.xmp)):
        if block:
            yield label, _counted(len(block), "byte")
    for keyword, text in metadata.text[:_TEXTS_SHOWN]:
        yield "text", f"{_abbreviated(keyword)}: {_abbreviated(text)}"
    if (more := len(metadata.text) - _TEXTS_SHOWN) > 0:
        yield "text", f"and {more:,} more"


def _abbreviated(text: str) -> str:
    shown = printable(text[:_TEXT_SHOWN])
    return shown if len(text) <= _TEXT_SHOWN else f"{shown}... ({len(text):,} characters)"


def _codings(found: Info) -> str:
    """Say how the indices are coded, and in how many bands of rows."""
    stripes = Counter(stripe.coding for stripe in found.stripes)
    if len(stripes) == 1:
        [(coding, count)] = stripes.items()
        return coding if count == 1 else f"{coding}, in {count:,} stripes"
    return ", ".join(f"{_counted(count, 'stripe')} {coding}" for coding, count in stripes.items())


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
