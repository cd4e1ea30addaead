"""K-means with pinned entries, or with the colours that hardware can show.

Both constrain the update step: a pinned entry stays where it is. Every other entry moves to
the mean of its pixels or, if the hardware has few bits per channel, to the nearest colour
that the hardware can show. No other colour has a lower error, because the sum of squared
distances from a cluster's pixels to a colour is the sum of those to the mean, plus the
number of pixels times the squared distance from the mean to the colour.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmq import alpha
from kmq.channel_bits import ChannelBits
from kmq.clustering import morton
from kmq.clustering.lloyd import TOLERANCE, Clusters, iterate
from kmq.clustering.palette import arranged
from kmq.clustering.points import Points
from kmq.clustering.schedule import LEAST_FALL, Search
from kmq.clustering.splitting import cut_largest_gains

MOST_SEARCHED = 1 << 11
"""The most colours for which a constrained search runs, because it compares all pairs."""


@dataclass(frozen=True, eq=False)
class Constraint:
    """A constraint on the entries of a palette.

    Attributes
    ----------
    pinned : (P, 3) uint8
        Distinct opaque colours, the first entries.
    bits
        Bits per channel of the other entries; None allows all colours.
    """

    pinned: NDArray[np.uint8]
    bits: ChannelBits | None = None

    def __bool__(self) -> bool:
        return len(self.pinned) > 0 or self.bits is not None

    def colors_at(
        self, points: NDArray[Any], *, is_opaque: NDArray[np.bool_] | None = None
    ) -> NDArray[np.uint8]:
        """Return the nearest allowed colours; parameters are those of `alpha.colors_at`."""
        if self.bits is None:
            return alpha.colors_at(points, is_opaque=is_opaque)
        samples = alpha.samples_at(points, is_opaque=is_opaque)
        colors = np.zeros_like(samples, np.uint8)
        colors[:, 3:] = samples[:, 3:]
        for channel, levels in enumerate(self.bits.levels):
            shown = np.array(levels, np.uint8)
            midpoints = (shown[1:].astype(np.float64) + shown[:-1]) / 2
            colors[:, channel] = shown[np.searchsorted(midpoints, samples[:, channel])]
        if colors.shape[1] == 4:
            colors[colors[:, 3] == 0] = 0
        return colors

    def first_entries(self, points: Points) -> NDArray[np.uint8]:
        """Return the pinned colours with as many channels as the points have axes."""
        return self.pinned if len(points.axes) == 3 else alpha.with_alpha(self.pinned)

    def pinned_points(self, points: Points) -> NDArray[np.float64]:
        """Return the pinned colours as points, (P, axes)."""
        return alpha.coordinates(self.first_entries(points)).astype(np.float64)


def constrained_start(
    points: Points, centroids: NDArray[np.float64], constraint: Constraint
) -> Clusters:
    """Return clusters around the pinned entries and these centroids, without an assignment."""
    return Clusters.around(points, np.concatenate([constraint.pinned_points(points), centroids]))


def constrained_search(
    points: Points,
    centroids: NDArray[np.float64],
    constraint: Constraint,
    schedule: Search,
    threads: int,
) -> Clusters:
    """Return clusters around the pinned entries and `len(centroids)` others.

    A cycle splits the clusters with the largest gains, settles, drops the entries that are
    cheapest to lose, and settles again. It is kept if it lowers the error enough; otherwise
    the next cycle splits half as many clusters.
    """
    clusters = constrained_start(points, centroids, constraint)
    settle(points, clusters, constraint, schedule.after_merge, threads)
    splits = schedule.splits
    for _ in range(schedule.cycles if len(clusters) <= MOST_SEARCHED else 0):
        if splits == 0:
            break
        tried = _split(points, clusters, splits)
        settle(points, tried, constraint, schedule.after_split, threads)
        tried = _without_cheapest(tried, len(constraint.pinned), len(clusters))
        settle(points, tried, constraint, schedule.after_merge, threads)
        if tried.error < clusters.error * (1 - LEAST_FALL):
            clusters = tried
        else:
            splits //= 2
    return clusters


def settle(
    points: Points, clusters: Clusters, constraint: Constraint, iterations: int, threads: int
) -> None:
    """Alternate the assignment step and the constrained update step, in place.

    Ends with an assignment, so that labels, sums and error match the centroids. Stops early
    if the error no longer falls.
    """
    previous = math.inf
    entries = _allowed(points, clusters.centroids, constraint)
    for left in reversed(range(max(iterations, 1))):
        clusters.centroids = entries
        _assign(points, clusters, threads)
        if left == 0 or previous - clusters.error <= TOLERANCE * clusters.error:
            break
        previous = clusters.error
        entries = _allowed(points, _means(clusters), constraint)


def _assign(points: Points, clusters: Clusters, threads: int) -> None:
    """Assign the points to the nearest centroids without moving these."""
    centroids = clusters.centroids.copy()
    iterate(points, clusters, 1, threads)  # also moves the centroids to the means
    clusters.centroids = centroids
    clusters.error = _error_of(points, clusters)


def _allowed(
    points: Points, centroids: NDArray[np.float64], constraint: Constraint
) -> NDArray[np.float64]:
    """Return the nearest allowed places for the entries: the constrained update step."""
    pinned = constraint.pinned_points(points)
    allowed = centroids.copy()
    if constraint.bits is not None:
        allowed = alpha.coordinates(constraint.colors_at(centroids)).astype(np.float64)
    allowed[: len(pinned)] = pinned
    return allowed


def _means(clusters: Clusters) -> NDArray[np.float64]:
    """Return the clusters' means; one without points keeps its centroid."""
    means = clusters.centroids.copy()
    used = clusters.sums[:, -1] > 0
    means[used] = clusters.sums[used, :-1] / clusters.sums[used, -1:]
    return means


def _error_of(points: Points, clusters: Clusters) -> float:
    """Return the sum of squared distances to the centroids, which need not be the means."""
    sums, centroids = clusters.sums, clusters.centroids
    terms = centroids * (sums[:, -1:] * centroids - 2.0 * sums[:, :-1])
    # The exactly rounded sum is the same on every machine.
    return points.energy + math.fsum(terms.ravel().tolist())


def _split(points: Points, clusters: Clusters, count: int) -> Clusters:
    """Return `clusters` with the `count` of largest gain each cut in two."""
    cut = cut_largest_gains(
        points.coordinates,
        points.sums,
        clusters.labels,
        _means(clusters),
        clusters.sums,
        points.axes,
        count,
    )
    return Clusters(*cut, clusters.labels.copy(), math.inf)


def _without_cheapest(clusters: Clusters, pins: int, count: int) -> Clusters:
    """Return `count` clusters: those cheapest to lose join their nearest neighbours.

    The first `pins` are never dropped.
    """
    sums, centroids = clusters.sums.copy(), clusters.centroids
    successor = np.arange(len(clusters))
    alive = np.arange(len(clusters))
    while len(alive) > count:
        costs, neighbours = _costs_of_missing(centroids[alive], sums[alive])
        costs[:pins] = np.inf
        taken = np.zeros(len(alive), np.bool_)
        left = len(alive)
        for place in np.argsort(costs, kind="stable"):
            neighbour = neighbours[place]
            if left == count or place < pins:
                break
            if not taken[place] and not taken[neighbour]:
                taken[place] = taken[neighbour] = True
                sums[alive[neighbour]] += sums[alive[place]]
                sums[alive[place]] = 0
                successor[alive[place]] = alive[neighbour]
                left -= 1
        successor = successor[successor]
        alive = alive[successor[alive] == alive]
    place_of = np.empty(len(clusters), np.int32)
    place_of[alive] = np.arange(len(alive), dtype=np.int32)
    labels = place_of[successor[clusters.labels]]
    return Clusters(centroids[alive], sums[alive], labels, math.inf)


def _costs_of_missing(
    centroids: NDArray[np.float64], sums: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the rise in error without each entry, and its nearest neighbour.

    The estimate moves all pixels of the entry to that neighbour.
    """
    pixels = sums[:, -1]
    means = centroids.copy()
    used = pixels > 0
    means[used] = sums[used, :-1] / sums[used, -1:]
    own = ((means - centroids) ** 2).sum(axis=1)
    neighbours = np.empty(len(centroids), np.int64)
    nearest = np.empty(len(centroids))
    for place, mean in enumerate(means):
        distances = ((centroids - mean) ** 2).sum(axis=1)
        distances[place] = np.inf
        neighbours[place] = distances.argmin()
        nearest[place] = distances[neighbours[place]]
    return pixels * (nearest - own), neighbours


def every_color_that_helps(
    points: Points, constraint: Constraint, most: int
) -> NDArray[np.uint8] | None:
    """Return the allowed colours nearest to the points; None if there are too many.

    That is, if there are more than `most` besides the pinned ones.
    """
    pinned = constraint.first_entries(points)
    if constraint.bits is None and len(points) > len(pinned) + most:
        return None
    colors = _without(pinned, _nearest_allowed(points, constraint))
    return colors if len(colors) <= most else None


def constrained_palette(
    points: Points,
    colors: NDArray[np.uint8],
    constraint: Constraint,
    count: int,
    threads: int,
) -> tuple[NDArray[np.uint8], Clusters]:
    """Return at most `count` distinct colours, and the clusters of the points nearest to each.

    The pinned ones come first, in their order, used or not. Then follow, arranged, those
    `colors` that are nearest to some point. Each entry left over goes where it lowers the
    error of one colour's pixels the most. There are fewer than `count` entries only if no
    allowed colour lowers the error further.
    """
    pinned = constraint.first_entries(points)
    nearest = _nearest_allowed(points, constraint)
    means = points.coordinates[:, : len(points)].T
    least = ((means - alpha.coordinates(nearest)) ** 2).sum(axis=1)
    while True:
        palette = np.concatenate([pinned, arranged(_without(pinned, colors))])
        entries = alpha.coordinates(palette)
        assigned = Clusters.around(points, entries.astype(np.float64))
        _assign(points, assigned, threads)
        used = assigned.sums[len(pinned) :, -1] > 0
        room = count - len(pinned) - np.count_nonzero(used)
        if used.all() and room == 0:
            return palette, assigned
        errors = ((means - entries[assigned.labels]) ** 2).sum(axis=1)
        gains = (errors - least) * points.sums[:, -1]
        best = np.argsort(-gains, kind="stable")[:room]
        best = best[gains[best] > 0]
        if used.all() and len(best) == 0:
            return palette, assigned
        colors = np.concatenate([palette[len(pinned) :][used], nearest[best]])


def _nearest_allowed(points: Points, constraint: Constraint) -> NDArray[np.uint8]:
    """Return the allowed colours nearest to the points, without the pinned ones."""
    return constraint.colors_at(points.coordinates[:, : len(points)].T)


def _without(pinned: NDArray[np.uint8], colors: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the distinct `colors` that are not pinned."""
    return morton.decode(np.setdiff1d(morton.encode(colors), morton.encode(pinned)))
