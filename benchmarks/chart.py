"""Draw the chart of the benchmarks' page from the tables that stand on it.

    python benchmarks/chart.py

Three panels, one below the other: bytes of the same pixels on photographs and graphics, and
error and time at 64 colours. Everywhere a shorter bar is better.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib
from reporting import find_markers

matplotlib.use("Agg")
from matplotlib import pyplot
from matplotlib.axes import Axes

PAGE = Path(__file__).parent / "README.md"
CHART = PAGE.parent / "summary.png"

CODERS = {"of oxipng": "PNG-8", "of WebP": "WebP lossless", "of JPEG XL e9": "JPEG XL lossless"}
CLASSES = {"photos": "photographs", "graphics": "graphics"}
METHODS = {
    "kmq default": "kmq",
    "scikit-learn": "scikit-learn",
    "opencv": "OpenCV",
    "libimagequant": "libimagequant",
    "faiss": "faiss",
    "pillow-mediancut": "Pillow, median cut",
}
OWN, PEER, SECOND_PEER = "#0b6e99", "#b9c4cc", "#dde4e8"


def read_table(label: str) -> list[dict[str, str]]:
    """Return the rows of the table between the markers of `label`, by the names of columns."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    begin, end = find_markers(lines, label)
    head, _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in lines[begin:end]
        if line.startswith("|")
    ]
    return [dict(zip(head, row, strict=True)) for row in rows]


def relative_sizes() -> dict[str, dict[str, float]]:
    """Return each coder's bytes over kmq's, by class of images."""
    rows = {row["class"]: row for row in read_table("coding") if row["K"] == "16 and 256"}
    return {
        title: {"kmq": 1.0} | {coder: 1 / float(rows[name][of]) for of, coder in CODERS.items()}
        for name, title in CLASSES.items()
    }


def at_64_colors(column: str) -> dict[str, float]:
    """Return a column of the table of errors and times, by method."""
    rows = {row["method"]: row for row in read_table("quantize:photos") if row["K"] == "64"}
    return {
        title: float(rows[method][column].replace(",", ""))
        for method, title in METHODS.items()
        if method in rows
    }


def draw_bars(
    axes: Axes, values: Mapping[str, float], label: str, *, middle: float = 0, width: float = 0.7
) -> None:
    """Draw a horizontal bar for each value, and write the value at its end."""
    positions = [position + middle for position in range(len(values))]
    peer = SECOND_PEER if middle > 0 else PEER
    colors = [OWN if name == "kmq" else peer for name in values]
    bars = axes.barh(positions, list(values.values()), width, color=colors)
    axes.bar_label(bars, [label.format(value) for value in values.values()], padding=4)


def main() -> None:
    """Draw the chart."""
    pyplot.rcParams.update({"font.size": 13, "axes.titlesize": 14, "font.family": "DejaVu Sans"})
    figure, (sizes, errors, times) = pyplot.subplots(
        3, 1, figsize=(7, 9), height_ratios=(8, 6, 6), layout="constrained"
    )
    by_class = relative_sizes()
    for title, middle in zip(by_class, (-0.2, 0.2), strict=True):
        draw_bars(sizes, by_class[title], f"{{:.2f}}  {title}", middle=middle, width=0.38)
    error, time = at_64_colors("error / kmq default"), at_64_colors("time, ms")
    draw_bars(errors, error, "{:.3f}")
    draw_bars(times, time, "{:,.0f} ms")

    panels = (
        (sizes, "Bytes of the same pixels, relative to kmq", by_class["graphics"], 1.3),
        (errors, "Squared error at 64 colours, relative to kmq", error, 1.12),
        (times, "Time at 64 colours, 768x512 pixels", time, 1.14),
    )
    for axes, title, names, room in panels:
        axes.set_title(title, loc="left", fontweight="bold")
        axes.set_yticks(range(len(names)), list(names))
        axes.set_xlim(right=axes.get_xlim()[1] * room)
        axes.invert_yaxis()
        axes.tick_params(left=False, bottom=False, labelbottom=False)
        axes.xaxis.minorticks_off()
        axes.spines[:].set_visible(False)
    figure.savefig(CHART, dpi=100)


if __name__ == "__main__":
    main()
