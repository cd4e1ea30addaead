"""The context model and its range coder: one kernel that encodes and decodes.

A pixel is told by few binary decisions: is it as its flat surroundings, is it the
first guess, is it the second, and else its index bit by bit, a walk down the tree of
the palette. Several contexts predict each decision, a mixer weighs what they say
(after Mahoney's lpaq), and a range coder turns the probability into bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kmq.container.tables import CLOSENESS, CONFIDENCE, COUNT_LIMIT, HASH, RATES, SQUASH, STRETCH
from kmq.jit import helper, kernel

# numba gives these their types; to mypy they are opaque.
Array = Any
Number = Any

MASK = 0xFFFFFFFF
PAD = 8
ROWS_ABOVE = 5
"""Zeros above the first row, as far up as a context reaches."""

FRESH = 1 << 31
"""A slot: probability 18 bits, count 6, check 8. This one has learned nothing."""

SHORT = 1 << 32
"""A span of the 48-bit range coder below which 16 bits are shifted out."""

EQUALITIES = 1 << 12
DISTANCES = 1 << 12
SIDES = 1 << 10
MOST_BITS = 16
MOST_PAIRS = 1 << 16
FLAT_INPUTS = 3
GUESS_INPUTS = 7
TREE_INPUTS = 9


@helper
def _predict(count: Number, slots: Array, at: Array, check: Array, state: Array, inputs: Array,
             weights: Array, first: Number, second: Number) -> Number:  # fmt: skip
    """Return the mixed probability, of 65,536, that the decision is a yes."""
    dot = np.int64(0)
    for i in range(count):
        slot = np.int64(slots[at[i]])
        if slot & 255 != check[i]:
            slot = FRESH | np.int64(check[i])
        state[i] = slot
        odds = np.int64(STRETCH[slot >> 20])
        inputs[i] = odds
        dot += odds * np.int64(weights[first, i] + weights[second, i])
    mixed: Number = min(max(dot >> 16, -3071), 3071)
    return np.int64(SQUASH[mixed + 3072])


@helper
def _learn(count: Number, slots: Array, at: Array, state: Array, inputs: Array, weights: Array,
           first: Number, second: Number, p: Number, yes: Number) -> None:  # fmt: skip
    """Move the weights and the slots to what was seen."""
    error = ((yes << 16) - p) * 3 >> 1
    target = yes * ((1 << 18) - 1)
    for i in range(count):
        step = np.int64(inputs[i]) * error + 0x8000 >> 16
        weights[first, i] += step
        weights[second, i] += step
        slot = np.int64(state[i])
        seen = slot >> 8 & 63
        chance = slot >> 14 if seen else p << 2
        chance += (target - chance) * np.int64(RATES[seen]) >> 16
        seen += np.int64(seen < COUNT_LIMIT)
        slots[at[i]] = chance << 14 | seen << 8 | slot & 255


@helper
def _code(
    decoding: Number,
    yes: Number,
    p: Number,
    words: Array,
    low: Number,
    span: Number,
    position: Number,
) -> Number:
    """Code one decision; return it and the coder's state.

    `low` is the interval's lower end in the encoder, and in the decoder what has been
    read less that end. There is no branch on a surprise, and none around `words`,
    where numba would count references in the innermost loop.
    """
    encoding = 1 - decoding
    bound = (span >> 16) * p
    yes = yes & encoding | np.int64(low < bound) & decoding
    no = 1 - yes
    low += (encoding - decoding) * no * bound
    span = bound * yes + (span - bound) * no
    short = np.int64(span < SHORT)
    word = np.int64(words[position])
    words[position] = word * decoding + (low >> 32) * encoding  # bit 16 is a carry
    low -= short * encoding * (low >> 32 << 32)
    low = low << 16 * short | word * short * decoding
    position += short & np.int64(position < len(words) - 1)
    return yes, low, span << 16 * short, position


@helper
def _finish(words: Array, position: Number, low: Number, span: Number) -> Number:
    """Write the number of the interval that has the most zeros at its end, and add up carries."""
    end = low + span
    for zeros in range(48, -1, -8):
        number = (low + (1 << zeros) - 1) >> zeros << zeros
        if number < end:
            break
    for shift in range(32, -1, -16):
        words[position] = number >> shift
        number &= (1 << shift) - 1
        position += 1
    carry = np.int64(0)
    for i in range(position - 1, -1, -1):
        carry += np.int64(words[i])
        words[i] = carry & 0xFFFF
        carry >>= 16
    return position


@helper
def _scatter(number: Number) -> Number:
    """Return 32 bits that each depend on all of the lower 32 bits of a number."""
    number = (number & MASK) * 0x2C1B3C6D & MASK
    number ^= number >> 15
    number = number * 0x297A2D39 & MASK
    return number ^ number >> 13


@helper
def _confidence_pair(slots: Array, at: Array, check: Array, i: Number) -> Number:
    """Return how much two neighbouring inputs, i and the next, have learned: one of 25."""
    shorter = np.int64(slots[at[i]])
    longer = np.int64(slots[at[i + 1]])
    return 5 * np.int64(
        CONFIDENCE[longer >> 8 & 63 if longer & 255 == check[i + 1] else 0]
    ) + np.int64(CONFIDENCE[shorter >> 8 & 63 if shorter & 255 == check[i] else 0])


@helper
def _distance(palette: Array, one: Number, other: Number) -> Number:
    return np.int64(
        CLOSENESS[
            abs(palette[one, 0] - palette[other, 0])
            + 2 * abs(palette[one, 1] - palette[other, 1])
            + abs(palette[one, 2] - palette[other, 2])
        ]
    )


@helper
def _side(axes: Array, node: Number, palette: Array, index: Number) -> Number:
    """Return on which side of a node's split a colour lies: -2^18 is left, 2^18 right."""
    return (
        axes[node, 0] * palette[index, 0]
        + axes[node, 1] * palette[index, 1]
        + axes[node, 2] * palette[index, 2]
        + axes[node, 3]
    )


@helper
def _step(side: Number, shift: Number, half: Number) -> Number:
    return min(max((side >> shift) + half, 0), 2 * half - 1)


@kernel
def split_axes(palette: Array, leaves: Number) -> Array:
    """Return, for each node of the palette's tree, the line from its left mean to its right.

    Three factors and an offset, for `_side`; means are in 16ths.
    """
    sums = np.zeros((2 * leaves, 4), np.int64)
    sums[leaves : leaves + len(palette), :3] = palette
    sums[leaves : leaves + len(palette), 3] = 1
    axes = np.zeros((leaves, 4), np.int64)
    for node in range(leaves - 1, 0, -1):
        left, right = sums[2 * node], sums[2 * node + 1]
        for j in range(4):
            sums[node, j] = left[j] + right[j]
        if right[3] == 0:
            continue
        norm = np.int64(0)
        for j in range(3):
            length = right[j] * 16 // right[3] - left[j] * 16 // left[3]
            axes[node, j] = length
            norm += length * length
        for j in range(3):
            middle = right[j] * 16 // right[3] + left[j] * 16 // left[3] >> 1
            axes[node, j] = axes[node, j] * (1 << 19) // max(norm, 16)
            axes[node, 3] -= middle * axes[node, j]
        axes[node, 3] >>= 4
    return axes


@kernel
def code_plane(
    decoding: Number,
    words: Array,
    plane: Array,
    rows: Number,
    width: Number,
    palette: Array,
    axes: Array,
) -> Number:
    """Code a padded plane into 16-bit words, or words into the plane.

    Return how many words were written or read, or -1 where `words` may be too few.
    """
    colors = len(palette)
    leaves = len(axes)
    bits = 0
    while 1 << bits < leaves:
        bits += 1
    size_bits = 0
    while 1 << size_bits < rows * width:
        size_bits += 1
    flat_bits = min(max(size_bits - 4, 8), 16)
    guess_bits = min(max(size_bits - 5, 8), 15)
    tree_bits = min(max(size_bits - 6, 6), 14)
    pairs = min(leaves * leaves, MOST_PAIRS)

    tree_hashed = 0  # first, so that its groups of 16 slots are whole cache lines
    guess_hashed = tree_hashed + (3 * 16 << tree_bits)
    guess_equal = guess_hashed + (4 * 2 << guess_bits)
    guess_pair = guess_equal + 2 * EQUALITIES
    guess_distance = guess_pair + 2 * pairs
    tree_pair = guess_distance + 2 * DISTANCES
    tree_side = tree_pair + 3 * pairs
    tree_node = tree_side + 2 * MOST_BITS * SIDES
    flat_direct = tree_node + leaves
    flat_hashed = flat_direct + leaves
    slots = np.full(flat_hashed + (2 << flat_bits), np.uint32(FRESH), np.uint32)

    flat_weights = np.full((26, FLAT_INPUTS), 9000, np.int32)
    guess_weights = np.full((2 * (25 + 256), GUESS_INPUTS), 6800, np.int32)
    tree_weights = np.full((bits + 256, TREE_INPUTS), 6600, np.int32)
    at = np.zeros(TREE_INPUTS, np.uint32)
    check = np.zeros(TREE_INPUTS, np.uint32)
    state = np.zeros(TREE_INPUTS, np.uint32)
    inputs = np.zeros(TREE_INPUTS, np.int32)

    stride = width + 2 * PAD
    low = np.int64(0)
    span = np.int64(1) << 48
    position = np.int64(0)
    if decoding:
        low = np.int64(words[0]) << 32 | np.int64(words[1]) << 16 | np.int64(words[2])
        position += 3
    for y in range(rows):
        if decoding == 0 and position + width * (bits + 3) + 3 > len(words):
            return -1
        row = (y + ROWS_ABOVE) * stride + PAD
        plane[row - PAD : row] = plane[row - stride]
        for i in range(row, row + width):
            n, nn, nnn = i - stride, i - 2 * stride, i - 3 * stride
            n4, n5 = i - 4 * stride, i - 5 * stride
            W, N, NW, NE = (
                np.int64(plane[i - 1]), np.int64(plane[n]),
                np.int64(plane[n - 1]), np.int64(plane[n + 1]),
            )  # fmt: skip
            WW, NN, NNE, NEE, NNW, NWW = (
                np.int64(plane[i - 2]), np.int64(plane[nn]), np.int64(plane[nn + 1]),
                np.int64(plane[n + 2]), np.int64(plane[nn - 1]), np.int64(plane[n - 2]),
            )  # fmt: skip
            index = np.int64(plane[i])
            ring = (
                HASH[10] * plane[i - 3] + HASH[11] * plane[nnn] + HASH[12] * plane[n + 3]
                + HASH[13] * plane[n - 3] + HASH[14] * plane[nn + 2] + HASH[15] * plane[nn - 2]
                + HASH[16] * plane[nnn + 1] + HASH[17] * plane[nnn - 1]
                + HASH[18] * plane[i - 4] + HASH[19] * plane[nn + 3]
            )  # fmt: skip
            wide_ring = ring + (
                HASH[20] * plane[nn - 3] + HASH[21] * plane[nnn + 2] + HASH[22] * plane[nnn - 2]
                + HASH[23] * plane[n + 4] + HASH[24] * plane[n - 4] + HASH[25] * plane[i - 5]
                + HASH[26] * plane[nn + 4] + HASH[27] * plane[nn - 4]
                + HASH[28] * plane[n4] + HASH[29] * plane[n4 + 1] + HASH[30] * plane[n4 - 1]
                + HASH[31] * plane[n4 + 2] + HASH[32] * plane[n4 - 2] + HASH[33] * plane[n5]
                + HASH[34] * plane[i - 6] + HASH[35] * plane[nnn + 3] + HASH[36] * plane[nnn - 3]
                + HASH[37] * plane[n + 5] + HASH[38] * plane[n - 5] + HASH[39] * plane[n + 6]
            )  # fmt: skip

            flat = (
                W == N and W == NW and W == NE and W == WW
                and W == NN and W == NNE and W == NEE and W == NNW and W == NWW
            )  # fmt: skip
            if flat:
                at[0] = flat_direct + W
                check[0] = 0
                for j in range(2):
                    hashed = _scatter((ring if j == 0 else wide_ring) + HASH[0] * W)
                    at[1 + j] = flat_hashed + (j << flat_bits) + (hashed >> 32 - flat_bits)
                    check[1 + j] = hashed & 255
                one = np.int64(0)
                other = 1 + _confidence_pair(slots, at, check, 1)
                p = _predict(FLAT_INPUTS, slots, at, check, state, inputs, flat_weights, one, other)
                yes, low, span, position = _code(
                    decoding, np.int64(index == W), p, words, low, span, position
                )
                _learn(FLAT_INPUTS, slots, at, state, inputs, flat_weights, one, other, p, yes)
                if yes:
                    plane[i] = W
                    continue

            h4 = HASH[0] * W + HASH[1] * N + HASH[2] * NW + HASH[3] * NE
            h10 = h4 + (
                HASH[4] * WW + HASH[5] * NN + HASH[6] * NNE
                + HASH[7] * NEE + HASH[8] * NNW + HASH[9] * NWW
            )  # fmt: skip
            h20 = h10 + ring
            h40 = h10 + wide_ring

            c1, c2 = (N, W) if W == NW else (W, N)  # an edge continues
            if c1 == c2:
                c2 = NE if c1 != NE else NW if c1 != NW else WW if c1 != WW else NN
            first = 1 if flat else 0
            if colors == 2:
                c2 = c1  # it cannot be missed twice
            guesses = 1 if c1 == c2 else 2
            found = False
            if first < guesses:
                equal = (
                    np.int64(c1 == NW) | np.int64(c1 == NE) << 1 | np.int64(c1 == WW) << 2
                    | np.int64(c1 == NN) << 3 | np.int64(c1 == N) << 4 | np.int64(c1 == W) << 5
                    | np.int64(c1 == NEE) << 6 | np.int64(c1 == NNE) << 7
                    | np.int64(c2 == NE) << 8 | np.int64(c2 == NW) << 9
                    | np.int64(c2 == WW) << 10 | np.int64(c2 == NN) << 11
                )  # fmt: skip
                distances = (
                    _distance(palette, W, N) | _distance(palette, N, NW) << 3
                    | _distance(palette, W, NW) << 6 | _distance(palette, N, NE) << 9
                )  # fmt: skip
                pair = c1 << bits | c2
                at[0] = guess_equal + 2 * equal + first
                at[1] = guess_distance + 2 * distances + first
                at[2] = guess_pair + 2 * (pair & pairs - 1) + first
                check[0] = 0
                check[1] = 0
                check[2] = pair >> 16 & 255
                for j in range(4):
                    context = h4 if j == 0 else h10 if j == 1 else h20 if j == 2 else h40
                    hashed = _scatter(context)
                    place = (j << guess_bits) + (hashed >> 32 - guess_bits)
                    at[3 + j] = guess_hashed + 2 * place + first
                    check[3 + j] = hashed & 255
                for guess in range(first, guesses):
                    one = 25 * guess + _confidence_pair(slots, at, check, 5)
                    other = 50 + 256 * guess + (equal & 255)
                    p = _predict(
                        GUESS_INPUTS, slots, at, check, state, inputs, guess_weights, one, other
                    )
                    candidate = c2 if guess else c1
                    yes, low, span, position = _code(
                        decoding, np.int64(index == candidate), p, words, low, span, position
                    )
                    _learn(
                        GUESS_INPUTS, slots, at, state, inputs, guess_weights, one, other, p, yes
                    )
                    if yes:
                        found = True
                        plane[i] = candidate
                        break
                    for j in range(GUESS_INPUTS):
                        at[j] += np.uint32(1)
            if found:
                continue

            node = np.int64(1)
            check[0] = 0
            check[7] = 0
            check[8] = 0
            for depth in range(bits):
                level = depth & 3
                if level == 0:
                    for j in range(3):
                        context = h4 if j == 0 else h10 if j == 1 else h20
                        hashed = _scatter(context + HASH[40] * node)
                        group = (j << tree_bits) + (hashed >> 32 - tree_bits)
                        at[4 + j] = tree_hashed + 16 * group
                        check[4 + j] = hashed & 255
                shift = bits - 1 - depth
                left = (2 * node << shift) - leaves
                right = left + (1 << shift)
                if right >= colors:
                    node = 2 * node
                    continue
                if shift == 0 and (left in (c1, c2)):
                    node = 2 * node + 1
                    continue
                if shift == 0 and (right in (c1, c2)):
                    node = 2 * node
                    continue
                within = 1 << level | node & (1 << level) - 1
                for j in range(4, 7):
                    at[j] = (at[j] & np.uint32(0xFFFFFFF0)) | np.uint32(within)
                at[0] = tree_node + node
                for j in range(3):
                    pair = (W if j == 0 else N if j == 1 else NE) << bits | node
                    at[1 + j] = tree_pair + j * pairs + (pair & pairs - 1)
                    check[1 + j] = pair >> 16 & 255
                sW = _side(axes, node, palette, W)
                sN = _side(axes, node, palette, N)
                sNW = _side(axes, node, palette, NW)
                sFar = _side(axes, node, palette, WW) + _side(axes, node, palette, NN) >> 1
                mean = sW + sN >> 1
                steps = _step(sW + sN - sNW, 12, 16) << 5 | _step(mean, 12, 16)
                at[7] = tree_side + SIDES * depth + steps
                steps = _step(mean, 13, 8) << 4 | _step(sFar, 13, 8)
                at[8] = tree_side + SIDES * (MOST_BITS + depth) + steps
                one = np.int64(depth)
                other = bits + (node >> max(depth - 7, 0))
                p = _predict(TREE_INPUTS, slots, at, check, state, inputs, tree_weights, one, other)
                yes, low, span, position = _code(
                    decoding, index >> shift & 1, p, words, low, span, position
                )
                _learn(TREE_INPUTS, slots, at, state, inputs, tree_weights, one, other, p, yes)
                node = 2 * node + yes
            plane[i] = node - leaves
        plane[row + width : row + width + PAD] = plane[row + width - 1]
    if decoding:
        return position
    return _finish(words, position, low, span)
