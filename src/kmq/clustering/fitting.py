"""From a histogram to a palette: starts and searches on coarse points, then finer ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kmq import alpha
from kmq.clustering import schedule
from kmq.clustering.constrained import (
    Constraint,
    constrained_palette,
    constrained_search,
    constrained_start,
    every_color_that_helps,
    settle,
)
from kmq.clustering.histogram import Histogram
from kmq.clustering.lloyd import Clusters, iterate
from kmq.clustering.palette import order_of, rounded_one_by_one, whole_number_palette
from kmq.clustering.points import (
    Points,
    coarsen,
    count_cells,
    distinct_colors,
    with_heavy_clear,
)
from kmq.clustering.schedule import Effort
from kmq.clustering.search import search
from kmq.clustering.seeding import draw_start, grow_start
from kmq.errors import OptionError
from kmq.threads import map_threads


def fit_colors(
    histogram: Histogram,
    colors: int,
    effort: Effort,
    seed: int,
    max_iter: int | None,
    threads: int,
    constraint: Constraint | None = None,
    init: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Return the palette, (K, 3) or (K, 4), and each distinct colour's nearest entry, (n,).

    K is `colors`, or n if that is less; then the palette is the colours themselves. Clear
    colours count as one, unless all of them fit, and its entry gets `color_of_clear`. With a
    `constraint`, K may be less, and clear colours always count as one. `init`, samples of
    `colors` centroids, (K, 3) or (K, 4), replaces the search; it excludes a constraint.

    Raises
    ------
    OptionError
        If the constraint leaves no entry for clear pixels.
    """
    if constraint:
        return _constrained_colors(histogram, colors, effort, seed, max_iter, threads, constraint)
    if len(histogram) <= colors:
        return _themselves(histogram)
    if not histogram.has_alpha:
        return _fewer_colors(histogram, colors, effort, seed, max_iter, threads, init)
    reduced = histogram.with_clear_as_one()
    if len(reduced) <= colors:
        palette, entries = _themselves(reduced)
    else:
        palette, entries = _fewer_colors(reduced, colors, effort, seed, max_iter, threads, init)
    palette[palette[:, 3] == 0, :3] = color_of_clear(histogram)
    return palette, entries[reduced.places_of(histogram)]


def _constrained_colors(
    histogram: Histogram,
    colors: int,
    effort: Effort,
    seed: int,
    max_iter: int | None,
    threads: int,
    constraint: Constraint,
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    pinned = len(constraint.pinned)
    reduced = histogram.with_clear_as_one()
    has_clear = bool(reduced.is_clear.any())
    if has_clear and pinned == colors:
        raise OptionError(
            f"pinned: {pinned:,} of {colors:,} colours leave none for the transparent pixels"
        )
    points = distinct_colors(reduced)
    few = every_color_that_helps(points, constraint, colors - pinned)
    if few is not None:
        candidates = [few]
    elif pinned == colors:
        candidates = [constraint.first_entries(points)[:0]]
    else:
        candidates = _constrained_candidates(
            points, colors, effort, seed, max_iter, threads, constraint
        )
    palette, clusters = min(
        (constrained_palette(points, each, constraint, colors, threads) for each in candidates),
        key=lambda found: found[1].error,
    )
    if has_clear:
        hidden = constraint.colors_at(color_of_clear(histogram)[np.newaxis])
        palette[palette[:, 3] == 0, :3] = hidden
    return palette, clusters.labels[reduced.places_of(histogram)]


def _constrained_candidates(
    points: Points,
    colors: int,
    effort: Effort,
    seed: int,
    max_iter: int | None,
    threads: int,
    constraint: Constraint,
) -> list[NDArray[np.uint8]]:
    """Return colours that satisfy the constraint and suit the pinned entries.

    Besides the result of the constrained search, the unconstrained one is rounded and
    included, so the final result is never worse than that.
    """
    pinned = len(constraint.pinned)
    iterations = _last_iterations(effort, max_iter)
    weighted = with_heavy_clear(points)
    coarse = coarsen(weighted, coarse_bits(weighted, colors))
    free = cluster(weighted, colors - pinned, effort, seed, threads)
    iterate(weighted, free, iterations, threads)
    searched = constrained_search(
        coarse, free.centroids, constraint, effort.coarse_search(colors), threads
    )
    # Occasionally the search on coarser points loses what was found on these.
    found = [
        searched.carried_over(coarse, weighted),
        constrained_start(weighted, free.centroids, constraint),
    ]
    for each in found:
        settle(weighted, each, constraint, iterations, threads)
    clusters = _best(found, 1)[0]
    clusters.recount(weighted, points)
    free.recount(weighted, points)
    rounded, _ = whole_number_palette(points, free, colors - pinned, threads)
    return [
        rounded_one_by_one(points, clusters, constraint.colors_at)[pinned:],
        constraint.colors_at(alpha.coordinates(rounded)),
    ]


def _last_iterations(effort: Effort, max_iter: int | None) -> int:
    return effort.last_iterations if max_iter is None else min(effort.last_iterations, max_iter)


def _themselves(histogram: Histogram) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    order = order_of(histogram.colors)
    place = np.empty(len(order), np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    return histogram.colors[order], place


def _fewer_colors(
    histogram: Histogram,
    colors: int,
    effort: Effort,
    seed: int,
    max_iter: int | None,
    threads: int,
    init: NDArray[np.float64] | None,
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    points = distinct_colors(histogram)
    weighted = with_heavy_clear(points)
    if init is None:
        clusters = cluster(weighted, colors, effort, seed, threads)
        iterations = _last_iterations(effort, max_iter)
    else:
        clusters = Clusters.around(weighted, alpha.points_of(init, len(points.axes)))
        iterations = schedule.ITERATIONS_FROM_INIT if max_iter is None else max_iter
    iterate(weighted, clusters, iterations, threads)
    clusters.recount(weighted, points)
    return whole_number_palette(points, clusters, colors, threads)


def color_of_clear(histogram: Histogram) -> NDArray[np.uint8]:
    """Return the colour that a clear entry hides: the mean of the pixels beside clear ones.

    The mean is weighted by alpha. The colour shows when a renderer filters; black would
    darken the edges. If no pixel is known to be beside a clear one, it is the mean of all.
    """
    sums = histogram.beside_clear
    if sums[3] == 0:
        rgba = histogram.colors.astype(np.int64)
        weights = rgba[:, 3] * histogram.counts
        sums = np.append(weights @ rgba[:, :3], weights.sum())
    weight = max(int(sums[3]), 1)
    return np.array([(2 * int(each) + weight) // (2 * weight) for each in sums[:3]], np.uint8)


def cluster(points: Points, colors: int, effort: Effort, seed: int, threads: int) -> Clusters:
    """Return clusters of the distinct colours, searched for on coarser points.

    There may be fewer than `colors` if the points are hard to split.
    """
    bits = coarse_bits(points, colors)
    coarse = coarsen(points, bits)
    starts = range(1 + effort.starts(colors, len(points), len(points.axes)))

    def search_from(start: int) -> Clusters:
        clusters = (
            draw_start(coarse, colors, seed, start, threads)
            if start > 0
            else grow_start(coarse, colors, threads)
        )
        return search(coarse, clusters, effort.coarse_search(colors), threads)

    found = map_threads(search_from, starts, threads)
    fine_search = effort.fine_search(colors)
    if bits == 0 or fine_search.cycles == 0:
        return _best(found, 1)[0].carried_over(coarse, points)
    fine = coarsen(points, bits - 1)

    def search_on(finalist: Clusters) -> Clusters:
        clusters = finalist.carried_over(coarse, fine)
        iterate(fine, clusters, schedule.CARRY_OVER_ITERATIONS, threads)
        return search(fine, clusters, fine_search, threads)

    found = map_threads(search_on, _best(found, effort.finalists), threads)
    return _best(found, 1)[0].carried_over(fine, points)


def _best(found: list[Clusters], count: int) -> list[Clusters]:
    """Return the `count` clusterings of lowest error, on ties the earlier ones."""
    return sorted(found, key=lambda each: each.error)[:count]


def coarse_bits(points: Points, colors: int) -> int:
    """Return the coarsest level with at least `POINTS_PER_COLOR` cells per colour, or 0."""
    wanted = schedule.POINTS_PER_COLOR * colors
    if len(points) < wanted:
        return 0
    for bits in range(schedule.COARSEST_BITS, 0, -1):
        if count_cells(points, bits) >= wanted:
            return bits
    return 0
