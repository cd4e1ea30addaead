"""`kmq info`: what the head of a `.kmq` file says."""

from __future__ import annotations

import io
import math
from collections import Counter
from pathlib import Path

import click

from kmq.cli.common import FILE, STANDARD, display, for_each, read_input, say

# Not codec, which would load the options of encoding.
from kmq.container.summary import Info, read_info


@click.command()
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array, an object a file.")
def info(files: tuple[str, ...], as_json: bool) -> None:
    """Show what the head of .kmq files says; nothing else is read.

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
    share = found.share - 1
    lines = {
        "image": f"{found.width} x {found.height} pixels",
        "palette": f"{_counted(found.colors, 'colour')}, {'grey' if found.is_grey else 'RGB'}",
        "coding": _codings(found),
        "file": f"{found.file_bytes:,} bytes = {found.file_bytes * 8:,} bits, "
        f"{found.file_bytes * 8 / pixels:.3f} bits per pixel",
        "in theory": f"{found.theoretical_bits / 8:,.1f} bytes = "
        f"{found.theoretical_bits:,.0f} bits, if every colour takes 24 bits "
        f"and every pixel log2({found.colors:,}) = {bits:.3f} bits",
        "difference": f"the file is {abs(found.excess_bytes):,.1f} bytes "
        f"{'smaller' if share < 0 else 'larger'} than in theory, {abs(share):.1%}",
    }
    return "\n".join(
        [f"{display(source)}:", *(f"  {label:<11} {text}" for label, text in lines.items())]
    )


def _codings(found: Info) -> str:
    """Say how the indices are coded, and in how many bands of rows."""
    stripes = Counter(stripe.coding for stripe in found.stripes)
    if len(stripes) == 1:
        [(coding, count)] = stripes.items()
        return coding if count == 1 else f"{coding}, in {count:,} stripes"
    return ", ".join(f"{_counted(count, 'stripe')} {coding}" for coding, count in stripes.items())


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
