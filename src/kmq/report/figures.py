"""The plots of the page: inline SVG by matplotlib, in the page's colours and font.

Colours are drawn as placeholders that `_finished` replaces with the style sheet's variables,
so one figure works in light and dark mode. Elements that belong to one K are marked with it
(`data-colors`), so the page can highlight the chosen one.
"""

from __future__ import annotations

import html
import io
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator

from kmq.comparison import OtherIndices, Row
from kmq.report import error_map
from kmq.report.trace import Trace
from kmq.report.transforms import Point

_WIDTH, _HEIGHT = 5.0, 3.8
"""Inches; the page scales a figure to the available width."""

_ROOM_FOR_1_2_5 = 100
"""The largest ratio of sizes on an axis that still has room for the labels 1, 2, 5, 10, ..."""

INK, MUTED, LINE, SURFACE = "#010101", "#020202", "#030303", "#040404"
PACKED, MODELLED, RDO, THEORY, PNG, WEBP, JPEG, AVIF = (f"#0{number}0505" for number in range(1, 9))
_VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    LINE: "--line",
    SURFACE: "--surface",
    PACKED: "--packed",
    MODELLED: "--modelled",
    RDO: "--rdo",
    THEORY: "--theory",
    PNG: "--png",
    WEBP: "--webp",
    JPEG: "--jpeg",
    AVIF: "--avif",
}

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "kmq",
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": LINE,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "none",
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "lines.linewidth": 1.6,
    "lines.markersize": 5,
}

_Size = Callable[[Row], float | None]
_CODINGS: tuple[tuple[str, str, str, _Size], ...] = (
    ("kmq packed", PACKED, "o", lambda row: row.packed_bytes),
    ("kmq modelled", MODELLED, "D", lambda row: row.modelled_bytes),
    ("PNG-8", PNG, "s", lambda row: row.png_bytes),
    ("WebP lossless", WEBP, "^", lambda row: row.webp_bytes),
)

_LOOKS = {"JPEG": (JPEG, "x"), "WebP lossy": (WEBP, "v"), "AVIF": (AVIF, "P")}
"""Colour and marker of each transform coder."""


def size_figure(rows: Sequence[Row], file_bytes: int) -> str:
    """Return a plot of bytes against K for each coding, with the theoretical size."""
    with mpl.rc_context(_STYLE):
        figure, axes = _empty()
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        _draw_codings(axes, rows, lambda row, size: (row.used, size))
        theory = sorted((row.used, row.theoretical_bytes) for row in rows)
        axes.plot(
            *zip(*theory, strict=True),
            color=THEORY,
            linewidth=7,
            alpha=0.35,
            zorder=1,
            label="24 K + N log₂ K",
        )
        axes.axhline(file_bytes, color=MUTED, linewidth=1, linestyle=":")
        axes.annotate(
            "the file compared",
            (0.0, file_bytes),
            (2, 3),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            color=MUTED,
        )
        used = sorted({row.used for row in rows})
        axes.xaxis.set_major_locator(FixedLocator(used))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlabel("colours, K")
        axes.set_ylabel("bytes")
        _name_bytes(axes.yaxis, (1, 2, 5))
        _name_lines(axes)
        return _finished(figure, "sizes", "File size against the number of colours K, by coding")


def quality_figure(
    rows: Sequence[Row],
    cheaper: Sequence[OtherIndices],
    transforms: Mapping[str, Sequence[Point]],
) -> str:
    """Return a plot of PSNR against bytes for kmq and transform coders, without exact images.

    `cheaper` is kmq with cheaper indices; `transforms` has each other coder's curve.
    """
    lossy = [row for row in rows if not row.is_exact]
    lines: list[tuple[str, str, str, list[tuple[int, float]]]] = [
        ("kmq with --rdo", RDO, "*", [(each.bytes, each.psnr) for each in cheaper]),
        *(
            (name, *_LOOKS[name], [(point.bytes, point.psnr) for point in points])
            for name, points in transforms.items()
        ),
    ]
    with mpl.rc_context(_STYLE):
        figure, axes = _empty()
        axes.set_xscale("log")
        _draw_codings(axes, lossy, lambda row, size: (size, row.psnr))
        for name, color, marker, points in lines:
            finite = sorted(point for point in points if math.isfinite(point[1]))
            if finite:
                axes.plot(*zip(*finite, strict=True), color=color, marker=marker, label=name)
        axes.set_xlabel("bytes")
        axes.set_ylabel("PSNR in dB")
        axes.yaxis.set_major_locator(MaxNLocator(steps=[1, 2, 5, 10]))
        smallest, largest = axes.get_xlim()
        _name_bytes(axes.xaxis, (1, 3) if largest > _ROOM_FOR_1_2_5 * smallest else (1, 2, 5))
        _name_lines(axes)
        description = (
            "PSNR against file size, for kmq with and without cheaper indices and for others"
        )
        return _finished(figure, "quality", description)


def trace_figure(traces: Sequence[Trace]) -> str:
    """Return a plot of the error per iteration, relative to that of kmq's palette."""
    with mpl.rc_context(_STYLE):
        figure, axes = _empty()
        highest = 1.0
        for trace in traces:
            ratios = trace.errors / trace.reached
            highest = max(highest, float(ratios[1]))
            [line] = axes.plot(range(len(ratios)), ratios, color=PACKED)
            line.set_gid(f"curve-{trace.colors}")
        axes.axhline(1, color=MODELLED, linestyle="--", linewidth=1.2)
        axes.annotate(
            "kmq's palette",
            (0, 1),  # the corner that the falling curves leave free
            (4, -4),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="left",
            va="top",
            color=MODELLED,
        )
        # The error at the start is so large that it would flatten everything else.
        axes.set_ylim(0.93, 1 + 1.12 * max(0.08, highest - 1))
        axes.set_xlim(0, None)
        axes.set_xlabel("iterations of plain Lloyd")
        axes.set_ylabel("mean squared error, kmq's = 1")
        return _finished(figure, "trace", "Error after each iteration, relative to kmq's palette")


def color_bar(limit: float) -> str:
    """Return the scale of the heat maps: distances from 0 to `limit`."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH, 0.62))
        axes = figure.add_axes((0.02, 0.66, 0.96, 0.26))
        norm = PowerNorm(error_map.EXPONENT, 0, limit)
        bar = figure.colorbar(
            ScalarMappable(norm, error_map.COLOR_MAP), cax=axes, orientation="horizontal"
        )
        bar.outline.set_visible(False)
        bar.set_ticks([tick for tick in (0, 1, 5, 10, 20, 50, 100, 200, 400) if tick <= limit])
        bar.ax.minorticks_off()
        return _finished(figure, "scale", f"Colour scale of distances from 0 to {limit:.0f}")


def _empty() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(_WIDTH, _HEIGHT), layout="constrained")
    return figure, figure.add_subplot()


def _draw_codings(
    axes: Axes, rows: Sequence[Row], place: Callable[[Row, float], tuple[float, float]]
) -> None:
    """Draw a line for each coding that has sizes, with a hidden ring around each point."""
    for name, color, marker, size_of in _CODINGS:
        placed = [(row, place(row, size)) for row in rows if (size := size_of(row)) is not None]
        if not placed:
            continue
        line = sorted(point for _, point in placed)
        axes.plot(*zip(*line, strict=True), color=color, marker=marker, label=name)
        for row, (x, y) in placed:
            [ring] = axes.plot(
                [x], [y], "o", markersize=12, markerfacecolor="none", markeredgecolor=INK
            )
            ring.set_gid(f"ring-{row.colors}")


def _name_lines(axes: Axes) -> None:
    lines, names = axes.get_legend_handles_labels()
    if lines:
        axes.figure.legend(
            lines, names, loc="outside upper left", ncols=3, handlelength=1.6, columnspacing=1.4
        )


def _name_bytes(axis: Any, leading: tuple[int, ...]) -> None:
    """Label the sizes that begin with these digits on a logarithmic axis."""
    axis.set_major_locator(LogLocator(10, subs=leading, numticks=30))
    axis.set_major_formatter(FuncFormatter(lambda value, _: _short_bytes(value)))
    axis.set_minor_locator(NullLocator())


def _short_bytes(value: float) -> str:
    for unit, name in ((1_000_000, "MB"), (1000, "kB")):
        if value >= unit:
            return f"{value / unit:g} {name}"
    return f"{value:g} B"


def _finished(figure: Figure, name: str, description: str) -> str:
    """Return the figure as inline SVG with unique ids, in the page's colours, of any size."""
    file = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(file, format="svg", metadata=nothing)
    drawn = file.getvalue()
    drawn = drawn[drawn.index("<svg") :]
    for stand_in, variable in _VARIABLES.items():
        drawn = drawn.replace(stand_in, f"var({variable})")
    drawn = re.sub(r'id="(ring|curve)-(\d+)"', r'class="\1" data-colors="\2"', drawn)
    drawn = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", drawn)
    drawn = re.sub(r' (?:width|height)="[\d.]+pt"', "", drawn, count=2)
    label = html.escape(description, quote=True)
    return drawn.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
