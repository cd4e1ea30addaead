"""How much work each effort does: one rule that follows the number of colours.

Every constant of the search stands here, with what it buys. Figures are for
photographs of 0.4 megapixels; "the error" is the mean squared distance.
"""

from __future__ import annotations

from dataclasses import dataclass

COARSEST_BITS = 3
"""The coarsest points are means of cells of (2^3)^3 colours: a few thousand of them."""

POINTS_PER_COLOR = 50
"""The search begins on the coarsest points that are at least this many a colour. With
30 the error at 256 colours is 0.4 % higher before the fine search; 100 gains nothing."""

GROWTH_ITERATIONS = 2
"""Iterations after each doubling while centroids grow. With 1 the error of that start
is 3 % higher; 4 gain less than the search does in the same time."""

CARRY_OVER_ITERATIONS = 2
"""Iterations that settle clusters carried over to finer points before they are searched."""

COARSE_SPLIT_SHARE = 4
FINE_SPLIT_SHARE = 8
"""A search first splits one cluster out of this many; the coarse one still has far to go."""

POINTS_PER_START = {3: 1 << 10, 4: 1 << 6}
"""Distinct colours for each k-means++ start, of RGB and of RGBA colours: thumbnails, of
which people have very many, get one or none. Icons with alpha hold fewer colours, in lumps:
with 1,024 for 64, an icon of 133 colours in 16 comes out 7 % worse than from five starts of
scikit-learn, with 64 1 %."""

START_COSTS = {3: 1, 4: 2}
"""By what the number of starts is divided, of RGB and of RGBA colours. With 1 for 2, 16 and
64 RGBA colours take 1.4 times as long, and the error is 0.1 % lower."""

LEAST_FALL = 1e-4
"""Relative fall of the error for which a cycle of the search is kept."""

MORE_CYCLES_BUDGET = 512
"""Divided by the number of colours: further cycles of the coarse search. Few colours take
longer to place and are cheaper to move; at 64 they lower the worst image by 0.3 %."""

PAIRS_BUDGET = 1 << 15
"""Colours times cycles of a search. Merging looks at all pairs of clusters: this bounds
it. It takes cycles away from 3,277 colours on at the best effort (9 for 10), from 10,923
on at the default (2 fine ones for 3), from 32,769 on at the fast (none for 1)."""


ITERATIONS_FROM_INIT = 300
"""Over the distinct colours, at most, where centroids are given: scikit-learn's default."""


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
        Searches from k-means++ starts, besides the grown one: at most the first, and
        the second divided by the square of the number of colours. Few colours leave
        bad optima that no split and merge escapes, and there a start costs little: at
        16 colours they lower the worst image from 1.020 to 1.000 of the best of ten
        k-means++ runs, at 64 from 1.008 to 1.002. At 256 they buy 0.2 % for twice the
        time.
    coarse_cycles
        Cycles of each search on coarse points, besides `MORE_CYCLES_BUDGET`. At 256
        colours the first lowers the error by 7 %, the second by 1.5 %, the next two
        by 0.3 % together.
    finalists
        How many of the clusterings found go on to finer points, which now and then
        rank them otherwise. At 64 colours, 4 for 2 lower the error by 0.1 % more.
    fine_cycles
        Cycles on points one level finer: 0.3 % lower, and 0.5 % on the worst image.
    after_split, after_merge
        Iterations within a cycle.
    last_iterations
        Iterations over the distinct colours, at most. The first two bring the
        palette from cell means to colours, 4 % at 256; the rest settle it.
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
