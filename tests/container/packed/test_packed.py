from __future__ import annotations

import math
import struct

import numpy as np
import oracle
import pytest
from conftest import needs_jit
from hypothesis import given
from hypothesis import strategies as st

from kmq import FormatError
from kmq.container import packed
from kmq.container.packed import mixed_radix, mixed_radix_kernels

COLORS = (3, 5, 6, 7, 17, 100, 249, 255, 257, 1000, 43_691, 65_535)
COUNTS = (1, 2, 3, 31, 32, 33, 1000)


def random_indices(colors, count):
    dtype = np.uint8 if colors <= 256 else np.uint16
    return np.random.default_rng(colors + count).integers(0, colors, count).astype(dtype)


@pytest.mark.parametrize("colors", COLORS)
@pytest.mark.parametrize("count", COUNTS)
def test_mixed_radix_writes_what_its_twin_writes(colors, count):
    indices = random_indices(colors, count)
    state, words = oracle.mixed_radix_encode(indices.tolist(), colors)
    assert mixed_radix.encode(indices, colors) == struct.pack(f"<Q{len(words)}I", state, *words)


@pytest.mark.parametrize("colors", COLORS)
@pytest.mark.parametrize("count", COUNTS)
def test_mixed_radix_reads_what_its_twin_reads(colors, count):
    indices = random_indices(colors, count)
    state, words = oracle.mixed_radix_encode(indices.tolist(), colors)
    body = struct.pack(f"<Q{len(words)}I", state, *words)
    read, left, used = oracle.mixed_radix_decode(state, words, count, colors)
    assert mixed_radix.decode(body, count, colors).tolist() == read == indices.tolist()
    assert left == 2**31 // colors * colors
    assert used == len(words)


@pytest.mark.parametrize("colors", COLORS)
@pytest.mark.parametrize("count", COUNTS)
def test_without_the_kernel_the_same_digits_are_read(colors, count):
    body = mixed_radix.encode(random_indices(colors, count), colors)
    state, words = int.from_bytes(body[:8], "little"), np.frombuffer(body[8:], "<u4")
    spoiled = words[::-1] ^ np.uint32(0x5A5A5A5A)
    for tried in (words, words[:-1], np.append(words, np.uint32(7)), spoiled):
        for digits in (count, max(1, count - 1), count + 1, count + 40):
            read = []
            for read_digits in (mixed_radix.read_digits, mixed_radix_kernels.read_digits):
                indices = np.zeros(digits, np.uint16)
                numbers = state, colors, mixed_radix.lowest_state(colors)
                left, used = read_digits(tried.astype(np.uint32), *numbers, indices)
                ended_early = used > len(tried)
                read.append(None if ended_early else (left, used, indices.tolist()))
            assert read[0] == read[1]


@pytest.mark.parametrize("width", range(17))
@pytest.mark.parametrize("count", [1, 7, 8, 9, 129])
def test_fields_are_packed_as_their_twin_packs_them(width, count):
    indices = random_indices(1 << width, count)
    body = packed.encode(indices, 1 << width)
    assert body == oracle.packed_bits(indices.tolist(), width)
    assert np.array_equal(packed.decode(body, count, 1 << width), indices)


@pytest.mark.parametrize("fill", ["lowest", "highest"])
@pytest.mark.parametrize("colors", COLORS)
def test_extreme_indices_come_back(colors, fill):
    indices = np.full(5000, 0 if fill == "lowest" else colors - 1, random_indices(colors, 1).dtype)
    body = packed.encode(indices, colors)
    assert np.array_equal(packed.decode(body, len(indices), colors), indices)


@pytest.mark.parametrize("colors", [*range(1, 301), 1000, 4096, 4097, 43_691, 65_535, 65_536])
def test_a_body_takes_at_most_64_bits_above_the_theoretical_count(colors):
    indices = random_indices(colors, 4999)
    bits = 8 * len(packed.encode(indices, colors))
    assert bits <= len(indices) * math.log2(colors) + 64


@needs_jit
def test_each_word_costs_at_most_as_much_more_as_the_specification_says():
    colors = 62_788
    indices = np.full(1 << 20, colors - 1, np.uint16)
    body = packed.encode(indices, colors)
    excess = 8 * len(body) - len(indices) * math.log2(colors)
    words, quotient = len(body) // 4 - 2, 2**31 // colors
    assert 64 < excess <= 64 + words * 1.45 / quotient


@pytest.mark.parametrize("colors", [1, 2, 5, 64, 200])
def test_a_body_of_any_wrong_length_is_refused(colors):
    body = packed.encode(random_indices(colors, 50), colors)
    for wrong in [body[:cut] for cut in range(len(body))] + [body + bytes(n) for n in range(1, 9)]:
        with pytest.raises(FormatError):
            packed.decode(wrong, 50, colors)


def test_padding_that_is_not_zero_is_refused():
    body = bytearray(packed.encode(np.zeros(3, np.uint8), 2))
    body[0] |= 1
    with pytest.raises(FormatError, match="padding"):
        packed.decode(bytes(body), 3, 2)


@pytest.mark.parametrize("state", [0, 2**31 // 5 * 5 - 1, (2**31 // 5 * 5) << 32, 2**64 - 1])
def test_a_state_out_of_range_is_refused(state):
    with pytest.raises(FormatError, match="state"):
        packed.decode(struct.pack("<Q", state), 3, 5)


def test_words_that_are_missing_or_left_are_refused():
    indices = random_indices(5, 1000)
    body = packed.encode(indices, 5)
    with pytest.raises(FormatError, match="end too early"):
        packed.decode(body[:-4], 1000, 5)
    with pytest.raises(FormatError, match="where the indices end"):
        packed.decode(body + bytes(4), 1000, 5)
    with pytest.raises(FormatError, match="where the indices end"):
        packed.decode(body, 999, 5)


@given(
    st.integers(1, 65_536).flatmap(
        lambda colors: st.tuples(
            st.just(colors), st.lists(st.integers(0, colors - 1), min_size=1, max_size=60)
        )
    )
)
def test_any_indices_come_back(case):
    colors, listed = case
    indices = np.array(listed, np.uint8 if colors <= 256 else np.uint16)
    body = packed.encode(indices, colors)
    assert packed.decode(body, len(indices), colors).tolist() == listed
