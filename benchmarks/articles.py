"""Sizes in articles on K-means compression, compared with the theoretical sizes and kmq's.

    python benchmarks/articles.py --images DIR

Such articles run K-means on a photograph, save the result again as PNG or JPEG, and report its
size. Like theirs, the pictures here are photographs that were first saved as JPEG.
"""

from __future__ import annotations

import argparse
import io
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import geometric_mean

from PIL import Image
from reporting import machine_line, markdown_table, write_between

import kmq
from kmq import pixels

COLORS = (2, 64)
JPEG_QUALITY = 90

REPORTED = (
    ("JPEG in", "not told", 250_100, 73_600),
    ("JPEG in", "not told", 173_000, 53_100),
    ("JPEG in", "not told", 117_700, 23_800),
    ("JPEG in", "not told", 299_200, 62_800),
    ("one picture", "2", 325_860, 198_355),
    ("one picture", "64", 325_860, 243_701),
)
"""The format saved again, K, and bytes before and after, according to the articles."""


@dataclass(frozen=True)
class Sizes:
    """One picture at one K, in bytes."""

    colors: int
    before: int
    as_png: int
    as_jpeg: int
    theoretical: float
    packed: int
    modelled: int


def measure(path: Path, colors: int) -> Sizes:
    """Save a picture as JPEG, quantise that, and return every size."""
    jpeg = io.BytesIO()
    Image.fromarray(pixels.read(path).rgb).save(jpeg, "JPEG", quality=JPEG_QUALITY)
    indexed = kmq.quantize(jpeg, colors)
    true_color = Image.fromarray(indexed.to_rgb())
    packed = kmq.encode(indexed, coding="packed")
    return Sizes(
        colors,
        len(jpeg.getvalue()),
        _saved(true_color, format="PNG"),
        _saved(true_color, format="JPEG", quality=JPEG_QUALITY),
        kmq.info(packed).theoretical_bits / 8,
        len(packed),
        len(kmq.encode(indexed)),
    )


def reported_table() -> str:
    """Return the sizes in articles, with their ratios."""
    rows = [
        [what, colors, f"{before:,}", f"{after:,}", f"{after / before:.2f}"]
        for what, colors, before, after in REPORTED
    ]
    return markdown_table(["reported", "K", "bytes before", "after", "ratio"], rows, "lrrrr")


def measured_table(sizes: list[Sizes]) -> str:
    """Return the geometric means over the pictures, also as shares of the JPEG file."""
    rows = []
    for colors in COLORS:
        group = [each for each in sizes if each.colors == colors]
        row = [str(colors)]
        for name in ("before", "as_png", "as_jpeg", "theoretical", "packed", "modelled"):
            size = geometric_mean(getattr(each, name) for each in group)
            share = geometric_mean(getattr(each, name) / each.before for each in group)
            row.append(f"{size:,.0f} ({share:.2f})")
        rows.append(row)
    head = ["K", "JPEG in", "PNG again", "JPEG again", "24 K + N log2 K", "kmq packed", "kmq"]
    return markdown_table(head, rows, "rrrrrrr")


def _saved(image: Image.Image, **how: object) -> int:
    file = io.BytesIO()
    image.save(file, **how)
    return file.tell()


def main() -> None:
    """Run the benchmark as the command line asks."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--images", type=Path, required=True, metavar="DIR")
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="put the tables between their markers"
    )
    arguments = parser.parse_args()
    paths = sorted(arguments.images.glob("*.png"))
    sizes = [measure(path, colors) for path in paths for colors in COLORS]
    report = (
        f"{reported_table()}\n\n{machine_line(['kmq', 'Pillow'])}; {len(paths)} photographs, "
        f"each a JPEG file of quality {JPEG_QUALITY} first: bytes, and as a share of that "
        f"file.\n\n{measured_table(sizes)}"
    )
    sys.stdout.write(report + "\n")
    if arguments.write:
        write_between(arguments.write, "articles", report)


if __name__ == "__main__":
    main()
