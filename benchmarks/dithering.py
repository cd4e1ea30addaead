"""Perceived quality, bytes and time of dithering, compared with other programs.

    python benchmarks/dithering.py PHOTOGRAPHS SCREENS [--write]

Looks at every other image of each folder, in order of names, and at most four: the others
served to try other constants. Gradients are drawn here. Screens are laid over white.
With --write the tables go into README.md beside this file. A program that is not installed is
left out, by name.

`perception.py` says what is measured. Bytes are those of the `.kmq` file with the same pixels,
whoever chose them.
"""

from __future__ import annotations

import argparse
import io
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import geometric_mean, median
from typing import TypeAlias

import numpy as np
from perception import TO_XYZ, Judge, Rgb, light, psnr_of_blurred
from PIL import Image
from reporting import machine_line, markdown_table, write_between

import kmq
from kmq import clustering, dithering
from kmq.image import IndexedImage
from kmq.palettes.named import named_palette

Way: TypeAlias = Callable[[Rgb, IndexedImage], IndexedImage]
"""Dithers a picture, which is also given in its nearest colours."""

PAGE = Path(__file__).parent / "README.md"
COLORS = (8, 16, 64, 256)
GIVEN = ("bw", "acep7", "web216")
REPEATS = 9
MOST_PICTURES = 4
PACKAGES = ("numpy", "numba", "kmq", "Pillow", "imagequant")


def png(rgb: Rgb) -> bytes:
    """Return a picture as PNG."""
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, format="PNG", compress_level=1)
    return file.getvalue()


def with_palette(colors: Rgb) -> Image.Image:
    """Return a small picture in mode P that has a palette."""
    image = Image.new("P", (1, 1))
    image.putpalette(np.resize(colors, (256, 3)).tobytes())
    return image


def with_pillow(rgb: Rgb, nearest: IndexedImage) -> IndexedImage:
    image = Image.fromarray(rgb).quantize(
        palette=with_palette(nearest.palette), dither=Image.Dither.FLOYDSTEINBERG
    )
    return IndexedImage(nearest.palette, np.asarray(image, np.uint16) % len(nearest.palette))


def with_imagemagick(rgb: Rgb, nearest: IndexedImage) -> IndexedImage:
    with tempfile.TemporaryDirectory() as name:
        palette = Path(name) / "palette.png"
        Image.fromarray(nearest.palette[None]).save(palette)
        command = [imagemagick(), "png:-", "-dither", "FloydSteinberg", "-remap", str(palette)]
        done = subprocess.run(
            [*command, "png24:-"], input=png(rgb), capture_output=True, check=True
        )
    pixels = np.asarray(Image.open(io.BytesIO(done.stdout)).convert("RGB"))
    return kmq.apply(pixels, nearest.palette, strict=True)


def with_pngquant(rgb: Rgb, nearest: IndexedImage) -> IndexedImage:
    """Return what pngquant makes with a palette of its own, as large."""
    command = ["pngquant", str(max(len(nearest.palette), 2)), "-"]
    done = subprocess.run(command, input=png(rgb), capture_output=True, check=True)
    return in_its_colors(done.stdout)


def pngquant_on(rgb: Rgb, nearest: IndexedImage) -> IndexedImage:
    """Return what pngquant makes with this palette."""
    with tempfile.TemporaryDirectory() as name:
        palette = Path(name) / "palette.png"
        Image.fromarray(nearest.palette[None]).save(palette)
        command = ["pngquant", "--map", str(palette), "-"]
        done = subprocess.run(command, input=png(rgb), capture_output=True, check=True)
    return in_its_colors(done.stdout)


def in_its_colors(data: bytes) -> IndexedImage:
    """Return a picture of at most 256 colours in those."""
    return kmq.quantize(Image.open(io.BytesIO(data)).convert("RGB"), 256)


def imagemagick() -> str:
    """Return the name of ImageMagick's program, of version 7 or 6, empty if it is missing."""
    return next((each for each in ("magick", "convert-im6.q16") if shutil.which(each)), "")


def own(method: str) -> Way:
    """Return kmq's dithering at its default strength."""
    return lambda rgb, nearest: dithering.dither(rgb, nearest, 224, method)


def ways(pngquant: Way) -> dict[str, Way]:
    """Return everything that is compared, by its name, as far as it is installed."""
    found: dict[str, Way] = {
        "not dithered": lambda _, nearest: nearest,
        "kmq": own(dithering.DIFFUSION),
        "kmq, pattern": own(dithering.PATTERN),
        "Pillow": with_pillow,
    }
    for name, program, way in (
        ("pngquant", shutil.which("pngquant"), pngquant),
        ("ImageMagick", imagemagick(), with_imagemagick),
    ):
        if program:
            found[name] = way
        else:
            print(f"{name} is left out: it is not installed", file=sys.stderr)
    return found


def held_out(folder: Path) -> Iterator[Rgb]:
    """Yield every other image of a folder, over white."""
    pictures = sorted(each for each in folder.iterdir() if each.suffix in (".png", ".jpg"))
    for path in pictures[1::2][:MOST_PICTURES]:
        rgba = Image.open(path).convert("RGBA")
        yield np.asarray(Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba))[
            ..., :3
        ]


def in_greys(judge: Judge) -> Judge:
    """Return the judge of the same picture without its colours."""
    luminance = light(judge.original) @ TO_XYZ[1]
    greys = np.searchsorted(light(np.arange(255)) / 2 + light(np.arange(1, 256)) / 2, luminance)
    return Judge(np.repeat(greys.astype(np.uint8)[..., None], 3, axis=2))


def gradients() -> Iterator[Rgb]:
    """Yield a sky, a lamp in the dark, a ramp of greys, and pale hues."""
    y, x = np.mgrid[0:384, 0:512] / [[[384]], [[512]]]
    sky = np.array([40, 90, 190]) + y[..., None] * np.array([180, 140, 50])
    lamp = np.exp(-6 * np.hypot(x - 0.6, y - 0.4))[..., None] * np.array([250, 200, 120]) + 5
    greys = np.repeat(255 * x[..., None], 3, axis=2)
    hues = 200 + 50 * np.cos(2 * np.pi * (x[..., None] + np.array([0, 1, 2]) / 3)) * y[..., None]
    for picture in (sky, lamp, greys, hues):
        yield np.floor(picture + 0.5).clip(0, 255).astype(np.uint8)


Figures: TypeAlias = dict[str, list[tuple[float, ...]]]


def add_measured(
    judge: Judge, nearest: IndexedImage, compared: dict[str, Way], is_given: bool, sums: Figures
) -> None:
    """Add what each way comes to on one picture.

    S-CIELAB, bytes, and Butteraugli, or for a given palette the PSNR after blurring.
    """
    plain = len(kmq.encode(nearest))
    for name, way in compared.items():
        indexed = way(judge.original, nearest)
        rgb = indexed.to_rgb()
        sums[name].append(
            (
                judge.scielab(rgb),
                len(kmq.encode(indexed)) / plain,
                psnr_of_blurred(judge.original, rgb) if is_given else judge.butteraugli(rgb),
            )
        )


def cell(figures: list[tuple[float, ...]]) -> str:
    scielab, third = (np.mean([each[i] for each in figures]) for i in (0, 2))
    return f"{scielab:.2f} / {third:.2f} / {geometric_mean(each[1] for each in figures):.2f}"


def found_rows(
    kinds: dict[str, list[Judge]],
) -> tuple[list[str], list[list[str]], dict[str, Figures]]:
    """Return head and rows for palettes that K-means finds, and the figures of each row."""
    compared = ways(with_pngquant)
    rows, all_figures = [], {}
    for kind, judges in kinds.items():
        for colors in COLORS:
            figures: Figures = defaultdict(list)
            for judge in judges:
                nearest = kmq.quantize(judge.original, colors)
                add_measured(judge, nearest, compared, False, figures)
            all_figures[f"{kind} {colors}"] = figures
            cells = [cell(figures[name]) for name in compared]
            rows.append([kind, str(colors), *cells])
            print(*rows[-1], sep="  ", file=sys.stderr)
    return ["", "K", *compared], rows, all_figures


def given_rows(
    kinds: dict[str, list[Judge]],
) -> tuple[list[str], list[list[str]]]:
    """Return the same for palettes that are given."""
    compared = ways(pngquant_on)
    rows = []
    for kind, judges in kinds.items():
        for name in GIVEN:
            palette = named_palette(name).palette
            figures: Figures = defaultdict(list)
            for judge in judges if name != "bw" else map(in_greys, judges):
                nearest = clustering.apply(judge.original, palette)
                add_measured(judge, nearest, compared, True, figures)
            cells = [cell(figures[each]) for each in compared]
            rows.append([kind, name, *cells])
            print(*rows[-1], sep="  ", file=sys.stderr)
    return ["", "palette", *compared], rows


def libimagequant(rgb: Rgb, colors: int) -> float:
    """Return the processor time in which libimagequant takes its palette with full dithering."""
    from imagequant._libimagequant import ffi, lib

    height, width = rgb.shape[:2]
    rgba = np.dstack([rgb, np.full((height, width), 255, np.uint8)]).tobytes()
    attributes = lib.liq_attr_create()
    attributes.max_colors = colors
    image = lib.liq_image_create_rgba(attributes, rgba, width, height, 0)
    result = ffi.new("liq_result**")
    lib.liq_image_quantize(image, attributes, result)
    lib.liq_set_dithering_level(result[0], 1.0)
    indices = ffi.new("char[]", width * height)
    started = time.process_time()
    lib.liq_write_remapped_image(result[0], image, indices, width * height)
    spent = time.process_time() - started
    lib.liq_result_destroy(result[0])
    lib.liq_image_destroy(image)
    lib.liq_attr_destroy(attributes)
    return spent


def processor_time(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def time_rows(pictures: list[Rgb]) -> list[list[str]]:
    """Return nanoseconds a pixel on one thread: medians over pictures of medians over rounds."""
    rows = []
    for colors in (16, 256):
        spent: dict[str, list[float]] = defaultdict(list)
        for rgb in pictures:
            nearest = kmq.quantize(rgb, colors)
            palette = kmq.Palette(nearest.palette)
            tasks: dict[str, Callable[[], float]] = {
                "diffusion": lambda rgb=rgb, nearest=nearest: processor_time(
                    lambda: dithering.dither(rgb, nearest, 224)
                ),
                "pattern": lambda rgb=rgb, nearest=nearest: processor_time(
                    lambda: dithering.dither(rgb, nearest, 224, dithering.PATTERN)
                ),
                "nearest": lambda rgb=rgb, palette=palette: processor_time(
                    lambda: clustering.apply(rgb, palette)
                ),
                "libimagequant": lambda rgb=rgb, k=colors: libimagequant(rgb, k),
            }
            times = {name: [task() for _ in range(REPEATS)] for name, task in tasks.items()}
            for name, each in times.items():
                spent[name].append(1e9 * median(each) / (rgb.size // 3))
            spent["ratio"].append(spent["diffusion"][-1] / spent["libimagequant"][-1])
        rows.append(
            [
                str(colors),
                *(f"{median(spent[each]):.0f}" for each in ("diffusion", "pattern", "nearest")),
                f"{median(spent['libimagequant']):.0f}",
                f"{median(spent['ratio']):.2f}",
            ]
        )
    return rows


def ratio(figures: Figures, one: str, other: str) -> float:
    """Return the geometric mean of one way's S-CIELAB by another's."""
    pairs = zip(figures[one], figures[other], strict=True)
    return geometric_mean(max(a[0], 1e-3) / max(b[0], 1e-3) for a, b in pairs)


def written(label: str, table: str, *, is_kept: bool) -> None:
    """Print a table, and put it into README.md if it is to be kept there."""
    text = f"{machine_line(PACKAGES)}\n\n{table}"
    print(text)
    if is_kept:
        write_between(PAGE, f"dithering:{label}", text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photographs", type=Path)
    parser.add_argument("screens", type=Path)
    parser.add_argument("--only", choices=["times", "found", "given"])
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    kept = arguments.write
    photographs = list(held_out(arguments.photographs))
    if arguments.only in (None, "times"):
        columns = ["K", "diffusion", "pattern", "nearest", "libimagequant", "diffusion / it"]
        table = markdown_table(columns, time_rows(photographs), "r" * 6)
        written("times", table, is_kept=kept)
    if arguments.only == "times":
        return
    kinds = {
        "photographs": [Judge(each) for each in photographs],
        "gradients": [Judge(each) for each in gradients()],
        "screens": [Judge(each) for each in held_out(arguments.screens)],
    }
    if arguments.only in (None, "found"):
        head, rows, figures = found_rows(kinds)
        written("found", markdown_table(head, rows, "l" + "r" * (len(head) - 1)), is_kept=kept)
        ratios = [
            [row, f"{ratio(each, 'kmq', 'pngquant'):.3f}"]
            for row, each in figures.items()
            if "pngquant" in each
        ]
        table = markdown_table(["", "S-CIELAB: kmq / pngquant"], ratios, "lr")
        written("ratios", table, is_kept=kept)
    if arguments.only in (None, "given"):
        head, rows = given_rows(kinds)
        written("given", markdown_table(head, rows, "ll" + "r" * (len(head) - 2)), is_kept=kept)


if __name__ == "__main__":
    main()
