"""Spans: runs of pixels in flat surroundings that one decision codes as a whole.

A span begins at a pixel whose ten nearest neighbours all equal W. It continues as long as
the eight neighbours above each further pixel are equal too; that pixel's surroundings are
then flat if all pixels before it are W. If a span is not all W, one decision per pixel
codes where it breaks.
"""

from __future__ import annotations

import numpy as np

from kmq.container.modelled.mixing import (
    FRESH,
    confidences,
    fresh,
    learn,
    learn_three,
    look,
    probability,
    weigh,
    weigh_three,
)
from kmq.container.modelled.range_coder import Interval, code
from kmq.container.modelled.slots import SlotMap, bit_length
from kmq.container.modelled.surroundings import at, scatter
from kmq.jit import Array, Number, helper

LONGEST_SPAN = 63
SPAN_INPUTS = 4
SPAN_SETS = 1 + 6
"""Weight sets: one for all spans and one for each bit length of a span's length."""
FLAT_INPUTS = 3
FLAT_SETS = 1 + 25
"""Weight sets: one for all pixels and one for each pair of confidences."""


@helper
def span_length(same: Array, x: Number, width: Number) -> Number:
    """Return the length of the span that begins at column `x`.

    `same` says for each column whether the eight neighbours above are equal.
    """
    most = min(np.int64(LONGEST_SPAN), width - x)
    length = np.int64(1)
    while length < most and same[np.uint64(x + length)]:
        length += 1
    return length


@helper
def count_from(plane: Array, place: Number, step: Number, W: Number, most: Number) -> Number:
    """Return how many consecutive places, starting at `place`, equal W; at most `most`."""
    count = np.int64(0)
    while count < most and at(plane, place + count * step) == W:
        count += 1
    return count


@helper
def code_span(decoding: Number, words: Array, interval: Interval, slots: Array, weights: Array,
              slot_map: SlotMap, plane: Array, stride: Number, i: Number, length: Number,
              match: Number, run_class: Number) -> tuple[Number, Interval]:  # fmt: skip
    """Code whether all pixels of the span that begins at place `i` are W."""
    W = at(plane, i - 1)
    yes = np.int64(1)
    if decoding == 0:
        yes = np.int64(count_from(plane, i, 1, W, length) == length)
    # A match closer than the span's length predicts pixels from the span itself, which are W.
    is_foretold = np.int64(0)
    if run_class:
        known = min(length, i - match)
        is_foretold = np.int64(count_from(plane, match, 1, W, known) == known)
    end = i + length
    above = np.int64(0)
    up = i - 3 * stride
    while above < 3 and (at(plane, up) == W) & (at(plane, up + length - 1) == W):
        above += 1
        up -= stride
    left = 4 * count_from(plane, i - 3, -1, W, 3) + count_from(plane, i - 3 - stride, -1, W, 3)
    right = (
        8 * count_from(plane, end + 2 - stride, 1, W, 3)
        + count_from(plane, end + 1 - 2 * stride, 1, W, 4)
    )  # fmt: skip
    size = bit_length(length)
    places = (
        slot_map.span_direct + W,
        slot_map.span_run + 8 * run_class + 2 * above + is_foretold,
        slot_map.span_right + 8 * right + count_from(plane, end - 3 * stride, 1, W, 5),
        slot_map.span_sides + 32 * left + right,
    )
    states = (
        look(slots, places[0], FRESH),
        look(slots, places[1], FRESH),
        look(slots, places[2], FRESH),
        look(slots, places[3], FRESH),
    )
    other = SPAN_INPUTS * size
    p = probability(
        weigh_three(states[:3], weights, 0, other) + weigh(states[3], weights, 3, other + 3)
    )
    yes, interval = code(decoding, yes, p, words, interval)
    learn_three(slots, places[:3], states[:3], weights, 0, other, p, yes)
    learn(slots, places[3], states[3], weights, 3, other + 3, p, yes)
    return yes, interval


@helper
def code_flat(decoding: Number, index: Number, words: Array, interval: Interval, slots: Array,
              weights: Array, slot_map: SlotMap, W: Number, remaining: Number, h40: Number,
              foretold: Number, run_class: Number) -> tuple[Number, Interval]:  # fmt: skip
    """Code whether a pixel of a span that is not all W is W; `remaining` pixels are left."""
    hashed = scatter(h40)
    places = (
        slot_map.flat_left + bit_length(remaining),
        slot_map.flat_hashed + (hashed >> 32 - slot_map.flat_bits),
        slot_map.flat_run + 2 * run_class + np.int64(foretold == W),
    )
    states = (
        look(slots, places[0], FRESH),
        look(slots, places[1], fresh(hashed)),
        look(slots, places[2], FRESH),
    )
    other = FLAT_INPUTS * (1 + confidences(states[1], states[2]))
    p = probability(weigh_three(states, weights, 0, other))
    yes, interval = code(decoding, np.int64(index == W), p, words, interval)
    learn_three(slots, places, states, weights, 0, other, p, yes)
    return yes, interval
