"""The size of palette images: kmq's codings compared with PNG, WebP, JPEG XL and others.

    python benchmarks/coding.py --images DIR [DIR ...] --colors 2,4,16,64,256
    python benchmarks/coding.py --images DIR --small
    python benchmarks/coding.py --images DIR [DIR ...] --speed

Every coder gets the same indexed image and writes a whole file, and every output is
decoded and compared. A folder is a class of images; their dithered versions are another class.
The peers' results are cached in `--cache` by the hash of the image, so a second run is quick.
`--small` measures parts of the images of the size of an icon and a sprite, and drawn label
masks, for which the fixed time per file matters. `--speed` measures the decoding speed of each
image and of drawn masks.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import lzma
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import geometric_mean, median
from typing import Any, TypeAlias

import numpy as np
import oxipng
import pillow_jxl  # noqa: F401  it teaches Pillow JPEG XL
import zstandard
from numpy.typing import NDArray
from PIL import Image
from reporting import machine_line, markdown_table, write_between

import kmq
from kmq import pixels
from kmq.clustering.palette import split_in_halves
from kmq.clustering.points import AXES_OF_RGB

Rgb: TypeAlias = NDArray[np.uint8]
Encoder: TypeAlias = Callable[[kmq.IndexedImage], bytes]
Decoder: TypeAlias = Callable[[bytes, kmq.IndexedImage], Rgb]

RIVALS = ("oxipng", "WebP", "JPEG XL e9")
"""The three coders, the best of which no plane should exceed."""

DITHERED_COLORS = (16, 256)


@dataclass(frozen=True)
class Run:
    """One coder on one plane; megapixels per second of processor time."""

    bytes: int
    encode: float
    decode: float


@dataclass(frozen=True)
class Plane:
    """One indexed image and the results of every coder."""

    kind: str
    name: str
    colors: int
    runs: dict[str, Run]

    @property
    def of_best_rival(self) -> float:
        """The modelled file as a multiple of the smallest of the rivals'."""
        return self.runs["kmq"].bytes / min(self.runs[rival].bytes for rival in RIVALS)


def with_pillow(indexed: kmq.IndexedImage, **options: Any) -> bytes:
    """Return the image as Pillow saves it, its true colours."""
    return _saved(Image.fromarray(indexed.to_rgb()), **options)


def seen_by_pillow(data: bytes, _: kmq.IndexedImage | None) -> Rgb:
    """Return the pixels of a picture file."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


def best_png(indexed: kmq.IndexedImage) -> bytes:
    """Return the smallest of PNG-8 files optimised by oxipng -o6, one for each palette order."""
    colors = indexed.palette.astype(np.int64)
    popularity = np.bincount(indexed.indices.ravel(), minlength=len(colors))
    orders = (
        np.arange(len(colors)),
        np.argsort(colors @ [299, 587, 114], kind="stable"),
        np.argsort(-popularity, kind="stable"),
        split_in_halves(colors, AXES_OF_RGB),
    )
    files = (_saved(_palette_image(indexed, order), format="PNG", bits=8) for order in orders)
    return min((oxipng.optimize_from_memory(file, level=6) for file in files), key=len)


def compressed(indexed: kmq.IndexedImage, compress: Callable[[bytes], bytes]) -> bytes:
    """Return the palette, followed by the indices in a general compressor's form."""
    return indexed.palette.tobytes() + compress(indexed.indices.tobytes())


def seen_decompressed(
    data: bytes, indexed: kmq.IndexedImage, decompress: Callable[[bytes], bytes]
) -> Rgb:
    """Undo `compressed`."""
    stored = np.frombuffer(decompress(data[indexed.palette.size :]), indexed.indices.dtype)
    return np.take(indexed.palette, stored.reshape(indexed.indices.shape), axis=0)


PEERS: dict[str, tuple[Encoder, Decoder]] = {
    "oxipng": (best_png, seen_by_pillow),
    "WebP": (
        partial(with_pillow, format="WEBP", lossless=True, method=6, quality=100, exact=True),
        seen_by_pillow,
    ),
    "JPEG XL e7": (partial(with_pillow, format="JXL", lossless=True, effort=7), seen_by_pillow),
    "JPEG XL e9": (partial(with_pillow, format="JXL", lossless=True, effort=9), seen_by_pillow),
    "GIF": (lambda indexed: _saved(_palette_image(indexed), format="GIF"), seen_by_pillow),
    "zstd -19": (
        partial(compressed, compress=zstandard.ZstdCompressor(level=19).compress),
        partial(seen_decompressed, decompress=zstandard.ZstdDecompressor().decompress),
    ),
    "xz -9": (
        partial(compressed, compress=partial(lzma.compress, preset=9)),
        partial(seen_decompressed, decompress=lzma.decompress),
    ),
}
OURS: dict[str, tuple[Encoder, Decoder]] = {
    name: (
        partial(kmq.encode, coding=coding, threads=1),
        lambda data, _: kmq.decode(data, threads=1),
    )
    for name, coding in (("kmq", "auto"), ("kmq packed", "packed"))
}


def measure(coder: tuple[Encoder, Decoder], indexed: kmq.IndexedImage, repeats: int) -> Run:
    """Return size and speed, once the output has been decoded and compared."""
    encode, decode = coder
    times = []
    for _ in range(repeats):
        started = time.process_time()
        data = encode(indexed)
        encoded = time.process_time()
        result = decode(data, indexed)
        times.append((encoded - started, time.process_time() - encoded))
        if not np.array_equal(result, indexed.to_rgb()):
            raise ValueError("a coder changed the picture")
    megapixels = indexed.indices.size / 1e6
    speeds = [megapixels / median(column) for column in zip(*times, strict=True)]
    return Run(len(data), *speeds)


def peers_of(indexed: kmq.IndexedImage, cache: Path) -> dict[str, Run]:
    """Return every peer's result for the image, from the cache if possible."""
    content = indexed.palette.tobytes() + indexed.indices.tobytes() + repr(indexed).encode()
    kept = cache / f"{hashlib.sha256(content).hexdigest()[:32]}.json"
    if not kept.exists():
        runs = {name: asdict(measure(coder, indexed, 1)) for name, coder in PEERS.items()}
        kept.write_text(json.dumps(runs))
    return {name: Run(**run) for name, run in json.loads(kept.read_text()).items()}


def dithered(rgb: Rgb, indexed: kmq.IndexedImage) -> kmq.IndexedImage:
    """Return the image in the same colours, after Floyd and Steinberg."""
    carrier = Image.new("P", (1, 1))
    carrier.putpalette(indexed.palette.tobytes())
    chosen = Image.fromarray(rgb).quantize(palette=carrier, dither=Image.Dither.FLOYDSTEINBERG)
    last = len(indexed.palette) - 1
    return kmq.IndexedImage(indexed.palette, np.minimum(np.asarray(chosen), last))


def planes_of(path: Path, colors: list[int], cache: Path, repeats: int) -> Iterator[Plane]:
    """Yield every plane of one picture, measured."""
    rgb = pixels.read(path, background="white").rgb
    for count in colors:
        plain = kmq.quantize(rgb, count)
        variants = {path.parent.name: plain}
        if count in DITHERED_COLORS and len(plain.palette) == count:
            variants[f"{path.parent.name}, dithered"] = dithered(rgb, plain)
        for kind, indexed in variants.items():
            runs = {name: measure(coder, indexed, repeats) for name, coder in OURS.items()}
            yield Plane(kind, path.name, count, runs | peers_of(indexed, cache))


def table(planes: list[Plane]) -> str:
    """Return a row for each class and K, and one for all K of a class."""
    others = [name for name in planes[0].runs if name != "kmq"]
    rows = []
    for kind in dict.fromkeys(plane.kind for plane in planes):
        of_kind = [plane for plane in planes if plane.kind == kind]
        groups = {str(each.colors): [] for each in of_kind} | {"16 and 256": []}
        for plane in of_kind:
            groups[str(plane.colors)].append(plane)
            if plane.colors in DITHERED_COLORS:
                groups["16 and 256"].append(plane)
        rows += [[kind, *_row(label, group, others)] for label, group in groups.items() if group]
    head = ["class", "K", "kmq, bytes", "encode, MP/s", "decode, MP/s"]
    head += [f"of {name}" for name in others]
    head += ["worst, of best rival"]
    return markdown_table(head, rows, "lr" + "r" * (len(head) - 2))


def _row(label: str, group: list[Plane], others: list[str]) -> list[str]:
    ours = [plane.runs["kmq"] for plane in group]
    ratios = (
        geometric_mean(plane.runs["kmq"].bytes / plane.runs[name].bytes for plane in group)
        for name in others
    )
    return [
        label,
        f"{geometric_mean(run.bytes for run in ours):,.0f}",
        f"{median(run.encode for run in ours):.1f}",
        f"{median(run.decode for run in ours):.1f}",
        *(f"{ratio:.3f}" for ratio in ratios),
        f"{max(plane.of_best_rival for plane in group):.3f}",
    ]


def liveliest(rgb: Rgb, side: int) -> Rgb:
    """Return the square part with the most colours, from a grid of parts."""
    height, width = rgb.shape[:2]
    parts = [
        rgb[y : y + side, x : x + side]
        for y in range(0, height - side + 1, side)
        for x in range(0, width - side + 1, side)
    ]
    return max(parts, key=lambda part: len(np.unique(part.reshape(-1, 3), axis=0)))


def label_mask(side: int, labels: int, seed: int) -> kmq.IndexedImage:
    """Return a mask of overlapping ellipses, each with a different label."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] / side
    mask = np.zeros((side, side), np.uint8)
    for label in range(1, labels):
        down, right, angle = random.random(3) * (1, 1, np.pi)
        along = (x - right) * np.cos(angle) + (y - down) * np.sin(angle)
        across = (y - down) * np.cos(angle) - (x - right) * np.sin(angle)
        radii = random.uniform(0.02, 0.25, 2)
        mask[(along / radii[0]) ** 2 + (across / radii[1]) ** 2 < 1] = label
    return kmq.IndexedImage(random.integers(0, 256, (labels, 3)), mask)


def processor_ms(task: Callable[[], object], repeats: int = 50, rounds: int = 7) -> float:
    """Return the processor time of one call, the least mean of several rounds."""
    task()
    means = []
    for _ in range(rounds):
        started = time.process_time()
        for _ in range(repeats):
            task()
        means.append((time.process_time() - started) / repeats)
    return 1000 * min(means)


def small_table(paths: list[Path]) -> str:
    """Return bytes and processor time to load of small pictures, as `.kmq` and as PNG."""
    pictures = [pixels.read(path, background="white").rgb for path in paths]
    kinds = {
        "icon, 16x16, K = 16": [kmq.quantize(liveliest(rgb, 16), 16) for rgb in pictures],
        "sprite, 64x64, K = 16": [kmq.quantize(liveliest(rgb, 64), 16) for rgb in pictures],
        "mask, 256x256, 20 labels": [label_mask(256, 20, seed) for seed in range(5)],
    }
    rows = []
    for kind, images in kinds.items():
        files = [kmq.encode(image, threads=1) for image in images]
        saved = [_saved(_palette_image(image), format="PNG", optimize=True) for image in images]
        ours = [processor_ms(partial(kmq.load, file)) for file in files]
        theirs = [processor_ms(partial(seen_by_pillow, file, None)) for file in saved]
        sizes = [geometric_mean(map(len, column)) for column in (files, saved)]
        times = [geometric_mean(column) for column in (ours, theirs)]
        cells = (f"{size:,.0f}" for size in sizes), (f"{time:.3f}" for time in times)
        rows.append([kind, str(len(images)), *cells[0], *cells[1]])
    head = ["picture", "number", "kmq, bytes", "PNG, bytes", "kmq.load, ms", "Pillow's PNG, ms"]
    return markdown_table(head, rows, "lrrrrr")


def decode_speed(indexed: kmq.IndexedImage) -> float:
    """Return megapixels per second of processor time, modelled and on one thread."""
    file = kmq.encode(indexed, coding="modelled", threads=1)
    milliseconds = processor_ms(partial(kmq.load, file, threads=1), repeats=1)
    return indexed.indices.size / 1000 / milliseconds


def speed_table(paths: list[Path]) -> str:
    """Return the decoding speed of each picture in 16 and 256 colours, and of drawn masks."""
    speeds = {}
    for path in paths:
        rgb = pixels.read(path, background="white").rgb
        name = f"{path.parent.name}: {path.stem}"
        speeds[name] = [decode_speed(kmq.quantize(rgb, count)) for count in DITHERED_COLORS]
    for side in (256, 1024):
        masks = (label_mask(side, labels, seed=0) for labels in (20, 200))
        speeds[f"mask of {side}x{side}, 20 and 200 labels"] = [decode_speed(mask) for mask in masks]
    rows = [[name, *(f"{speed:.1f}" for speed in column)] for name, column in speeds.items()]
    return markdown_table(["picture", "K = 16, MP/s", "K = 256, MP/s"], rows, "lrr")


def _palette_image(indexed: kmq.IndexedImage, order: NDArray[Any] | None = None) -> Image.Image:
    """Return a mode P image, its palette in the given order."""
    if order is None:
        order = np.arange(len(indexed.palette))
    rank = np.empty(len(order), np.uint8)
    rank[order] = np.arange(len(order))
    image = Image.fromarray(rank[indexed.indices]).convert("P")
    image.putpalette(indexed.palette[order].tobytes())
    return image


def _saved(image: Image.Image, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, **options)
    return file.getvalue()


def chosen_of(folder: Path, half: str) -> list[Path]:
    """Return the pictures of a folder, or every other one."""
    paths = sorted(path for path in folder.iterdir() if path.suffix in (".png", ".jpg"))
    return {"all": paths, "odd": paths[::2], "even": paths[1::2]}[half]


def main() -> None:
    """Run the benchmark as the command line asks."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--images", type=Path, nargs="+", required=True, metavar="DIR")
    parser.add_argument("--colors", default="2,4,16,64,256", metavar="K,K")
    parser.add_argument(
        "--half",
        choices=["all", "odd", "even"],
        default="all",
        help="every other image of a folder: odd were tuned on, even were not",
    )
    parser.add_argument("--repeats", type=int, default=3, help="runs of kmq (default 3)")
    parser.add_argument("--cache", type=Path, default=Path("benchmarks/results/peers"))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="put the table between its markers"
    )
    parser.add_argument("--small", action="store_true", help="the table of small pictures alone")
    parser.add_argument("--speed", action="store_true", help="the table of decoding speed alone")
    arguments = parser.parse_args()
    if arguments.small or arguments.speed:
        paths = [path for folder in arguments.images for path in chosen_of(folder, arguments.half)]
        chosen = small_table(paths) if arguments.small else speed_table(paths)
        report = f"{machine_line(['kmq', 'numba', 'Pillow'])}\n\n{chosen}"
        sys.stdout.write(report + "\n")
        if arguments.write:
            name = "coding:small" if arguments.small else "coding:speed"
            write_between(arguments.write, name, report)
        return
    arguments.cache.mkdir(parents=True, exist_ok=True)
    colors = [int(count) for count in arguments.colors.split(",")]
    planes: list[Plane] = []
    for folder in arguments.images:
        for path in chosen_of(folder, arguments.half):
            planes += planes_of(path, colors, arguments.cache, arguments.repeats)
            sys.stderr.write(f"{path.name}\n")
    worst = max(planes, key=lambda plane: plane.of_best_rival)
    machine = machine_line(["kmq", "numba", "pyoxipng", "Pillow", "pillow-jxl-plugin", "zstandard"])
    closing = (
        f"{len(planes)} planes, every output decoded and compared. Worst plane: {worst.name}, "
        f"{worst.kind}, K = {worst.colors}, {worst.of_best_rival:.3f} of the best of "
        f"{', '.join(RIVALS)}."
    )
    report = f"{machine}\n\n{table(planes)}\n\n{closing}"
    sys.stdout.write(report + "\n")
    if arguments.json:
        details = [asdict(plane) for plane in planes]
        arguments.json.write_text(json.dumps(details, indent=1) + "\n")
    if arguments.write:
        write_between(arguments.write, "coding", report)


if __name__ == "__main__":
    main()
