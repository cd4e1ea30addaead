"""The savings from cheaper indices: at the same K, the same PSNR and the same bytes.

    python benchmarks/rate.py FOLDER [--tables NAME ...] [--every N] [--write LABEL]

Looks at every other image of a folder, in order of names: the rest served to tune the choice.
An even N keeps to them.
Each table has means over the images. With --write they go between the markers of LABEL in
README.md beside this file. A peer that is not installed is left out, by name.
"""

from __future__ import annotations

import argparse
import io
import math
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from reporting import machine_line, markdown_table, write_between

import kmq
from kmq import quality

Rgb: TypeAlias = NDArray[np.uint8]

PAGE = Path(__file__).parent / "README.md"
COLORS = (16, 64, 256)
TABLES = ("colors", "psnr", "bytes", "palettes")
CHOICES = ((0.25, "fast"), (0.25, "default"), (0.5, "default"), (1.0, "default"))
PACKAGES = ("numpy", "numba", "kmq", "Pillow", "pillow-jxl-plugin", "ssimulacra2", "pyoxipng")


def coders() -> dict[str, Callable[[Rgb, int], bytes]]:
    """Return the transform coders that are installed, each with its quality from 0 to 100."""
    found: dict[str, Callable[[Rgb, int], bytes]] = {
        "JPEG 4:4:4": lambda rgb, at: saved(rgb, "JPEG", quality=at, optimize=True, subsampling=0),
        "JPEG 4:2:0": lambda rgb, at: saved(rgb, "JPEG", quality=at, optimize=True, subsampling=2),
        "WebP": lambda rgb, at: saved(rgb, "WEBP", quality=at, method=6),
        "AVIF": lambda rgb, at: saved(rgb, "AVIF", quality=at, subsampling="4:4:4"),
    }
    try:
        import pillow_jxl  # noqa: F401  it teaches Pillow JPEG XL
    except ModuleNotFoundError:
        print("JPEG XL is left out: pillow-jxl-plugin is not installed", file=sys.stderr)
    else:
        found["JPEG XL"] = lambda rgb, at: saved(
            rgb,
            "JXL",
            quality=min(at, 99),
            lossless=False,  # 100 is refused
        )
    return found


def quantizers() -> dict[str, Callable[[Rgb, int], tuple[bytes, Rgb]]]:
    """Return the installed programs that reduce a picture to K colours, at most 256."""
    found: dict[str, Callable[[Rgb, int], tuple[bytes, Rgb]]] = {}
    for name, program, run in (
        ("pngquant + oxipng", "pngquant", with_pngquant),
        ("gifsicle --lossy", "gifsicle", with_gifsicle),
    ):
        if shutil.which(program) is None:
            print(f"{name} is left out: {program} is not installed", file=sys.stderr)
        else:
            found[name] = run
    return found


def with_pngquant(rgb: Rgb, colors: int) -> tuple[bytes, Rgb]:
    """Return what pngquant makes of an image without dithering, after oxipng."""
    import oxipng

    command = ["pngquant", "--speed=1", "--nofs", str(colors), "-"]
    given = saved(rgb, "PNG")
    data = subprocess.run(command, input=given, stdout=subprocess.PIPE, check=True).stdout
    return oxipng.optimize_from_memory(data, level=4), decoded(data)


def with_gifsicle(rgb: Rgb, colors: int) -> tuple[bytes, Rgb]:
    """Return what gifsicle makes of an image in 256 colours: fewer of them, with losses of 80."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in.gif"), Path(folder, "out.gif")
        kmq.quantize(rgb, 256).to_pil().save(source)
        options = ["-O3", "--lossy=80", f"--colors={colors}", "--no-warnings"]
        subprocess.run(["gifsicle", *options, source, "-o", target], check=True)
        data = target.read_bytes()
    return data, decoded(data)


def saved(rgb: Rgb, kind: str, **how: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, kind, **how)
    return file.getvalue()


def decoded(data: bytes) -> Rgb:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


def psnr_of(rgb: Rgb, other: Rgb) -> float:
    apart = rgb.astype(np.int64) - other
    return quality.psnr_of(int((apart**2).sum()), rgb.size)


def smallest_that_reaches(rgb: Rgb, encode: Callable[[Rgb, int], bytes], psnr: float) -> int | None:
    """Return the bytes at the lowest quality that comes so close; None if even the best does not.

    By halving, as if closeness grew with the quality throughout.
    """
    low, high, found = 0, 100, None
    while low <= high:
        setting = (low + high) // 2
        data = encode(rgb, setting)
        if psnr_of(rgb, decoded(data)) >= psnr:
            found, high = len(data), setting - 1
        else:
            low = setting + 1
    return found


def ssim(rgb: Rgb, indexed: kmq.IndexedImage) -> float:
    found = quality.ssim(rgb, indexed)
    assert found is not None
    return found


def ssimulacra2(rgb: Rgb, indexed: kmq.IndexedImage) -> float:
    """Return SSIMULACRA 2: 100 where nothing changed, 70 is high quality, 30 is low; or NaN."""
    try:
        from ssimulacra2 import compute_ssimulacra2
    except ModuleNotFoundError:
        return math.nan
    with tempfile.TemporaryDirectory() as folder:
        names = [f"{folder}/before.png", f"{folder}/after.png"]
        for name, pixels in zip(names, (rgb, indexed.to_rgb()), strict=True):
            Image.fromarray(pixels).save(name, compress_level=1)
        return float(compute_ssimulacra2(*names))


def lost_decibels(before: float, after: float) -> float:
    return 0.0 if before == after else before - after


def decode_seconds(data: bytes) -> float:
    """Return the least processor time of three."""
    times = []
    for _ in range(3):
        started = time.process_time()
        kmq.load(data, threads=1)
        times.append(time.process_time() - started)
    return min(times)


def same_colors(pictures: Sequence[Rgb]) -> Iterator[list[str]]:
    """Yield a row for each K and strength: what it saves, what it loses, what it takes."""
    for colors in COLORS:
        for strength, effort in CHOICES:
            saved_bytes, lost, unlike, seconds, decoding = [], [], [], [], []
            for rgb in pictures:
                started = time.process_time()
                before = kmq.quantize(rgb, colors, effort=effort, threads=1)
                middle = time.process_time()
                after = kmq.quantize(rgb, colors, rdo=strength, effort=effort, threads=1)
                extra = time.process_time() - middle - (middle - started)
                files = [kmq.encode(each, threads=1) for each in (before, after)]
                saved_bytes.append(1 - len(files[1]) / len(files[0]))
                lost.append(lost_decibels(*(quality.psnr(rgb, each) for each in (before, after))))
                unlike.append(ssim(rgb, before) - ssim(rgb, after))
                seconds.append(extra / (rgb.size / 3e6))
                times = [decode_seconds(each) for each in files]
                decoding.append(times[1] / times[0])
            yield [
                str(colors),
                f"{strength:g}" + (" fast" if effort == "fast" else ""),
                f"{np.mean(saved_bytes):.1%}",
                f"{min(saved_bytes):.1%}",
                f"{np.mean(lost):.2f}",
                f"{max(lost):.2f}",
                f"{np.mean(unlike):.4f}",
                f"{np.median(seconds):.2f}",
                f"{np.median(decoding):.2f}",
            ]


def same_psnr(pictures: Sequence[Rgb]) -> Iterator[list[str]]:
    """Yield a row for each K: the bytes of others at its PSNR, as shares of plain kmq's."""
    others = coders()
    yield ["K", "kmq --psnr", "its worst", *others]
    for colors in COLORS:
        shares: dict[str, list[float]] = {name: [] for name in ("kmq", *others)}
        for rgb in pictures:
            plain = kmq.encode(rgb, colors, threads=1)
            target = quality.psnr(rgb, kmq.load(plain)) - 1e-6
            if not 0 < target < 90:  # exact, and nothing to choose
                continue
            shares["kmq"].append(len(kmq.encode(rgb, psnr=target, threads=1)) / len(plain))
            for name, encode in others.items():
                found = smallest_that_reaches(rgb, encode, target)
                shares[name].append(math.nan if found is None else found / len(plain))
        means = [f"{np.mean(each):.2f}" for each in shares.values()]
        yield [str(colors), means[0], f"{max(shares['kmq']):.2f}", *means[1:]]


def same_bytes(pictures: Sequence[Rgb]) -> Iterator[list[str]]:
    """Yield a row for each K: how much closer its bytes come with cheaper indices."""
    for colors in COLORS:
        counts, gained = [], []
        for rgb in pictures:
            plain = kmq.encode(rgb, colors, threads=1)
            before = kmq.load(plain)
            if math.isinf(quality.psnr(rgb, before)):
                continue
            found = kmq.load(kmq.encode(rgb, max_bytes=len(plain), threads=1))
            counts.append(len(found.palette))
            gained.append(
                [
                    measure(rgb, found) - measure(rgb, before)
                    for measure in (quality.psnr, ssim, ssimulacra2)
                ]
            )
        means, least = np.mean(gained, axis=0), np.min(gained, axis=0)
        yield [
            str(colors),
            f"{np.median(counts):.0f}",
            *(f"{means[0]:+.2f}", f"{least[0]:+.2f}"),
            *(f"{means[1]:+.4f}", f"{least[1]:+.4f}"),
            *(f"{means[2]:+.1f}", f"{least[2]:+.1f}"),
        ]


def other_palettes(pictures: Sequence[Rgb]) -> Iterator[list[str]]:
    """Yield a row for each quantizer and K: its bytes over kmq's at the same PSNR."""
    for name, run in quantizers().items():
        for colors in COLORS:
            ratios, reached = [], []
            for rgb in pictures:
                data, other = run(rgb, colors)
                psnr = psnr_of(rgb, other)
                if not psnr < 90:
                    continue
                reached.append(psnr)
                ratios.append(len(data) / len(kmq.encode(rgb, psnr=psnr - 1e-6, threads=1)))
            if ratios:
                yield [
                    name,
                    str(colors),
                    f"{np.mean(reached):.1f}",
                    f"{np.mean(ratios):.2f}",
                    f"{min(ratios):.2f}",
                ]


def table_of(name: str, pictures: Sequence[Rgb]) -> str:
    """Return one of `TABLES`."""
    if name == "colors":
        head = ["K", "rdo", "bytes saved", "least", "dB lost", "most", "SSIM lost"]
        head += ["s / megapixel", "time to decode"]
        return markdown_table(head, same_colors(pictures), "rlrrrrrrr")
    if name == "psnr":
        head, *rows = same_psnr(pictures)
        return markdown_table(head, rows, "r" * len(head))
    if name == "bytes":
        head = ["K", "K found", "dB gained", "least", "SSIM gained", "least"]
        head += ["SSIMULACRA 2", "least"]
        return markdown_table(head, same_bytes(pictures), "rrrrrrrr")
    head = ["peer", "K", "dB", "bytes / kmq's", "least"]
    return markdown_table(head, other_palettes(pictures), "lrrrr")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=TABLES)
    parser.add_argument(
        "--every", type=int, default=2, metavar="N", help="look at the second of each N images"
    )
    parser.add_argument("--write", metavar="LABEL", help="the markers to write between")
    given = parser.parse_args()
    paths = sorted(given.folder.glob("*.png"))[1 :: given.every]
    pictures = []
    for path in paths:
        with Image.open(path) as image:
            pictures.append(np.asarray(image.convert("RGB")))
    for colors in (5, 300):
        kmq.load(kmq.encode(pictures[0], colors, rdo=1, threads=1))  # loads the kernels
    parts = [f"{machine_line(PACKAGES)}; {', '.join(path.stem for path in paths)}"]
    print(parts[0], end="\n\n", flush=True)
    for name in given.tables:
        parts.append(table_of(name, pictures))
        print(parts[-1], end="\n\n", flush=True)
    if given.write:
        write_between(PAGE, given.write, "\n\n".join(parts))


if __name__ == "__main__":
    main()
