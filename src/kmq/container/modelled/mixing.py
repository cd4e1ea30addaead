"""Slots, which learn the probability of a yes, and mixing, which combines several of them.

After M. Mahoney's lpaq and PAQ8 (mattmahoney.net/dc): probabilities are mixed as log-odds
(`STRETCH`, `SQUASH`), and weights and slots move towards the outcome. Numba does not unroll
loops over tuples, so inputs are weighted three at a time.
"""

from __future__ import annotations

import numpy as np

from kmq.container.modelled.tables import (
    CONFIDENCE,
    COUNT_LIMIT,
    RATES,
    SQUASH,
    SQUASH_REACH,
    STRETCH,
)
from kmq.jit import Array, Number, helper

FRESH = 0
"""A slot: probability minus one half (18 bits, signed), check (8 bits), count (6 bits). This
one has learned nothing. Because it is zero, freshly allocated memory needs no initialisation,
and a small stripe does not pay for slots that it never uses."""

HALF = 1 << 17
"""The probability of a slot that has learned nothing, in units of 2^-18."""

CHECK = 255 << 6
COUNT = 63
BELOW_PROBABILITY = (1 << 14) - 1

Three = tuple[Number, Number, Number]

CACHE_LINE = 64
"""Bytes."""

FIRST_WEIGHT = 5500
"""In units of 2^-16; each input has the sum of two weights."""


@helper
def fresh(check: Number) -> Number:
    """Return a slot that has learned nothing, with the low 8 bits of a check."""
    return (check & 255) << 6


def fresh_slots(count: int) -> Array:
    """Return at least `count` slots that have learned nothing, aligned to a cache line."""
    room = np.zeros(count + CACHE_LINE // 4 - 1, np.int32)
    return room[(-room.ctypes.data & CACHE_LINE - 1) >> 2 :]


@helper
def look(slots: Array, place: Number, new: Number) -> Number:
    """Return the slot at a place, or the new one if the slot has another context's check."""
    slot = np.int64(slots[np.uint64(place)])
    return slot if (slot ^ new) & CHECK == 0 else new


@helper
def confidences(longer: Number, shorter: Number) -> Number:
    """Return how much two slots have learned, as one of 25 classes."""
    one, other = np.uint64(longer & COUNT), np.uint64(shorter & COUNT)
    return 5 * np.int64(CONFIDENCE[one]) + np.int64(CONFIDENCE[other])


@helper
def stretch(slot: Number) -> Number:
    """Return the log-odds of a slot."""
    return np.int64(STRETCH[np.uint64((slot >> 20) + len(STRETCH) // 2)])


@helper
def weigh(slot: Number, weights: Array, one: Number, other: Number) -> Number:
    """Return the contribution of an input to the mix: its log-odds times its two weights' sum."""
    return stretch(slot) * (np.int64(weights[np.uint64(one)]) + np.int64(weights[np.uint64(other)]))


@helper
def weigh_three(states: Three, weights: Array, one: Number, other: Number) -> Number:
    """Return the contribution of three inputs to the mix."""
    return (
        weigh(states[0], weights, one, other)
        + weigh(states[1], weights, one + 1, other + 1)
        + weigh(states[2], weights, one + 2, other + 2)
    )


@helper
def probability(mix: Number) -> Number:
    """Return the probability of a yes, in units of 2^-16."""
    odds: Number = min(max(mix >> 16, 1 - SQUASH_REACH), SQUASH_REACH - 1)
    return np.int64(SQUASH[np.uint64(odds + SQUASH_REACH)])


@helper
def learn(slots: Array, place: Number, slot: Number, weights: Array, one: Number, other: Number,
          p: Number, yes: Number) -> None:  # fmt: skip
    """Move an input's slot and its two weights towards the outcome."""
    error = ((yes << 16) - p) * 3 >> 1
    step = stretch(slot) * error + 0x8000 >> 16
    weights[np.uint64(one)] += step
    weights[np.uint64(other)] += step
    count = slot & COUNT
    slot += (p << 2) - HALF << 14 if count == 0 else 0
    target = yes * (2 * HALF - 1) - HALF
    change = (target - (slot >> 14)) * RATES[np.uint64(count)] & ~BELOW_PROBABILITY
    slots[np.uint64(place)] = slot + change + np.int64(count < COUNT_LIMIT)


@helper
def learn_three(slots: Array, places: Three, states: Three, weights: Array, one: Number,
                other: Number, p: Number, yes: Number) -> None:  # fmt: skip
    """Move three inputs' slots and weights towards the outcome."""
    learn(slots, places[0], states[0], weights, one, other, p, yes)
    learn(slots, places[1], states[1], weights, one + 1, other + 1, p, yes)
    learn(slots, places[2], states[2], weights, one + 2, other + 2, p, yes)
