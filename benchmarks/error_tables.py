"""What `quantize.py` measured, and the table and notes that tell it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import geometric_mean, median
from typing import Any, TypeAlias

from quantizers import BASELINE
from reporting import markdown_table

Reference: TypeAlias = Mapping[str, Mapping[str, Mapping[str, float]]]
"""Errors of k-means++ by image, K and name of the figure."""

REFERENCE_FIGURES = {"kpp1_mean": "k-means++", "kpp10_best": "best of 10"}


@dataclass(frozen=True)
class Measurement:
    """One method on one image for one K."""

    image: str
    width: int
    height: int
    distinct_colors: int
    colors: int
    method: str
    error: float
    seconds: list[float]
    median_ms: float


@dataclass(frozen=True)
class Skipped:
    """An image that has no more distinct colours than were asked for."""

    image: str
    distinct_colors: int
    colors: int


def ratio_to_reference(measurement: Measurement, reference: Reference, figure: str) -> float | None:
    """Return the error as a multiple of the reference's; None for an image not in it."""
    figures = reference.get(measurement.image, {}).get(str(measurement.colors), {})
    return measurement.error / figures[figure] if figure in figures else None


def summary_table(measurements: list[Measurement], reference: Reference) -> str:
    """Return a table with one row for each K and method."""
    groups: dict[tuple[int, str], list[Measurement]] = {}
    for measurement in measurements:
        groups.setdefault((measurement.colors, measurement.method), []).append(measurement)
    figures = {
        figure: title
        for figure, title in REFERENCE_FIGURES.items()
        if any(ratio_to_reference(each, reference, figure) for each in measurements)
    }
    head = ["K", "method", f"error / {BASELINE}"]
    for title in figures.values():
        head += [f"error / {title}", "worst image"]
    head += ["time, ms", "time / scikit-learn"]
    rows = []
    for (colors, method), group in groups.items():
        row = [str(colors), method, mean_error_ratio(group, groups[colors, BASELINE])]
        for figure in figures:
            row += reference_cells(group, reference, figure)
        row.append(f"{median(each.median_ms for each in group):,.1f}")
        row.append(mean_time_ratio(group, groups.get((colors, "scikit-learn"), [])))
        rows.append(row)
    return markdown_table(head, rows, "rlr" + "rl" * len(figures) + "rr")


def mean_error_ratio(group: list[Measurement], others: list[Measurement]) -> str:
    """Return the geometric mean over images of the error relative to another method's."""
    pairs = zip(group, others, strict=True)
    return f"{geometric_mean(each.error / other.error for each, other in pairs):.3f}"


def mean_time_ratio(group: list[Measurement], others: list[Measurement]) -> str:
    """Return the geometric mean over images of the time relative to another method's."""
    if not others:
        return "-"
    pairs = zip(group, others, strict=True)
    return f"{geometric_mean(each.median_ms / other.median_ms for each, other in pairs):.4f}"


def reference_cells(group: list[Measurement], reference: Reference, figure: str) -> list[str]:
    """Return the geometric mean of the ratios to the reference, and the worst image's."""
    ratios = {
        each.image: ratio
        for each in group
        if (ratio := ratio_to_reference(each, reference, figure)) is not None
    }
    if not ratios:
        return ["-", "-"]
    worst = max(ratios, key=ratios.__getitem__)
    return [f"{geometric_mean(ratios.values()):.3f}", f"{ratios[worst]:.3f} {Path(worst).stem}"]


def notes(
    measurements: list[Measurement],
    skipped: list[Skipped],
    left_out: list[str],
    reference: Reference,
) -> list[str]:
    """Return what a reader of the table has to know, one sentence each."""
    images = {each.image for each in measurements}
    runs: dict[int, list[str]] = {}
    for method, count in {each.method: len(each.seconds) for each in measurements}.items():
        runs.setdefault(count, []).append(method)
    counted = [f"{count} of {', '.join(methods)}" for count, methods in runs.items()]
    lines = [
        f"Ratios are geometric means over {len(images)} images; a time is the median over "
        "them of each one's median run.",
        f"Runs timed: {'; '.join(counted)}.",
    ]
    if left_out:
        lines.append(f"Left out, not installed: {', '.join(left_out)}.")
    if reference and not images <= reference.keys():
        lines.append(f"In the reference: {len(images & reference.keys())} of them.")
    if skipped:
        listed = ", ".join(f"{each.image} at {each.colors}" for each in skipped)
        lines.append(f"Skipped, no more distinct colours than K: {listed}.")
    return lines


def detail(measurement: Measurement, reference: Reference) -> dict[str, Any]:
    """Return a measurement for the JSON file, with its ratios to the reference."""
    ratios = {
        f"error_to_{figure}": ratio
        for figure in REFERENCE_FIGURES
        if (ratio := ratio_to_reference(measurement, reference, figure)) is not None
    }
    return asdict(measurement) | ratios
