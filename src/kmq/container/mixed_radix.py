"""The packed body for K that is no power of two: indices as digits of one large number.

Streaming mixed radix, the uniform case of range asymmetric numeral systems (Duda,
"Asymmetric numeral systems", arXiv:1311.2540, 2013). The state x stays within
[L, L * 2^32), L = q * K, q = floor(2^31 / K): one index multiplies it by K, and what
overflows leaves in words of 32 bits. It costs at most 64 bits above N * log2 K.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmq.errors import FormatError
from kmq.image import index_dtype
from kmq.jit import helper, kernel

_STATE_BYTES = 8
_WORD_BYTES = 4
_WORD_MASK = 0xFFFFFFFF


def encode(indices: NDArray[Any], palette_size: int) -> bytes:
    """Return the body: the final state, then the words in the order they are read.

    Parameters
    ----------
    indices
        Shape (N,), C-contiguous, uint8 or uint16, each below `palette_size`.
    palette_size
        K, 3 to 65,535.
    """
    most_words = len(indices) * palette_size.bit_length() // 32 + 1
    words = np.empty(most_words, np.uint32)
    state, count = _encode(indices, palette_size, words)
    return int(state).to_bytes(_STATE_BYTES, "little") + words[:count][::-1].astype("<u4").tobytes()


def decode(body: bytes | memoryview, count: int, palette_size: int) -> NDArray[Any]:
    """Return `count` indices, shape (count,), uint8 or uint16.

    Raises
    ------
    FormatError
        If the state is out of range or the words do not come out even.
    """
    if len(body) < _STATE_BYTES or len(body) % _WORD_BYTES:
        raise FormatError(f"a mixed-radix body cannot have {len(body)} bytes")
    state = int.from_bytes(body[:_STATE_BYTES], "little")
    start = (1 << 31) // palette_size * palette_size
    if not start <= state < start << 32:
        raise FormatError("the mixed-radix state is out of its range")
    words = np.frombuffer(body[_STATE_BYTES:], "<u4").astype(np.uint32)
    indices = np.empty(count, index_dtype(palette_size))
    state, used = _decode(words, state, palette_size, indices)
    if used > len(words):
        raise FormatError("the mixed-radix words end too early")
    if used < len(words) or state != start:
        raise FormatError("the mixed-radix words do not end where the indices end")
    return indices


@helper
def _bounds(palette_size: int) -> tuple[int, int]:
    """Return q and L."""
    quotient = (1 << 31) // palette_size
    return quotient, quotient * palette_size


@kernel
def _encode(indices: NDArray[Any], palette_size: int, words: NDArray[np.uint32]) -> tuple[int, int]:
    """Write words and return (state, words written); the last index goes first."""
    quotient, state = _bounds(palette_size)
    count = 0
    for position in range(len(indices) - 1, -1, -1):
        if state >= quotient << 32:
            words[count] = state & _WORD_MASK
            count += 1
            state >>= 32
        state = state * palette_size + int(indices[position])
    return state, count


@kernel
def _decode(
    words: NDArray[np.uint32], state: int, palette_size: int, indices: NDArray[Any]
) -> tuple[int, int]:
    """Fill `indices` and return (state, words used); one more than there are: ran out."""
    _, start = _bounds(palette_size)
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
