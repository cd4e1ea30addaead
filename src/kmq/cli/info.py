"""`kmq info`: what the head of a `.kmq` file says."""

from __future__ import annotations

import io
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
    codings = Counter(stripe.coding for stripe in found.stripes)
    theoretical = found.theoretical_bits
    text = io.StringIO()
    print(f"{display(source)}:", file=text)
    for name, value in (
        ("size", f"{found.width} x {found.height} pixels"),
        ("colours", f"{found.colors}, {'grey' if found.is_grey else 'RGB'}"),
        ("stripes", ", ".join(f"{count} {coding}" for coding, count in codings.items())),
        ("theoretical", f"{theoretical:,.0f} bits (24K + N log2 K), {theoretical / 8:,.1f} bytes"),
        ("actual", f"{found.file_bytes * 8:,} bits, {found.file_bytes:,} bytes"),
        ("difference", f"{found.excess_bytes:+,.1f} bytes, {found.share:.1%} of the theoretical"),
    ):
        print(f"  {name:<12} {value}", file=text)
    return text.getvalue().rstrip()
