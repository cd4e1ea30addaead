"""What a classifier's answers come to: accuracy, agreement, an exact test of the difference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from statistics import fmean, stdev

import numpy as np
from numpy.typing import NDArray
from reporting import markdown_table

ORIGINALS = 0
"""Stands where a number of colours would."""

SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Answers:
    """What the networks of one seed saw in each test image, in one number of colours.

    Attributes
    ----------
    colors
        K, or `ORIGINALS`.
    seed
        That of the networks.
    at_k
        Classes of the images in K colours, seen by the network that learnt from
        originals.
    other_way
        Classes of the originals, seen by the network that learnt from K colours.
    """

    colors: int
    seed: int
    at_k: NDArray[np.int64]
    other_way: NDArray[np.int64]


@dataclass(frozen=True)
class Change:
    """How many test images lost the right answer, how many gained it."""

    lost: int
    gained: int
    images: int

    @classmethod
    def between(
        cls, before: NDArray[np.int64], after: NDArray[np.int64], truth: NDArray[np.int64]
    ) -> Change:
        """Count where one list of answers is right and the other is not."""
        was_right, is_right = before == truth, after == truth
        return cls(
            int((was_right & ~is_right).sum()), int((~was_right & is_right).sum()), len(truth)
        )

    @property
    def p_value(self) -> float:
        """Exact McNemar test: the chance of so uneven a change if kmq changed nothing.

        Q. McNemar, Psychometrika 12 (1947): of the images whose verdict changed, as
        many should have been lost as gained.
        """
        return two_sided_p(self.lost + self.gained, min(self.lost, self.gained))

    @property
    def smallest_seen(self) -> float:
        """The least difference, as a share of all images, that would be significant.

        Given that as many verdicts change as did; infinite if no split of them would be.
        """
        changed = self.lost + self.gained
        for fewer in range(changed // 2, -1, -1):
            if two_sided_p(changed, fewer) < SIGNIFICANT:
                return (changed - 2 * fewer) / self.images
        return math.inf


def two_sided_p(changed: int, fewer: int) -> float:
    """Return the chance that a fair coin, tossed `changed` times, is at least so uneven."""
    tail = sum(math.comb(changed, count) for count in range(fewer + 1))
    return min(1.0, 2 * tail / 2**changed)


def table(answers: Sequence[Answers], truth: NDArray[np.int64], sizes: dict[int, float]) -> str:
    """Return a row for the originals and for each K."""
    originals = _of(answers, ORIGINALS)
    rows = []
    for colors, size in sizes.items():
        group = _of(answers, colors)
        row = [
            "original" if colors == ORIGINALS else str(colors),
            f"{size:,.0f}",
            _with_spread(accuracies([each.at_k for each in group], truth)),
        ]
        if colors == ORIGINALS:
            row += [""] * 4
        else:
            pairs = list(zip(originals, group, strict=True))
            changes = [Change.between(old.at_k, new.at_k, truth) for old, new in pairs]
            row += [
                f"{100 * fmean((old.at_k == new.at_k).mean() for old, new in pairs):.1f}",
                ", ".join(f"{each.lost}/{each.gained}" for each in changes),
                ", ".join(f"{each.p_value:.2g}" for each in changes),
                f"{100 * fmean(each.smallest_seen for each in changes):.1f}",
            ]
        row.append(_with_spread(accuracies([each.other_way for each in group], truth)))
        rows.append(row)
    head = [
        "K",
        "bytes an image",
        "accuracy, %",
        "same answer as for the original, %",
        "right answers lost/gained, by seed",
        "McNemar p, by seed",
        "least significant difference, points",
        "trained at K, tested on originals: accuracy, %",
    ]
    return markdown_table(head, rows, "r" * len(head))


def accuracies(predictions: Sequence[NDArray[np.int64]], truth: NDArray[np.int64]) -> list[float]:
    """Return the share of right answers in each list of them."""
    return [float((each == truth).mean()) for each in predictions]


def agreement_of_seeds(answers: Sequence[Answers]) -> float:
    """Return the mean share of originals in which networks of two seeds see the same."""
    seen = [each.at_k for each in _of(answers, ORIGINALS)]
    return fmean(float((one == other).mean()) for one, other in combinations(seen, 2))


def uncertainty(answers: Sequence[Answers], truth: NDArray[np.int64]) -> float:
    """Return half the width of the 95 % interval of the originals' accuracy, as a share."""
    accuracy = fmean(accuracies([each.at_k for each in _of(answers, ORIGINALS)], truth))
    return 1.96 * math.sqrt(accuracy * (1 - accuracy) / len(truth))


def plot(answers: Sequence[Answers], truth: NDArray[np.int64], path: Path) -> None:
    """Draw accuracy and agreement against K."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    sizes = sorted({each.colors for each in answers} - {ORIGINALS})
    originals = _of(answers, ORIGINALS)
    same = [
        [
            float((old.at_k == new.at_k).mean())
            for old, new in zip(originals, _of(answers, colors), strict=True)
        ]
        for colors in sizes
    ]
    figure, axes = pyplot.subplots(figsize=(7, 4.4), layout="constrained")
    for groups, label, style in (
        (same, "same answer as for the original", "s:"),
        (
            [accuracies([e.at_k for e in _of(answers, k)], truth) for k in sizes],
            "right, trained on originals, tested at K",
            "o-",
        ),
        (
            [accuracies([e.other_way for e in _of(answers, k)], truth) for k in sizes],
            "right, trained at K, tested on originals",
            "^-",
        ),
    ):
        means = [100 * fmean(group) for group in groups]
        spreads = [100 * _spread(group) for group in groups]
        axes.errorbar(sizes, means, spreads, fmt=style, capsize=3, label=label)
    both = 100 * np.array(accuracies([each.at_k for each in originals], truth))
    axes.axhline(both.mean(), color="black", linewidth=1, label="right, originals both times")
    axes.axhspan(both.min(), both.max(), color="black", alpha=0.12, linewidth=0)
    axes.set_xscale("log", base=2)
    axes.set(xlabel="K", ylabel="% of the test images", xticks=sizes, xticklabels=sizes)
    axes.grid(axis="y", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower right")
    figure.savefig(path, dpi=100)


def _of(answers: Sequence[Answers], colors: int) -> list[Answers]:
    return sorted((each for each in answers if each.colors == colors), key=lambda each: each.seed)


def _with_spread(values: Sequence[float]) -> str:
    """Return mean and standard deviation in per cent."""
    return f"{100 * fmean(values):.1f} ± {100 * _spread(values):.1f}"


def _spread(values: Sequence[float]) -> float:
    return stdev(values) if len(values) > 1 else 0.0
