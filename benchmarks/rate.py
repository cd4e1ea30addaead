"""What a cheaper choice of indices saves: at the same K, the same PSNR and the same bytes.

    python benchmarks/rate.py PICTURE ... [--write]

Each table has the mean over the pictures. Prints them, and with --write puts them into
README.md beside this file.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from reporting import machine_line, markdown_table, write_between

import kmq
from kmq import quality

PAGE = Path(__file__).parent / "README.md"
COLORS = (16, 64, 256)
STRENGTHS = (0.25, 0.5, 1.0)
OTHERS = ("JPEG 4:4:4", "JPEG 4:2:0", "WebP", "AVIF")


def squeezed(rgb: NDArray[np.uint8], kind: str, setting: int) -> bytes:
    """Return the image as a file of another coder, at its quality `setting`."""
    file = io.BytesIO()
    image = Image.fromarray(rgb)
    if kind.startswith("JPEG"):
        subsampling = 0 if kind.endswith("4:4:4") else 2
        image.save(file, "JPEG", quality=setting, optimize=True, subsampling=subsampling)
    elif kind == "WebP":
        image.save(file, "WEBP", quality=setting, method=6)
    else:
        image.save(file, "AVIF", quality=setting, subsampling="4:4:4")
    return file.getvalue()


def psnr_of(rgb: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    apart = rgb.astype(np.int64) - other
    return quality.psnr_of(int((apart**2).sum()), rgb.size)


def smallest_that_reaches(rgb: NDArray[np.uint8], kind: str, psnr: float) -> int | None:
    """Return the bytes at the lowest quality that comes so close; None if even the best does not.

    By halving, as if closeness grew with the quality throughout.
    """
    low, high, found = 0, 100, None
    while low <= high:
        setting = (low + high) // 2
        data = squeezed(rgb, kind, setting)
        decoded = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
        if psnr_of(rgb, decoded) >= psnr:
            found, high = len(data), setting - 1
        else:
            low = setting + 1
    return found


def same_colors(pictures: Sequence[NDArray[np.uint8]]) -> list[list[str]]:
    """Return a row for each K and strength: bytes saved, decibels and SSIM lost, time."""
    rows = []
    for colors in COLORS:
        for strength, effort in [(0.25, "fast"), *((each, "default") for each in STRENGTHS)]:
            saved, lost, unlike, seconds = [], [], [], []
            for rgb in pictures:
                started = time.process_time()
                before = kmq.quantize(rgb, colors, effort=effort, threads=1)
                middle = time.process_time()
                after = kmq.quantize(rgb, colors, rdo=strength, effort=effort, threads=1)
                extra = time.process_time() - middle - (middle - started)
                sizes = [len(kmq.encode(each, threads=1)) for each in (before, after)]
                saved.append(1 - sizes[1] / sizes[0])
                lost.append(quality.psnr(rgb, before) - quality.psnr(rgb, after))
                unlike.append(ssim(rgb, before) - ssim(rgb, after))
                seconds.append(extra / (rgb.size / 3e6))
            rows.append(
                [
                    str(colors),
                    f"{strength:g}" + (" fast" if effort == "fast" else ""),
                    f"{np.mean(saved):.1%}",
                    f"{min(saved):.1%}",
                    f"{np.mean(lost):.2f}",
                    f"{np.mean(unlike):.4f}",
                    f"{np.median(seconds):.2f}",
                ]
            )
    return rows


def ssim(rgb: NDArray[np.uint8], indexed: kmq.IndexedImage) -> float:
    found = quality.ssim(rgb, indexed)
    assert found is not None
    return found


def same_psnr(pictures: Sequence[NDArray[np.uint8]]) -> list[list[str]]:
    """Return a row for each K: the bytes of others at its PSNR, as shares of plain kmq's."""
    rows = []
    for colors in COLORS:
        shares: dict[str, list[float]] = {name: [] for name in ("kmq --psnr", *OTHERS)}
        for rgb in pictures:
            plain = kmq.encode(rgb, colors, threads=1)
            target = quality.psnr(rgb, kmq.load(plain)) - 1e-6
            shares["kmq --psnr"].append(len(kmq.encode(rgb, psnr=target, threads=1)) / len(plain))
            for name in OTHERS:
                found = smallest_that_reaches(rgb, name, target)
                shares[name].append(np.nan if found is None else found / len(plain))
        own = shares["kmq --psnr"]
        cells = [f"{np.mean(each):.2f}" for each in shares.values()]
        rows.append([str(colors), *cells, f"{max(own):.2f}"])
    return rows


def same_bytes(pictures: Sequence[NDArray[np.uint8]]) -> list[list[str]]:
    """Return a row for each K: how much closer its bytes come with cheaper indices."""
    rows = []
    for colors in COLORS:
        gained, alike, counts = [], [], []
        for rgb in pictures:
            plain = kmq.encode(rgb, colors, threads=1)
            found = kmq.load(kmq.encode(rgb, max_bytes=len(plain), threads=1))
            before = kmq.load(plain)
            gained.append(quality.psnr(rgb, found) - quality.psnr(rgb, before))
            alike.append(ssim(rgb, found) - ssim(rgb, before))
            counts.append(len(found.palette))
        rows.append(
            [
                str(colors),
                f"{np.median(counts):.0f}",
                f"{np.mean(gained):+.2f}",
                f"{min(gained):+.2f}",
                f"{np.mean(alike):+.4f}",
                f"{min(alike):+.4f}",
            ]
        )
    return rows


def tables(paths: Iterable[Path]) -> str:
    listed = list(paths)
    pictures = []
    for path in listed:
        with Image.open(path) as image:
            pictures.append(np.asarray(image.convert("RGB")))
    for rgb in pictures[:1]:
        kmq.encode(rgb, 5, rdo=1, threads=1)  # compiles the kernels
    names = ", ".join(path.stem for path in listed)
    parts = [
        f"{machine_line(('numpy', 'numba', 'kmq', 'Pillow'))}; {names}",
        markdown_table(
            ["K", "rdo", "bytes saved", "least", "dB lost", "SSIM lost", "s / megapixel"],
            same_colors(pictures),
            "rlrrrrr",
        ),
        markdown_table(["K", "kmq --psnr", *OTHERS, "kmq's worst"], same_psnr(pictures), "rrrrrrr"),
        markdown_table(
            ["K", "K found", "dB gained", "least", "SSIM gained", "least"],
            same_bytes(pictures),
            "rrrrrr",
        ),
    ]
    return "\n\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", nargs="+", type=Path)
    parser.add_argument("--label", default="rate:photos", help="the markers to write between")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    text = tables(given.pictures)
    print(text)
    if given.write:
        write_between(PAGE, given.label, text)


if __name__ == "__main__":
    main()
