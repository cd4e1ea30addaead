"""A binary range coder of 48 bits with 16-bit words; carries are resolved at the end.

After G. N. N. Martin, "Range encoding" (1979). In encoding, `low` is the interval's lower
end; in decoding, it is the number read minus that end.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kmq.jit import Array, Number, helper

SHORT = 1 << 32
"""A span below which 16 bits are shifted out."""

FINAL_WORDS = 3
"""Words that `finish` adds."""


class Interval(NamedTuple):
    """The coder's state between two decisions."""

    low: Number
    span: Number
    position: Number
    """Words written or read."""


@helper
def begin(decoding: Number, words: Array) -> Interval:
    """Return the interval before the first decision."""
    low, position = np.int64(0), np.int64(0)
    if decoding:
        low = np.int64(words[0]) << 32 | np.int64(words[1]) << 16 | np.int64(words[2])
        position = np.int64(3)
    return Interval(low, np.int64(1) << 48, position)


@helper
def code(
    decoding: Number, yes: Number, p: Number, words: Array, interval: Interval
) -> tuple[Number, Interval]:
    """Code one decision of probability p / 65,536; return it and the interval after it."""
    low, span, position = interval
    bound = (span >> 16) * p
    if decoding:
        yes = np.int64(low < bound)
    skipped = 0 if yes else bound
    low += -skipped if decoding else skipped
    span = bound if yes else span - bound
    place = np.uint64(position)
    word = np.int64(words[place]) if decoding else low >> 32  # bit 16 is a carry
    # If no word is due, the next decision overwrites this store. Inside the branch below, numba
    # would count references to the array: two calls with a locked addition each per decision,
    # which took a third of the time.
    words[place] = word
    if span < SHORT:
        low = low << 16 | word if decoding else (low & SHORT - 1) << 16
        span <<= 16
        position += 1
    return yes, Interval(low, span, position)


@helper
def _gap(low: Number, span: Number) -> Number:
    """Return the distance from `low` to a writer's last number, which ends in most zero bytes."""
    gap: Number = np.int64(0)
    for zeros in range(48, -1, -8):
        gap = -low & (1 << zeros) - 1
        if gap < span:
            break
    return gap


@helper
def is_finished(words: Array, interval: Interval) -> Number:
    """Whether the words read end as `finish` would end them."""
    low, span, position = interval
    last = np.int64(0)
    for place in range(position - 3, position):
        last = last << 16 | np.int64(words[place])
    return low == _gap(last - low, span)


@helper
def finish(words: Array, interval: Interval) -> Number:
    """Write the interval's number that ends in the most zeros, and resolve the carries.

    Return the number of words.
    """
    low, span, position = interval
    number = low + _gap(low, span)
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
