"""The map of slots against the sizes of the specification, worked out by hand."""

from __future__ import annotations

import pytest

from kmq.container.modelled.slots import SlotMap, map_slots

TABLE_BITS = {
    1: (8, 8, 6),
    1 << 12: (8, 8, 6),
    (1 << 12) + 1: (9, 8, 7),
    1 << 16: (12, 11, 10),
    1 << 19: (15, 14, 13),
    (1 << 19) + 1: (16, 15, 13),
    1 << 20: (16, 15, 13),
    (1 << 20) + 1: (16, 15, 13),
    1 << 28: (16, 15, 13),
}
"""The specification's `flat_bits`, `guess_bits` and `tree_bits` by the pixels of a stripe."""

PAIRS = {1: 4, 2: 16, 3: 64, 4: 256, 5: 1024, 7: 1 << 14, 8: 1 << 16, 9: 1 << 16, 16: 1 << 16}
"""P of the specification by the bits of an index."""


def rooms(slot_map: SlotMap) -> dict[str, int]:
    """Return how many slots each table has, by the name of its beginning."""
    numbers = slot_map._asdict()
    names = list(numbers)[list(numbers).index("tree_hashed") :]
    starts = sorted((numbers[name], name) for name in names)
    following = [start for start, _ in starts[1:]]
    return {name: end - start for (start, name), end in zip(starts[:-1], following, strict=True)}


@pytest.mark.parametrize("pixels", TABLE_BITS)
@pytest.mark.parametrize("bits", PAIRS)
def test_tables_have_the_sizes_of_the_specification(bits, pixels):
    flat_bits, guess_bits, tree_bits = TABLE_BITS[pixels]
    slot_map = map_slots(bits, pixels)
    assert (slot_map.flat_bits, slot_map.guess_bits, slot_map.tree_bits) == TABLE_BITS[pixels]
    assert (slot_map.bits, slot_map.pairs) == (bits, PAIRS[bits])
    found = rooms(slot_map)
    expected = {
        "span_direct": 1 << bits,
        "span_right": 4 * 8 * 8,
        "span_sides": 16 * 4 * 8,
        "flat_hashed": 1 << flat_bits,
        "guess_equal": 2 * 2**12,
        "guess_distance": 2 * 8**4,
        "guess_pair": 2 * PAIRS[bits],
        "guess_hashed": 2 * 3 << guess_bits,
        "tree_node": 1 << bits,
        "tree_hashed": 2 * 16 << tree_bits,
    }
    assert {name: found[name] for name in expected} == expected
    # Eleven lengths of a match, with what each decision adds to them; 32 x 32 sides a depth.
    assert found["span_run"] >= 11 * 2 * 4
    assert found["flat_left"] > (63).bit_length()
    assert found["flat_run"] >= 11 * 2
    assert found["guess_run"] >= 2 * 11 * 3
    assert found["tree_run"] >= bits * (11 * 2)
    assert found["tree_side"] >= bits * (32 * 32 + 16 * 16)


@pytest.mark.parametrize("bits", PAIRS)
def test_pairs_of_an_index_and_a_node_share_a_slot_only_where_their_places_are_equal(bits):
    slot_map = map_slots(bits, 1)
    assert slot_map.rows << bits == PAIRS[bits]
    # The nodes of four levels lie together, sixteen places for each root.
    assert slot_map.row_size == sum(1 << min(depth + 4, bits) for depth in range(0, bits, 4))
    assert rooms(slot_map)["tree_pair"] == 3 * slot_map.rows * slot_map.row_size
