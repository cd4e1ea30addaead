"""The kernels of `mixed_radix`, which loads them when that is worth the time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmq.jit import kernel

_WORD_MASK = 0xFFFFFFFF


@kernel
def write_digits(
    indices: NDArray[Any], palette_size: int, start: int, words: NDArray[np.uint32]
) -> tuple[int, int]:
    """Write words and return (state, words written); indices are coded from last to first.

    `start` is L, the lowest state.
    """
    quotient, state = start // palette_size, start
    count = 0
    for position in range(len(indices) - 1, -1, -1):
        if state >= quotient << 32:
            words[count] = state & _WORD_MASK
            count += 1
            state >>= 32
        state = state * palette_size + int(indices[position])
    return state, count


@kernel
def read_digits(
    words: NDArray[np.uint32], state: int, palette_size: int, start: int, indices: NDArray[Any]
) -> tuple[int, int]:
    """Fill `indices` and return (state, words used), one more than `len(words)` if they ran out."""
    used = 0
    for position in range(len(indices)):
        indices[position] = state % palette_size
        state //= palette_size
        if state < start:
            if used == len(words):
                return state, used + 1
            state = state << 32 | int(words[used])
            used += 1
    return state, used
