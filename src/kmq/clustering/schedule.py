"""How much work each effort does: one rule that depends on the number of colours.

Every constant of the search is here, with its benefit. Figures are for photographs of 0.4
megapixels; "the error" is the mean squared distance.
"""

from __future__ import annotations

from dataclasses import dataclass

COARSEST_BITS = 3
"""The coarsest points are means of cells of (2^3)^3 colours: a few thousand of them."""

POINTS_PER_COLOR = 50
"""The search begins on the coarsest level with at least this many points per colour. With 30,
the error at 256 colours is 0.4 % higher before the fine search; 100 gains nothing."""

GROWTH_ITERATIONS = 2
"""Iterations after each doubling of the number of centroids. With 1, the error of that start
is 3 % higher; 4 gain less than the search does in the same time."""

CARRY_OVER_ITERATIONS = 2
"""Iterations that settle clusters carried over to finer points before they are searched."""

COARSE_SPLIT_SHARE = 4
FINE_SPLIT_SHARE = 8
"""A fine search first splits one cluster in this many."""

POINTS_PER_START = {3: 1 << 10, 4: 1 << 6}
"""Distinct colours per k-means++ start, for RGB and for RGBA colours. Thumbnails, which people
have in large numbers, get one start or none. Icons with alpha have fewer colours, in tight
groups: with 1,024 instead of 64, the error of an icon of 133 colours at K = 16 is 7 % higher
than from five starts of scikit-learn; with 64 it is 1 % higher."""

START_COSTS = {3: 1, 4: 2}
"""Divisors of the number of starts, for RGB and for RGBA colours. With 1 instead of 2, K = 16
and 64 take 1.4 times as long for RGBA colours, and the error is 0.1 % lower."""

LEAST_FALL = 1e-4
"""The fraction by which a cycle of the search must lower the error to be kept."""

MORE_CYCLES_BUDGET = 512
"""Divided by the number of colours, this is the number of further cycles of the coarse search.
Few colours take longer to place and are cheaper to move; at 64 colours, the cycles lower the
error of the worst image by 0.3 %."""

PAIRS_BUDGET = 1 << 15
"""The largest product of colours and cycles of a search, because merging compares all pairs
of clusters. It reduces cycles from 3,277 colours on at the best effort (9 instead of 10),
from 10,923 on at the default (2 fine ones instead of 3) and from 32,769 on at the fast (none
instead of 1)."""


ITERATIONS_FROM_INIT = 300
"""The most iterations over the distinct colours from given centroids: scikit-learn's default."""


@dataclass(frozen=True)
class Search:
    """One search: how many clusters to split at first, and how long to go on."""

    splits: int
    cycles: int
    after_split: int
    after_merge: int


@dataclass(frozen=True)
class Effort:
    """The constants of one effort.

    Attributes
    ----------
    most_starts, starts_budget
        Searches from k-means++ starts, besides the grown one: `starts_budget` divided by
        the square of the number of colours, at most `most_starts`. With few colours there
        are bad optima that splitting and merging cannot escape, and a start costs little.
        At 16 colours, starts lower the worst image's error from 1.020 to 1.000 of the best
        of ten k-means++ runs; at 64, from 1.008 to 1.002. At 256 they would lower it by
        0.2 % in twice the time.
    coarse_cycles
        Cycles of each search on coarse points, besides `MORE_CYCLES_BUDGET`. At 256
        colours, the first lowers the error by 7 %, the second by 1.5 %, the next two
        by 0.3 % together.
    finalists
        How many of the clusterings continue on finer points, which sometimes rank them
        differently. At 64 colours, 4 instead of 2 lower the error by another 0.1 %.
    fine_cycles
        Cycles on points one level finer; they lower the error by 0.3 %, and by 0.5 % on the
        worst image.
    after_split, after_merge
        Iterations within a cycle.
    last_iterations
        The most iterations over the distinct colours. The first two move the palette from
        cell means to colours, which lowers the error by 4 % at 256; the rest settle it.
    """

    most_starts: int
    starts_budget: int
    coarse_cycles: int
    finalists: int
    fine_cycles: int
    after_split: int
    after_merge: int
    last_iterations: int

    def starts(self, colors: int, points: int, channels: int) -> int:
        """Return how many k-means++ starts to search from, given the number of distinct colours."""
        affordable = min(self.most_starts, self.starts_budget // colors**2)
        return min(affordable // START_COSTS[channels], points // POINTS_PER_START[channels])

    def coarse_search(self, colors: int) -> Search:
        """Return the search on the coarse points."""
        cycles = self.coarse_cycles + MORE_CYCLES_BUDGET // colors
        return self._search(colors, COARSE_SPLIT_SHARE, cycles)

    def fine_search(self, colors: int) -> Search:
        """Return the search on the points one level finer."""
        return self._search(colors, FINE_SPLIT_SHARE, self.fine_cycles)

    def _search(self, colors: int, share: int, cycles: int) -> Search:
        return Search(
            splits=max(1, colors // share),
            cycles=min(cycles, PAIRS_BUDGET // colors),
            after_split=self.after_split,
            after_merge=self.after_merge,
        )


EFFORTS = {
    "fast": Effort(
        most_starts=4,
        starts_budget=2 * 64**2,
        coarse_cycles=1,
        finalists=1,
        fine_cycles=0,
        after_split=3,
        after_merge=3,
        last_iterations=3,
    ),
    "default": Effort(
        most_starts=16,
        starts_budget=4 * 64**2,
        coarse_cycles=2,
        finalists=2,
        fine_cycles=3,
        after_split=5,
        after_merge=10,
        last_iterations=4,
    ),
    "best": Effort(
        most_starts=24,
        starts_budget=16 * 64**2,
        coarse_cycles=10,
        finalists=4,
        fine_cycles=10,
        after_split=5,
        after_merge=10,
        last_iterations=20,
    ),
}
