"""Searching for a number of colours by doubling, halving and secants.

The arithmetic is in integers, so the search is the same on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

_SPARE_QUESTIONS = 2
"""How many more questions than halving a search may ask if interpolation fails."""


def fewest(
    surplus: Callable[[int], int],
    most: int,
    start: int = 1,
    *,
    fineness: int | None = None,
    known: Iterable[int] = (),
) -> int | None:
    """Return a K from 1 to `most` whose surplus is above 0 while that of K - 1 is not.

    With `fineness`, it is enough that the surplus of a K at most 1 + K / `fineness` smaller is
    not above 0. Returns None if the surplus of `most` is not above 0. The surplus is almost
    monotonic in K.

    Doubling or halving from `start`, 1 to `most`, or from the `known` K, whose surpluses need
    no question, brackets the answer; the secant method then closes in on it. This asks at
    most `_SPARE_QUESTIONS` more questions than halving would, whatever the surplus, and never
    about more than 2 K colours or `start`.
    """
    answers = {colors: surplus(colors) for colors in known}
    high = min((colors for colors in answers if answers[colors] > 0), default=most + 1)
    low = max((colors for colors in answers if colors < high), default=0)
    place = start if not answers else min(2 * low, most) if low > 0 else high // 2
    while high > 1 and (high > most or low == 0):
        if low == most:
            return None
        answers[place] = surplus(place)
        if answers[place] > 0:
            high = place
        else:
            low = place
        place = min(2 * low, most) if low > 0 else high // 2
    before, last = low, high
    questions = (high - low - 1).bit_length() + _SPARE_QUESTIONS
    while high - low > 1 + (0 if fineness is None else low // fineness):
        questions -= 1
        gap = 1 << questions  # the gap that halving can close with the remaining questions
        crossing = _crossing(before, last, answers)
        if crossing is None or not low <= crossing <= high:
            crossing = _crossing(low, high, answers)
        assert crossing is not None  # the surpluses of low and high have different signs
        middle = max(crossing, low + 1, high - gap)
        middle = min(middle, high - 1, low + gap)
        answers[middle] = surplus(middle)
        before, last = last, middle
        low, high = (low, middle) if answers[middle] > 0 else (middle, high)
    return high


def _crossing(one: int, other: int, answers: dict[int, int]) -> int | None:
    """Return the K where a line through two surpluses is 0, rounded down; None if nowhere."""
    rise = answers[other] - answers[one]
    return None if rise == 0 else one - answers[one] * (other - one) // rise
