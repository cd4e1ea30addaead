"""Palettes under a constraint, compared with applying the constraint afterwards.

    python benchmarks/panels.py PICTURE ... [--write]

Prints a table for `bits`, one for `pinned`, and with --write puts them into README.md
beside this file.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from statistics import geometric_mean

import numpy as np
from PIL import Image, ImageColor
from reporting import machine_line, markdown_table, write_between

import kmq
from kmq import clustering
from kmq.channel_bits import ChannelBits

PAGE = Path(__file__).parent / "README.md"
BITS = ("565", "444", "332")
COLORS = (16, 64, 256)
PINNED = ("black", "white", "red", "lime")


def rounded(palette: kmq.Palette, bits: str) -> kmq.Palette:
    """Return the colours of a palette as hardware shows them, each once."""
    levels = ChannelBits.of(bits).levels
    channels = [
        np.array(each)[abs(palette.colors[:, channel, None] - np.array(each)).argmin(axis=1)]
        for channel, each in enumerate(levels)
    ]
    return kmq.Palette(np.unique(np.stack(channels, axis=1), axis=0))


def compared(
    histograms: list[kmq.Histogram],
    constrained: Callable[[kmq.Histogram], kmq.Palette],
    afterwards: Callable[[kmq.Histogram], kmq.Palette],
) -> list[str]:
    """Return the cells of a row: errors' ratio, the worst, numbers of entries, times' ratio."""
    errors, times, entries, others = [], [], [], []
    for histogram in histograms:
        started = time.process_time()
        found = constrained(histogram)
        middle = time.process_time()
        other = afterwards(histogram)
        times.append((middle - started) / (time.process_time() - middle))
        error, against = (clustering.squared_error(histogram, each) for each in (found, other))
        errors.append(float(error / against))
        entries.append(len(found))
        others.append(len(other))
    return [
        f"{geometric_mean(errors):.3f}",
        f"{max(errors):.3f}",
        f"{np.mean(entries):.0f}",
        f"{np.mean(others):.0f}",
        f"{np.median(times):.1f}",
    ]


def bits_rows(histograms: list[kmq.Histogram]) -> list[list[str]]:
    return [
        [
            bits,
            str(colors),
            *compared(
                histograms,
                lambda each, bits=bits, k=colors: kmq.fit(each, k, bits=bits, threads=1),
                lambda each, bits=bits, k=colors: rounded(kmq.fit(each, k, threads=1), bits),
            ),
        ]
        for bits in BITS
        for colors in COLORS
        if bits != "332" or colors < 256
    ]


def pinned_rows(histograms: list[kmq.Histogram]) -> list[list[str]]:
    pins = np.array([ImageColor.getrgb(each) for each in PINNED])

    def beside(histogram: kmq.Histogram, colors: int) -> kmq.Palette:
        free = kmq.fit(histogram, colors - len(pins), threads=1)
        return kmq.Palette(np.concatenate([pins, free.colors]))

    return [
        [
            str(colors),
            *compared(
                histograms,
                lambda each, k=colors: kmq.fit(each, k, pinned=PINNED, threads=1),
                lambda each, k=colors: beside(each, k),
            ),
        ]
        for colors in (8, *COLORS)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures", nargs="+", type=Path)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    pictures = [np.asarray(Image.open(each).convert("RGB")) for each in arguments.pictures]
    histograms = [kmq.Histogram.from_image(each) for each in pictures]
    for _ in range(2):  # the first time loads the kernels
        kmq.fit(histograms[0], 16, pinned=PINNED)
    measured = ["error / other", "worst", "entries", "other's", "time / other"]
    tables = {
        "panels:bits": markdown_table(["bits", "K", *measured], bits_rows(histograms), "r" * 7),
        "panels:pinned": markdown_table(["K", *measured], pinned_rows(histograms), "r" * 6),
    }
    for label, table in tables.items():
        text = f"{machine_line(('numpy', 'numba', 'kmq'))}\n\n{table}"
        print(text)
        if arguments.write:
            write_between(PAGE, label, text)


if __name__ == "__main__":
    main()
