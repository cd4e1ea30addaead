"""The size of palette images with alpha, compared with PNG-8, lossless WebP and JPEG XL.

    python benchmarks/coding_alpha.py --images DIR [DIR ...] [--colors 16,64,256] [--write]

kmq quantises every other image of each folder, by name. Each coder stores the same pixels
and palette, and every file is decoded and compared wherever pixels can be seen.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable
from pathlib import Path
from statistics import geometric_mean
from typing import Any

import numpy as np
import oxipng
import pillow_jxl  # noqa: F401  it teaches Pillow JPEG XL
from numpy.typing import NDArray
from PIL import Image
from reporting import machine_line, markdown_table, write_between

import kmq

PAGE = Path(__file__).parent / "README.md"


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    """Return an image as Pillow saves it."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def png(image: kmq.IndexedImage) -> bytes:
    """Return a PNG with a palette, optimised with oxipng's highest level."""
    return oxipng.optimize_from_memory(saved(image.to_pil(), "PNG", optimize=True), level=6)


def webp(image: kmq.IndexedImage) -> bytes:
    """Return the smallest lossless WebP."""
    pixels = Image.fromarray(image.to_rgba())
    return saved(pixels, "WEBP", lossless=True, quality=100, method=6, exact=True)


def jpeg_xl(image: kmq.IndexedImage) -> bytes:
    """Return a lossless JPEG XL of the highest usual effort."""
    return saved(Image.fromarray(image.to_rgba()), "JXL", lossless=True, effort=9)


RIVALS: dict[str, Callable[[kmq.IndexedImage], bytes]] = {
    "PNG-8, oxipng": png,
    "WebP lossless": webp,
    "JPEG XL e9": jpeg_xl,
}


def seen(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return RGBA pixels without the colours that clear ones hide."""
    shown = pixels.copy()
    shown[shown[..., 3] == 0] = 0
    return shown


def ratios(image: kmq.IndexedImage) -> dict[str, float]:
    """Return each rival's bytes over kmq's."""
    data = kmq.encode(image)
    if kmq.load(data) != image:
        raise RuntimeError("kmq does not decode to what it encoded")
    found = {}
    for name, encode in RIVALS.items():
        stored = encode(image)
        with Image.open(io.BytesIO(stored)) as opened:
            decoded = np.asarray(opened.convert("RGBA"))
        if not np.array_equal(seen(decoded), seen(image.to_rgba())):
            raise RuntimeError(f"{name} does not decode to what it encoded")
        found[name] = len(stored) / len(data)
    return found


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=Path, nargs="+", required=True)
    parser.add_argument("--colors", default="16,64,256")
    parser.add_argument("--write", action="store_true", help="put the table into README.md")
    arguments = parser.parse_args()
    paths = [path for folder in arguments.images for path in sorted(folder.glob("*.png"))[1::2]]
    rows, everything = [], []
    for colors in map(int, arguments.colors.split(",")):
        images = [kmq.quantize(path, colors, strip=True) for path in paths]
        found = [ratios(image) for image in images if image.has_alpha]
        everything += found
        means = [geometric_mean(each[name] for each in found) for name in RIVALS]
        least = [min(each[name] for each in found) for name in RIVALS]
        cells = [f"{mean:.2f} ({low:.2f})" for mean, low in zip(means, least, strict=True)]
        rows.append([str(colors), str(len(found)), *cells])
    means = [geometric_mean(each[name] for each in everything) for name in RIVALS]
    rows.append(["all", str(len(everything)), *(f"{mean:.2f}" for mean in means)])
    table = markdown_table(["K", "number", *RIVALS], rows, "rrrrr")
    text = f"{machine_line(['kmq', 'Pillow', 'pyoxipng', 'pillow-jxl-plugin'])}\n\n{table}"
    print(text)
    if arguments.write:
        write_between(PAGE, "coding:alpha", text)


if __name__ == "__main__":
    main()
