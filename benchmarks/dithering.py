"""What dithering gains to the eye, and costs in bytes and time, beside other programs.

    python benchmarks/dithering.py PHOTOGRAPHS SCREENS [--write]

Looks at every other image of each folder, in order of names, and at most four: the others
served to try other constants. Gradients are drawn here. Screens are laid over white.
With --write the tables go into README.md beside this file. A program that is not installed is
left out, by name.

S-CIELAB is the mean colour difference after blurring as the eye does at 32 pixels per degree
(Zhang and Wandell, "A spatial extension of CIELAB for digital color-image reproduction", Journal
of the SID 5(1), 1997), and Butteraugli the 3-norm that libjxl's program prints. Bytes are those
of the `.kmq` file with the same pixels, whoever chose them.
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
from functools import cache
from pathlib import Path
from statistics import geometric_mean, median
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from reporting import machine_line, markdown_table, write_between

import kmq
from kmq import clustering, dithering
from kmq.image import IndexedImage
from kmq.palettes.named import named_palette

Rgb: TypeAlias = NDArray[np.uint8]
Way: TypeAlias = Callable[[Rgb, IndexedImage], IndexedImage]
"""Dithers a picture, which is also given in its nearest colours."""

PAGE = Path(__file__).parent / "README.md"
COLORS = (8, 16, 64, 256)
GIVEN = ("bw", "acep7", "web216")
REPEATS = 9
MOST_PICTURES = 4
PACKAGES = ("numpy", "numba", "kmq", "Pillow", "imagequant")

PIXELS_PER_DEGREE = 32
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
TO_OPPONENT = np.array([[0.279, 0.72, -0.107], [-0.449, 0.29, -0.077], [0.086, -0.59, 0.501]])
BLURS = (
    ((0.921, 0.0283), (0.105, 0.133), (-0.108, 4.336)),
    ((0.531, 0.0392), (0.330, 0.494)),
    ((0.488, 0.0536), (0.371, 0.386)),
)
"""Weights and spreads in degrees, of luminance, red against green, and blue against yellow."""
WIDEST = 200
"""Pixels around a picture that repeat its edge, so that blurring does not go round it."""


def light(rgb: Rgb) -> NDArray[np.float64]:
    """Return the linear light of sRGB samples, 0 to 1."""
    v = np.arange(256) / 255
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)[rgb]


@cache
def transfer(shape: tuple[int, int], blurs: tuple[tuple[float, float], ...]) -> NDArray[np.float64]:
    """Return what a sum of Gaussians, e^-(r / spread)^2 each, does to each frequency."""
    squared = np.add.outer(np.fft.fftfreq(shape[0]) ** 2, np.fft.rfftfreq(shape[1]) ** 2)
    total = sum(weight for weight, _ in blurs)
    return sum(
        weight / total * np.exp(-((np.pi * spread) ** 2) * squared) for weight, spread in blurs
    )


def blurred(
    plane: NDArray[np.float64], blurs: tuple[tuple[float, float], ...], margin: int
) -> NDArray[np.float64]:
    """Return a plane after blurring; spreads are in pixels."""
    wide = np.pad(plane, margin, mode="edge")
    spectrum = np.fft.rfft2(wide) * transfer(wide.shape, blurs)
    return np.fft.irfft2(spectrum, wide.shape)[margin:-margin, margin:-margin]


def as_seen(rgb: Rgb) -> NDArray[np.float64]:
    """Return a picture in CIELAB as S-CIELAB blurs it, (H, W, 3)."""
    opponent = light(rgb) @ TO_XYZ.T @ TO_OPPONENT.T
    for channel, blurs in enumerate(BLURS):
        in_pixels = tuple((weight, spread * PIXELS_PER_DEGREE) for weight, spread in blurs)
        opponent[..., channel] = blurred(opponent[..., channel], in_pixels, WIDEST)
    ratio = np.maximum(opponent @ np.linalg.inv(TO_OPPONENT).T / TO_XYZ.sum(axis=1), 0)
    f = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    return np.stack(
        [116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1
    )


def psnr_of_blurred(one: Rgb, other: Rgb) -> float:
    """Return the PSNR after blurring in linear light, with a standard deviation of 1.5 pixels."""
    sides = []
    for rgb in (one, other):
        planes = [
            blurred(light(rgb[..., channel]), ((1.0, 1.5 * 2**0.5),), 16) for channel in range(3)
        ]
        plane = np.maximum(np.stack(planes, -1), 0)
        curve = 1.055 * plane ** (1 / 2.4) - 0.055
        sides.append(255 * np.where(plane <= 0.0031308, 12.92 * plane, curve))
    error = np.square(sides[0] - sides[1]).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


class Judge:
    """Says how far pictures are from one original."""

    def __init__(self, original: Rgb) -> None:
        self.original = original
        self._seen = as_seen(original)

    def scielab(self, rgb: Rgb) -> float:
        """Return the mean difference in S-CIELAB."""
        return float(np.sqrt(np.square(as_seen(rgb) - self._seen).sum(axis=-1)).mean())

    def butteraugli(self, rgb: Rgb) -> float:
        """Return the 3-norm of the Butteraugli map, NaN where the program is not installed."""
        if shutil.which("butteraugli_main") is None:
            return float("nan")
        with tempfile.TemporaryDirectory() as name:
            files = [Path(name) / "original.png", Path(name) / "other.png"]
            for file, each in zip(files, (self.original, rgb), strict=True):
                Image.fromarray(each).save(file, compress_level=1)
            done = subprocess.run(
                ["butteraugli_main", *map(str, files)], capture_output=True, text=True, check=True
            )
        return float(done.stdout.rpartition("3-norm:")[2])


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
