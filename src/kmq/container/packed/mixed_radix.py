"""The packed body where K is not a power of two: indices as digits of one large number.

Streaming mixed radix, the uniform case of range asymmetric numeral systems (Duda,
"Asymmetric numeral systems", arXiv:1311.2540, 2013). The state x stays within
[L, L * 2^32), L = q * K, q = floor(2^31 / K): each index multiplies it by K, and the
overflow is written in 32-bit words. The overhead above N * log2 K bits is at most 64 bits
for the state and 1.45 / q per word.

Loading compiled code takes longer than decoding half a million indices without it. So small
stripes are decoded without it, unless it is loaded already.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_right
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmq import prebuilt
from kmq.errors import FormatError
from kmq.image import index_dtype

_STATE_BYTES = 8
_WORD_BYTES = 4

FEW_INDICES = 1 << 19
"""Indices that are decoded in less time than numba takes to load. If there are several
stripes, only the last can be this small, so large images use the kernels."""


def lowest_state(palette_size: int) -> int:
    """Return L, the lowest possible state."""
    return (1 << 31) // palette_size * palette_size


def encode(indices: NDArray[Any], palette_size: int) -> bytes:
    """Return the body: the final state, then the words in the order in which they are read.

    Parameters
    ----------
    indices
        Shape (N,), C-contiguous, uint8 or uint16, each below `palette_size`.
    palette_size
        K, 3 to 65,535.
    """
    most_words = len(indices) * palette_size.bit_length() // 32 + 1
    words = np.empty(most_words, np.uint32)
    from kmq.container.packed import mixed_radix_kernels

    start = lowest_state(palette_size)
    state, count = mixed_radix_kernels.write_digits(indices, palette_size, start, words)
    return int(state).to_bytes(_STATE_BYTES, "little") + words[:count][::-1].astype("<u4").tobytes()


def decode(body: bytes | memoryview, count: int, palette_size: int) -> NDArray[Any]:
    """Return `count` indices, shape (count,), uint8 or uint16.

    Raises
    ------
    FormatError
        If the state is out of range, or there are too many or too few words.
    """
    if len(body) < _STATE_BYTES or len(body) % _WORD_BYTES:
        raise FormatError(f"a mixed-radix body cannot have {len(body)} bytes")
    state = int.from_bytes(body[:_STATE_BYTES], "little")
    start = lowest_state(palette_size)
    if not start <= state < start << 32:
        raise FormatError("the mixed-radix state is out of its range")
    words = np.frombuffer(body[_STATE_BYTES:], "<u4").astype(np.uint32)
    indices = np.empty(count, index_dtype(palette_size))
    if count > FEW_INDICES or prebuilt.kernels() is not None or "kmq.jit" in sys.modules:
        from kmq.container.packed import mixed_radix_kernels

        state, used = mixed_radix_kernels.read_digits(words, state, palette_size, start, indices)
    else:
        state, used = read_digits(words, state, palette_size, start, indices)
    if used > len(words):
        raise FormatError("the mixed-radix words end too early")
    if used < len(words) or state != start:
        raise FormatError("the mixed-radix words do not end where the indices end")
    return indices


def read_digits(
    words: NDArray[np.uint32], state: int, palette_size: int, start: int, indices: NDArray[Any]
) -> tuple[int, int]:
    """Do what the kernel of this name does, one step per word, at about a tenth of its speed.

    Between two words the state is a number of several digits. Its size tells how many, so
    Python loops over the words and NumPy extracts the digits.
    """
    powers = [1]
    while powers[-1] < 1 << 32:
        powers.append(powers[-1] * palette_size)
    limits = [start * power for power in powers[1:-1]]
    left = len(indices)
    states = array("Q", [state])
    for word in words.tolist():
        digits = bisect_right(limits, state) + 1
        if digits > left:
            break
        left -= digits
        state = state // powers[digits] << 32 | word
        states.append(state)
    else:
        if bisect_right(limits, state) < left:
            return state, len(words) + 1
    _take_digits(np.frombuffer(states, np.uint64), limits, palette_size, indices)
    return state // palette_size**left, len(states) - 1


def _take_digits(
    states: NDArray[np.uint64], limits: list[int], palette_size: int, indices: NDArray[Any]
) -> None:
    """Write to `indices` the digits of each state, lowest first, that precede its next word."""
    numbers = np.searchsorted(np.array(limits, np.uint64), states, "right") + 1
    most = len(limits) + 1
    digits = np.empty((len(states), most), indices.dtype)
    for place in range(most):
        states, digits[:, place] = np.divmod(states, np.uint64(palette_size))
    taken = digits[np.arange(most) < numbers[:, np.newaxis]]
    indices[:] = taken[: len(indices)]
