"""The cost of a palette's original order: pngquant's palettes, kept and arranged by kmq.

    python benchmarks/orders.py --images DIR [DIR ...] --colors 32,256

libimagequant, the library of pngquant, quantises each image. Its palette, in the order in
which it lists the entries, is stored in three ways: arranged by kmq; in its original order,
kmq's default; and in its original order without the format's permutation. Every file is
decoded and compared.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from statistics import mean

import imagequant
import numpy as np
from PIL import Image
from reporting import machine_line, markdown_table, write_between

import kmq
from kmq.clustering.palette import order_of
from kmq.container.writing import dumps

PAGE = Path(__file__).parent / "README.md"


def quantized(path: Path, colors: int) -> kmq.IndexedImage:
    """Return what libimagequant makes of an image over white, without dithering."""
    with Image.open(path) as image:
        rgba = image.convert("RGBA")
    white = Image.new("RGBA", rgba.size, "white")
    opaque = Image.alpha_composite(white, rgba)
    indices, palette = imagequant.quantize_raw_rgba_bytes(
        opaque.tobytes(), *opaque.size, dithering_level=0.0, max_colors=colors
    )
    entries = np.array(palette, np.uint8).reshape(-1, 4)[:colors, :3]
    plane = np.frombuffer(indices, np.uint8).reshape(opaque.height, opaque.width)
    return kmq.IndexedImage(entries[: int(plane.max()) + 1], plane)


def arranged(image: kmq.IndexedImage) -> kmq.IndexedImage:
    """Return the same pixels with the palette in kmq's order."""
    order = order_of(image.palette)
    rank = np.empty(len(order), np.uint16)
    rank[order] = np.arange(len(order))
    return kmq.IndexedImage(image.palette[order], rank[image.indices])


def sizes(image: kmq.IndexedImage) -> tuple[int, int, int, int]:
    """Return bytes arranged, kept, and kept without a permutation; and those of one."""
    kept = kmq.encode(image)
    if kmq.load(kept) != image:
        raise RuntimeError("the order was not kept")
    permutation = -(-len(image.palette) * (len(image.palette) - 1).bit_length() // 8)
    return len(dumps(arranged(image))), len(kept), len(dumps(image)), permutation


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=Path, nargs="+", required=True)
    parser.add_argument("--colors", default="32,256")
    parser.add_argument("--write", action="store_true", help="put the table into README.md")
    arguments = parser.parse_args()
    rows = []
    for folder in arguments.images:
        paths = sorted(path for path in folder.iterdir() if path.suffix in (".png", ".jpg"))[1::2]
        for colors in map(int, arguments.colors.split(",")):
            found = [sizes(quantized(path, colors)) for path in paths]
            plain = [without / best - 1 for best, _, without, _ in found]
            kept = [own / best - 1 for best, own, _, _ in found]
            beside = [(own - extra) / best - 1 for best, own, _, extra in found]
            cells = [f"{mean(plain):+.2%}", f"{max(plain):+.2%}"]
            cells += [f"{mean(kept):+.2%}", f"{mean(beside):+.2%}", f"{max(beside):+.2%}"]
            rows.append([folder.name, str(colors), str(len(found)), *cells])
    head = ["images", "K", "number", "own order, not arranged", "worst", "own order kept"]
    head += ["beside the permutation", "worst"]
    table = markdown_table(head, rows, "lrrrrrrr")
    text = f"{machine_line(['kmq', 'imagequant'])}\n\n{table}"
    print(text)
    if arguments.write:
        write_between(PAGE, "orders", text)


if __name__ == "__main__":
    main()
