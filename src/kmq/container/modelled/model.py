"""The context model: one kernel that encodes and decodes a stripe of indices.

One decision codes a whole span of flat pixels (`spans`). For any other pixel, one decision
says whether it is the first guess and another whether it is the second. If it is neither, a
walk down the palette's tree codes its index bit by bit. Several contexts predict each
decision. So does the match: an earlier place in the stripe that follows the same few pixels.

Short names, in this module and in `surroundings`:

    W, N, NE, NNE, ...   the index of a neighbour, by compass: west, north, north-east
    n, nn                the places one and two rows above this one in the padded plane
    h4, h10, h40         hash sums over the 4, 10 and 40 nearest neighbours
    s4, s10, s40         the same sums scattered into 32 bits, which select hashed slots
    c1, c2               the first and the second guess
    one, other           the first place of each of the decision's two weight sets
    p                    the probability of yes, in units of 2^-16
    both, slope, far     colour sums W + N, W + N - NW, WW + NN: predictions of the colour
"""

from __future__ import annotations

import numpy as np

from kmq.container.modelled.mixing import (
    FIRST_WEIGHT,
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
from kmq.container.modelled.palette_tree import color, distance, plus, sides
from kmq.container.modelled.range_coder import (
    FINAL_WORDS,
    Interval,
    begin,
    code,
    finish,
    is_finished,
)
from kmq.container.modelled.slots import MOST_BITS, SIDES, SlotMap, bit_length, map_slots
from kmq.container.modelled.spans import (
    FLAT_INPUTS,
    FLAT_SETS,
    SPAN_INPUTS,
    SPAN_SETS,
    code_flat,
    code_span,
    span_length,
)
from kmq.container.modelled.surroundings import (
    NO_INDEX,
    PAD,
    ROWS_ABOVE,
    Surroundings,
    at,
    find_same,
    scatter,
    sum_above,
)
from kmq.container.modelled.tables import HASH, LEFT, LONGEST_RUN, RUN_CLASS
from kmq.jit import Array, Number, helper, kernel

GUESS_INPUTS = 7
TREE_INPUTS = 9
CONFIDENCES = 25
EQUALITY_SETS = 256
"""Weight sets of a guess, one for each outcome of the first eight comparisons."""
NODE_BITS = 8
"""Leading bits of a node that select a weight set of the tree."""
MARGIN = 3 + MOST_BITS + FINAL_WORDS
"""Words that must be left where a pixel begins. A pixel takes at most three decisions before
those of the tree, and each decision takes at most one word."""

OTHER_END = -2

# The parameter lists below are long because numba passes scalars in registers. Bundled
# into two NamedTuples, the model made the same bytes but took a tenth longer at K = 16.


@helper
def _candidates(near: Surroundings) -> tuple[Number, Number]:
    """Return the two guesses."""
    W, N, NW = near.W, near.N, near.NW
    c1, c2 = (N, W) if W == NW else (W, N)  # an edge continues
    if c1 == c2:
        c2 = near.WW if c1 != near.WW else near.NN
        c2 = NW if c1 != NW else c2
        c2 = near.NE if c1 != near.NE else c2
    return c1, c2


@helper
def _equalities(near: Surroundings, c1: Number, c2: Number) -> Number:
    """Return twelve bits that say which neighbours equal the first guess, and which the second."""
    return (
        np.int64(c1 == near.NW) | np.int64(c1 == near.NE) << 1 | np.int64(c1 == near.WW) << 2
        | np.int64(c1 == near.NN) << 3 | np.int64(c1 == near.N) << 4 | np.int64(c1 == near.W) << 5
        | np.int64(c1 == near.NEE) << 6 | np.int64(c1 == near.NNE) << 7
        | np.int64(c2 == near.NE) << 8 | np.int64(c2 == near.NW) << 9
        | np.int64(c2 == near.WW) << 10 | np.int64(c2 == near.NN) << 11
    )  # fmt: skip


@helper
def _code_guesses(decoding: Number, index: Number, words: Array, interval: Interval, slots: Array,
                  weights: Array, slot_map: SlotMap, near: Surroundings, colors: Array, c1: Number,
                  c2: Number, first: Number) -> tuple[Number, Interval]:  # fmt: skip
    """Code whether a pixel is one of the guesses; return it, or `NO_INDEX`, and the interval."""
    equal = _equalities(near, c1, c2)
    W, N, NW = color(colors, near.W), color(colors, near.N), color(colors, near.NW)
    distances = (
        distance(W, N) | distance(N, NW) << 3 | distance(W, NW) << 6
        | distance(N, color(colors, near.NE)) << 9
    )  # fmt: skip
    pair = c1 << slot_map.bits | c2
    foretold = 1 if near.foretold == c1 else 2 if near.foretold == c2 else 0
    forecast = 3 * near.run_class + foretold
    s4, s10, s40 = scatter(near.h4), scatter(near.h10), scatter(near.h40)
    down = 32 - slot_map.guess_bits
    for guess in range(first, 1 if c1 == c2 else 2):
        hashed = slot_map.guess_hashed + guess
        places = (
            slot_map.guess_equal + 2 * equal + guess,
            slot_map.guess_distance + 2 * distances + guess,
            slot_map.guess_pair + 2 * (pair & slot_map.pairs - 1) + guess,
            hashed + 2 * (s4 >> down),
            hashed + 2 * ((1 << slot_map.guess_bits) + (s10 >> down)),
            hashed + 2 * ((2 << slot_map.guess_bits) + (s40 >> down)),
            slot_map.guess_run + 2 * forecast + guess,
        )
        states = (
            look(slots, places[0], FRESH),
            look(slots, places[1], FRESH),
            look(slots, places[2], fresh(pair >> 16)),
            look(slots, places[3], fresh(s4)),
            look(slots, places[4], fresh(s10)),
            look(slots, places[5], fresh(s40)),
            look(slots, places[6], FRESH),
        )
        one = GUESS_INPUTS * (CONFIDENCES * guess + confidences(states[5], states[4]))
        other = GUESS_INPUTS * (
            2 * CONFIDENCES + EQUALITY_SETS * guess + (equal & EQUALITY_SETS - 1)
        )
        p = probability(
            weigh_three(states[:3], weights, one, other)
            + weigh_three(states[3:6], weights, one + 3, other + 3)
            + weigh(states[6], weights, one + 6, other + 6)
        )
        candidate = c2 if guess else c1
        yes, interval = code(decoding, np.int64(index == candidate), p, words, interval)
        learn_three(slots, places[:3], states[:3], weights, one, other, p, yes)
        learn_three(slots, places[3:6], states[3:6], weights, one + 3, other + 3, p, yes)
        learn(slots, places[6], states[6], weights, one + 6, other + 6, p, yes)
        if yes:
            return candidate, interval
    return NO_INDEX, interval


@helper
def _pair_row(slot_map: SlotMap, table: Number, index: Number) -> Number:
    """Return where an index's slots begin in a table of (index, node) pairs."""
    row = table * slot_map.rows + (index & slot_map.rows - 1)
    return slot_map.tree_pair + row * slot_map.row_size


@helper
def _code_tree(decoding: Number, index: Number, words: Array, interval: Interval, slots: Array,
               weights: Array, slot_map: SlotMap, near: Surroundings, colors: Array, axes: Array,
               c1: Number, c2: Number) -> tuple[Number, Interval]:  # fmt: skip
    """Code an index that neither guess hit, from its top bit; return it and the interval."""
    bits = slot_map.bits
    leaves, used = 1 << bits, len(colors)
    both = plus(color(colors, near.W), color(colors, near.N), 1)
    slope = plus(both, color(colors, near.NW), -1)
    far = plus(color(colors, near.WW), color(colors, near.NN), 1)
    row_W, row_N, row_NE = (
        _pair_row(slot_map, 0, near.W), _pair_row(slot_map, 1, near.N),
        _pair_row(slot_map, 2, near.NE),
    )  # fmt: skip
    fresh_W, fresh_N, fresh_NE = (
        fresh(near.W << bits >> 16), fresh(near.N << bits >> 16), fresh(near.NE << bits >> 16),
    )  # fmt: skip
    fresh4 = fresh10 = group4 = group10 = np.int64(0)
    group = start = np.int64(0)
    node = np.int64(1)
    for depth in range(bits):
        shift = bits - 1 - depth
        left = (2 * node << shift) - leaves
        right = left + (1 << shift)
        level = depth & 3
        if level == 0:
            s4, s10 = scatter(near.h4 + HASH[40] * node), scatter(near.h10 + HASH[40] * node)
            down = 32 - slot_map.tree_bits
            group4 = slot_map.tree_hashed + 16 * (s4 >> down)
            group10 = slot_map.tree_hashed + 16 * ((1 << slot_map.tree_bits) + (s10 >> down))
            fresh4, fresh10 = fresh(s4), fresh(s10)
            group_bits = min(4, bits - depth)
            group = start + (node - (1 << depth) << group_bits)
            start += 1 << depth + group_bits
        if right >= used:
            node = 2 * node
            continue
        if shift == 0 and (left in (c1, c2)):
            node = 2 * node + 1
            continue
        if shift == 0 and (right in (c1, c2)):
            node = 2 * node
            continue
        within = 1 << level | node & (1 << level) - 1
        near_sides, far_sides = sides(axes, node, both, slope, far)
        is_ahead = np.int64(near.foretold + leaves >> shift + 1 == node)
        forecast = is_ahead * (2 * near.run_class + (near.foretold >> shift & 1))
        places = (
            slot_map.tree_node + node,
            row_W + group + within,
            row_N + group + within,
            row_NE + group + within,
            group4 + within,
            group10 + within,
            slot_map.tree_side + SIDES * depth + near_sides,
            slot_map.tree_side + SIDES * (bits + depth) + far_sides,
            slot_map.tree_run + bits * forecast + depth,
        )
        states = (
            look(slots, places[0], FRESH),
            look(slots, places[1], fresh_W),
            look(slots, places[2], fresh_N),
            look(slots, places[3], fresh_NE),
            look(slots, places[4], fresh4),
            look(slots, places[5], fresh10),
            look(slots, places[6], FRESH),
            look(slots, places[7], FRESH),
            look(slots, places[8], FRESH),
        )
        one = TREE_INPUTS * confidences(states[5], states[4])
        other = TREE_INPUTS * (CONFIDENCES + (node >> max(depth + 1 - NODE_BITS, 0)))
        p = probability(
            weigh_three(states[:3], weights, one, other)
            + weigh_three(states[3:6], weights, one + 3, other + 3)
            + weigh_three(states[6:], weights, one + 6, other + 6)
        )
        yes, interval = code(decoding, index >> shift & 1, p, words, interval)
        learn_three(slots, places[:3], states[:3], weights, one, other, p, yes)
        learn_three(slots, places[3:6], states[3:6], weights, one + 3, other + 3, p, yes)
        learn_three(slots, places[6:], states[6:], weights, one + 6, other + 6, p, yes)
        node = 2 * node + yes
    return node - leaves, interval


@kernel
def code_plane(
    decoding: Number,
    words: Array,
    plane: Array,
    rows: Number,
    width: Number,
    colors: Array,
    axes: Array,
    slots: Array,
) -> Number:
    """Code a padded plane into 16-bit words, or words into the plane.

    Return the number of words written or read; -1 if they would reach the last `MARGIN` of
    `words`; or `OTHER_END` if the words read do not end as a writer ends them.
    """
    bits = bit_length(len(axes) - 1)
    slot_map = map_slots(bits, rows * width)
    span_weights = np.full(SPAN_SETS * SPAN_INPUTS, FIRST_WEIGHT, np.int32)
    flat_weights = np.full(FLAT_SETS * FLAT_INPUTS, FIRST_WEIGHT, np.int32)
    guess_weights = np.full(
        2 * (CONFIDENCES + EQUALITY_SETS) * GUESS_INPUTS, FIRST_WEIGHT, np.int32
    )
    tree_weights = np.full((CONFIDENCES + (1 << NODE_BITS)) * TREE_INPUTS, FIRST_WEIGHT, np.int32)
    last_seen = np.zeros(1 << slot_map.guess_bits, np.int64)
    axes = axes.reshape(-1)
    sums = np.empty((3, width), np.uint32)
    same = np.empty(width, np.bool_)
    stride = width + 2 * PAD
    last_position = len(words) - MARGIN
    interval = begin(decoding, words)
    for y in range(rows):
        row = (y + ROWS_ABOVE) * stride + PAD
        plane[row - PAD : row] = plane[row - stride]
        find_same(plane, row, stride, same)
        is_summed = False
        match: Number = np.int64(0)
        run: Number = np.int64(0)
        remaining: Number = np.int64(0)  # pixels of a span that is not all W
        x: Number = np.int64(-1)
        while x + 1 < width:
            x += 1
            if interval.position > last_position:
                return -1
            i = row + x
            n, nn = i - stride, i - 2 * stride
            index = at(plane, i)
            W, N, WW = at(plane, i - 1), at(plane, n), at(plane, i - 2)
            if run:
                run = min(run + 1, LONGEST_RUN) if at(plane, match) == W else np.int64(0)
                match += 1
            run_class = np.int64(RUN_CLASS[np.uint64(run)])
            is_flat = same[np.uint64(x)] & (W == N) & (W == WW)
            if is_flat and remaining == 0:
                remaining = span_length(same, x, width)
                yes, interval = code_span(
                    decoding, words, interval, slots, span_weights, slot_map, plane, stride, i,
                    remaining, match, run_class,
                )  # fmt: skip
                if yes:
                    plane[np.uint64(i) : np.uint64(i + remaining)] = W
                    match += remaining - 1
                    x += remaining - 1
                    remaining = np.int64(0)
                    continue
            if not is_summed:
                sum_above(plane, row, stride, sums)
                is_summed = True
            h4 = at(sums[0], x) + LEFT[0] * W
            h10 = h4 + at(sums[1], x) + LEFT[1] * WW
            h40 = h10 + at(sums[2], x) + (
                LEFT[2] * at(plane, i - 3) + LEFT[3] * at(plane, i - 4)
                + LEFT[4] * at(plane, i - 5) + LEFT[5] * at(plane, i - 6)
            )  # fmt: skip
            if remaining > 1:  # otherwise the span's last pixel must be the one that differs
                yes, interval = code_flat(
                    decoding, index, words, interval, slots, flat_weights, slot_map, W,
                    remaining, h40, at(plane, match) if run else NO_INDEX, run_class,
                )  # fmt: skip
                if yes:
                    plane[np.uint64(i)] = W
                    remaining -= 1
                    continue
            remaining = np.int64(0)
            s10 = scatter(h10)
            key = np.uint64(s10 >> 32 - slot_map.guess_bits)
            if run == 0 and last_seen[key] & 0xFFFF == s10 & 0xFFFF:
                match = last_seen[key] >> 16
                run = np.int64(match > 0)
            last_seen[key] = i << 16 | s10 & 0xFFFF
            near = Surroundings(
                W, N, at(plane, n - 1), at(plane, n + 1), WW,
                at(plane, nn), at(plane, nn + 1), at(plane, n + 2), h4, h10, h40,
                at(plane, match) if run else NO_INDEX, np.int64(RUN_CLASS[np.uint64(run)]),
            )  # fmt: skip
            c1, c2 = _candidates(near)
            if len(colors) == 2:
                c2 = c1  # the first guess has been ruled out
            found, interval = _code_guesses(
                decoding, index, words, interval, slots, guess_weights, slot_map, near, colors,
                c1, c2, np.int64(is_flat),
            )  # fmt: skip
            if found == NO_INDEX:
                found, interval = _code_tree(
                    decoding, index, words, interval, slots, tree_weights, slot_map, near, colors,
                    axes, c1, c2,
                )  # fmt: skip
            plane[np.uint64(i)] = found
        plane[row + width : row + width + PAD] = plane[row + width - 1]
    if decoding:
        return interval.position if is_finished(words, interval) else OTHER_END
    return finish(words, interval)
