"""The ranges that the contexts' slots occupy in one array."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kmq.jit import Number, helper

EQUALITIES = 1 << 12
DISTANCES = 1 << 12
SIDES = 1 << 10
RUNS = 16
SPAN_RIGHTS = 1 << 8
SPAN_SIDES = 1 << 9
SPAN_LENGTHS = 8
MOST_BITS = 16
MOST_PAIRS = 1 << 16


class SlotMap(NamedTuple):
    """Where each context's slots begin, and the sizes of the tables."""

    bits: Number
    pairs: Number
    """Slots in the table of pairs of guesses, a power of two."""
    rows: Number
    """Rows in a table of (index, node) pairs; several indices may share a row."""
    row_size: Number
    flat_bits: Number
    guess_bits: Number
    tree_bits: Number
    tree_hashed: Number
    tree_pair: Number
    tree_side: Number
    tree_run: Number
    tree_node: Number
    guess_hashed: Number
    guess_pair: Number
    guess_equal: Number
    guess_distance: Number
    guess_run: Number
    span_direct: Number
    span_run: Number
    span_right: Number
    span_sides: Number
    flat_left: Number
    flat_hashed: Number
    flat_run: Number
    end: Number


@helper
def bit_length(number: Number) -> Number:
    """Return the bit length of a number; 0 for 0."""
    bits = np.int64(0)
    while number >> bits:
        bits += 1
    return bits


@helper
def map_slots(bits: Number, pixels: Number) -> SlotMap:
    """Return the map for indices of `bits` bits and a stripe of `pixels` pixels."""
    size_bits = bit_length(pixels - 1)
    flat_bits = min(max(size_bits - 4, 8), 16)
    guess_bits = min(max(size_bits - 5, 8), 15)
    tree_bits = min(max(size_bits - 6, 6), 13)
    leaves = 1 << bits
    pairs = min(leaves * leaves, MOST_PAIRS)
    tree_hashed = 0  # first, so that its groups of 16 slots are whole cache lines
    tree_pair = tree_hashed + (2 * 16 << tree_bits)
    row_size = 0
    for depth in range(0, bits, 4):
        row_size += 1 << min(depth + 4, bits)
    rows = pairs >> bits
    tree_side = tree_pair + 3 * rows * row_size
    tree_run = tree_side + 2 * bits * SIDES
    tree_node = tree_run + 2 * RUNS * bits
    guess_hashed = tree_node + leaves
    guess_pair = guess_hashed + (3 * 2 << guess_bits)
    guess_equal = guess_pair + 2 * pairs
    guess_distance = guess_equal + 2 * EQUALITIES
    guess_run = guess_distance + 2 * DISTANCES
    span_direct = guess_run + 2 * 3 * RUNS
    span_run = span_direct + leaves
    span_right = span_run + 8 * RUNS
    span_sides = span_right + SPAN_RIGHTS
    flat_left = span_sides + SPAN_SIDES
    flat_hashed = flat_left + SPAN_LENGTHS
    flat_run = flat_hashed + (1 << flat_bits)
    end = flat_run + 2 * RUNS
    return SlotMap(
        bits, pairs, rows, row_size, flat_bits, guess_bits, tree_bits,
        tree_hashed, tree_pair, tree_side, tree_run, tree_node,
        guess_hashed, guess_pair, guess_equal, guess_distance, guess_run,
        span_direct, span_run, span_right, span_sides, flat_left, flat_hashed, flat_run, end,
    )  # fmt: skip
