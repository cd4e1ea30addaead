"""Collecting and rendering everything that the page shows."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup
from numpy.typing import NDArray

from kmq.alpha import composite
from kmq.clustering import Histogram
from kmq.comparison import OtherIndices, Row, other_indices
from kmq.image import IndexedImage, Palette
from kmq.options import RDO_OF_TARGETS, Options
from kmq.report import error_map, figures, pictures, transforms
from kmq.report.pictures import Box
from kmq.report.trace import ITERATIONS, MOST_COLORS, Trace, trace

MOST_POINTS = 4000
"""The most colours in the colour cloud; if there are more, evenly spaced ones are chosen."""

_HERE = Path(__file__).parent
_DETAILS_BY_ERROR = 2
_DETAILS_BY_GRADIENT = 1


def render_page(
    title: str, pixels: NDArray[np.uint8], file_bytes: int, rows: Sequence[Row], options: Options
) -> str:
    """Return the page; parameters are those of `kmq.report.render`."""
    histogram = Histogram.of_pixels(pixels)
    original = pictures.shown(pixels)
    others = {} if histogram.has_alpha else transforms.curves(pixels)  # JPEG has no transparency
    cheaper = _cheaper_indices(pixels, rows, options)
    chosen = len(rows) // 2
    worst = min(rows, key=lambda row: row.psnr)
    limit = error_map.brightest(error_map.distances(pixels, worst.indexed))
    details = _details(pixels, rows[chosen])
    boxes = [box for box, _ in details]
    traces = _traces(histogram, rows, options)
    height, width = pixels.shape[:2]
    shown_width, shown_height = pictures.shown_size(width, height)
    script = _part("report.js")
    return _template().render(
        title=title,
        version=version("kmq"),
        style=_part("report.css"),
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        data={
            "chosen": chosen,
            "points": _base64(_without_alpha(_evenly_chosen(histogram.colors))),
            "details": [pictures.picture_uri(box.cut(original)) for box in boxes],
            "rows": [_row_data(pixels, row, boxes, limit) for row in rows],
        },
        width=width,
        height=height,
        shown_width=shown_width,
        shown_height=shown_height,
        is_downscaled=(shown_width, shown_height) != (width, height),
        distinct=len(histogram),
        points=min(MOST_POINTS, len(histogram)),
        file_bytes=file_bytes,
        rows=rows,
        chosen=chosen,
        options=options,
        original=pictures.picture_uri(original),
        images=[pictures.picture_uri(_reproduced(row.indexed)) for row in rows],
        details=details,
        strength=_strength(options),
        smaller_others=_smaller_others(cheaper, others),
        has_exact=any(row.is_exact for row in rows),
        iterations=ITERATIONS,
        size_figure=Markup(figures.size_figure(rows, file_bytes)),
        quality_figure=Markup(figures.quality_figure(rows, cheaper, others)),
        trace_figure=Markup(figures.trace_figure(traces)) if traces else None,
        color_bar=Markup(figures.color_bar(limit)),
    )


def _strength(options: Options) -> float:
    """Return the strength to show: the given one, or the one that a target would use."""
    return RDO_OF_TARGETS if options.rdo is None else options.rdo


def _cheaper_indices(
    pixels: NDArray[np.uint8], rows: Sequence[Row], options: Options
) -> list[OtherIndices]:
    """Return the results with cheaper indices of each row that has an error."""
    stronger = replace(options, rdo=_strength(options), dither=None, dither_method=None)
    if stronger.rdo_strength == 0:
        return []
    found = (row.rdo or other_indices(pixels, row.indexed, stronger) for row in rows)
    return [each for row, each in zip(rows, found, strict=True) if not row.is_exact]


def _smaller_others(
    cheaper: Sequence[OtherIndices], others: Mapping[str, list[transforms.Point]]
) -> list[str]:
    """Return the coders that need fewer bytes than kmq at some PSNR."""
    return [
        name
        for name, points in others.items()
        if any(
            (size := transforms.smallest_that_reaches(points, each.psnr)) is not None
            and size < each.bytes
            for each in cheaper
        )
    ]


def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["thousands"] = lambda number: f"{number:,.0f}"
    return environment.get_template("template.html.j2")


def _part(name: str) -> Markup:
    """Return a file of this folder that is inserted into the page unchanged."""
    return Markup((_HERE / name).read_text(encoding="utf-8"))


def _details(pixels: NDArray[np.uint8], row: Row) -> list[tuple[Box, str]]:
    """Return the boxes to look at closely, each with the reason."""
    squared_error = np.square(error_map.distances(pixels, row.indexed))
    gradient = pictures.gradient(pictures.shown(pixels))
    found: list[tuple[Box, str]] = []
    for amount, count, why in (
        (squared_error, _DETAILS_BY_ERROR, f"Where the error at K = {row.colors} is greatest"),
        (gradient, _DETAILS_BY_GRADIENT, "Where the picture changes most"),
    ):
        taken = [box for box, _ in found]
        found += [(box, why) for box in islice(pictures.peaks(amount, taken), count)]
    return found


def _traces(histogram: Histogram, rows: Sequence[Row], options: Options) -> list[Trace]:
    """Return the trace of each row that has an error and not too many colours."""
    return [
        trace(histogram, Palette(row.indexed.palette), options.seed, options.workers)
        for row in rows
        if not row.is_exact and row.colors <= MOST_COLORS
    ]


def _row_data(
    pixels: NDArray[np.uint8], row: Row, details: Sequence[Box], limit: float
) -> dict[str, Any]:
    """Return the data that the page's script shows when a row is chosen."""
    indexed = row.indexed
    reproduced = _reproduced(indexed)
    distances = error_map.distances(pixels, indexed)
    spread = error_map.spread(distances)
    facts = [
        f"{row.modelled_bytes:,} bytes",
        f"{8 * row.modelled_bytes / distances.size:.2f} bits per pixel",
        row.closeness(row.psnr) + ("" if row.is_exact else " dB"),
    ]
    if row.ssim is not None:
        facts.append(f"SSIM {row.ssim:.4f}")
    return {
        "colors": row.colors,
        "used": row.used,
        "facts": facts,
        "palette": _base64(_without_alpha(indexed.palette)),
        "pixels": np.bincount(indexed.indices.ravel(), minlength=row.used).tolist(),
        "details": [pictures.picture_uri(box.cut(reproduced)) for box in details],
        "heatMap": error_map.heat_map(distances, limit),
        "spread": [
            f"{number:.1f}" for number in (spread.root_mean_square, spread.most, spread.largest)
        ],
    }


def _reproduced(indexed: IndexedImage) -> NDArray[np.uint8]:
    return pictures.shown(indexed.to_pixels())


def _without_alpha(colors: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (n, 3) colours composited over white."""
    if colors.shape[1] == 3:
        return colors
    return composite(colors[:, :3], colors[:, 3], (255, 255, 255))


def _evenly_chosen(colors: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return at most `MOST_POINTS` of (n, 3) or (n, 4) colours, evenly spaced in their order."""
    if len(colors) <= MOST_POINTS:
        return colors
    chosen: NDArray[np.uint8] = colors[np.linspace(0, len(colors) - 1, MOST_POINTS).astype(int)]
    return chosen


def _base64(array: NDArray[np.uint8]) -> str:
    return base64.b64encode(array.tobytes()).decode()
