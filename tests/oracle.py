"""The plain twin of every kernel: slow, and as the textbook has it."""

from __future__ import annotations

from collections.abc import Sequence


def mixed_radix_encode(indices: Sequence[int], palette_size: int) -> tuple[int, list[int]]:
    """The final state and the words in the order they are read (formats/kmq-1.md, coding 0)."""
    quotient = 2**31 // palette_size
    state = quotient * palette_size
    words: list[int] = []
    for index in reversed(indices):
        while state >= quotient * 2**32:
            words.append(state % 2**32)
            state //= 2**32
        state = state * palette_size + index
    return state, words[::-1]


def mixed_radix_decode(
    state: int, words: Sequence[int], count: int, palette_size: int
) -> tuple[list[int], int, int]:
    """The indices, the state that is left, and how many words were read."""
    start = 2**31 // palette_size * palette_size
    indices: list[int] = []
    used = 0
    for _ in range(count):
        state, index = divmod(state, palette_size)
        indices.append(index)
        while state < start:
            state = state * 2**32 + words[used]
            used += 1
    return indices, state, used


def packed_bits(indices: Sequence[int], width: int) -> bytes:
    """Fields of `width` bits, most significant bit first, padded with zeros."""
    bits = "".join(format(index, f"0{width}b") for index in indices) if width else ""
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))
