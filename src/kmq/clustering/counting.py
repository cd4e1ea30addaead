"""Counting pixels by colour: in a cube over RGB, in a hash table over RGBA."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kmq.clustering.morton import SPREAD
from kmq.jit import helper, kernel

RUN = 64
"""Consecutive keys that share one "occupied" mark: a 4x4x4 cell."""

SMALLEST_TABLE = 1 << 10
"""Initial number of slots in a hash table, a power of two."""


@kernel
def count_pixels(
    pixels: NDArray[np.uint8], cube: NDArray[np.uint8], occupied: NDArray[np.bool_]
) -> NDArray[np.uint32]:
    """Count (n, 3) pixels in `cube`, and mark the runs of keys that occur.

    A full byte is reset to 1 and its key is appended to the returned list; each appearance
    there adds 255 pixels. So counts stay exact in 16 MB, which caches far better than four
    bytes per key.
    """
    overflows = np.empty(len(pixels) // 255 + 1, np.uint32)
    overflow_count = 0
    for pixel in range(len(pixels)):
        key = (
            (SPREAD[pixels[pixel, 0]] << np.uint32(2))
            | (SPREAD[pixels[pixel, 1]] << np.uint32(1))
            | SPREAD[pixels[pixel, 2]]
        )
        count = cube[key]
        if count == 255:
            overflows[overflow_count] = key
            overflow_count += 1
            count = 0
        cube[key] = count + 1
        occupied[key // RUN] = True
    return overflows[:overflow_count].copy()


@kernel
def collect_counts(
    cube: NDArray[np.uint8], occupied: NDArray[np.bool_]
) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
    """Return the keys counted in `cube`, ascending, and their counts."""
    distinct = 0
    for run in range(len(occupied)):
        if occupied[run]:
            for key in range(run * RUN, (run + 1) * RUN):
                distinct += cube[key] != 0
    # Every key is written, and the next one overwrites it unless it was counted. This needs
    # one spare place at the end but no branch that could be mispredicted.
    keys = np.empty(distinct + 1, np.uint32)
    counts = np.empty(distinct + 1, np.uint8)
    found = 0
    for run in range(len(occupied)):
        if occupied[run]:
            for key in range(run * RUN, (run + 1) * RUN):
                keys[found] = key
                counts[found] = cube[key]
                found += cube[key] != 0
    return keys[:distinct], counts[:distinct]


def count_words(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Return the distinct colours of (n, 4) pixels as words, unordered, and their counts."""
    words = np.empty(SMALLEST_TABLE // 4, np.uint32)
    counts = np.zeros(len(words), np.int64)
    found = pixel = 0
    while True:
        slots = slots_of(words, found)
        pixel, found = count_until_full(pixels, pixel, slots, words, counts, found)
        if pixel == len(pixels):
            return words[:found], counts[:found]
        words = np.concatenate([words, np.empty_like(words)])
        counts = np.concatenate([counts, np.zeros_like(counts)])


@kernel
def count_until_full(
    pixels: NDArray[np.uint8],
    first: int,
    slots: NDArray[np.int32],
    words: NDArray[np.uint32],
    counts: NDArray[np.int64],
    found: int,
) -> tuple[int, int]:
    """Count (n, 4) pixels, starting at `first`, until there is no place for a new word.

    `found` is the number of words so far. Return the first pixel that was not counted, n if
    all were, and the new number of words.
    """
    place = -1
    for pixel in range(first, len(pixels)):
        word = joined(pixels[pixel, 0], pixels[pixel, 1], pixels[pixel, 2], pixels[pixel, 3])
        # Clear areas and flat ones are long runs of one colour.
        if place < 0 or words[place] != word:
            slot = np.int64(scrambled(word)) & (len(slots) - 1)
            while slots[slot] != 0 and words[slots[slot] - 1] != word:
                slot = (slot + 1) & (len(slots) - 1)
            if slots[slot] == 0:
                if found == len(words):
                    return pixel, found
                words[found] = word
                found += 1
                slots[slot] = found
            place = slots[slot] - 1
        counts[place] += 1
    return len(pixels), found


@kernel
def slots_of(words: NDArray[np.uint32], count: int) -> NDArray[np.int32]:
    """Return a hash table of the first `count` words, which are distinct.

    A slot contains 1 + the place of its word, or 0 if empty. At most half of the slots are
    taken even when all of `words` are in use. A word is in the first free slot at or after
    its hash.
    """
    size = SMALLEST_TABLE
    while size < 2 * len(words):
        size *= 2
    slots = np.zeros(size, np.int32)
    for place in range(count):
        slot = np.int64(scrambled(words[place])) & (size - 1)
        while slots[slot] != 0:
            slot = (slot + 1) & (size - 1)
        slots[slot] = place + 1
    return slots


@helper
def joined(red: np.uint8, green: np.uint8, blue: np.uint8, alpha: np.uint8) -> np.uint32:
    """Return a colour as one number, like `morton.words`."""
    return np.uint32(
        np.uint32(red)
        | (np.uint32(green) << np.uint32(8))
        | (np.uint32(blue) << np.uint32(16))
        | (np.uint32(alpha) << np.uint32(24))
    )


@helper
def scrambled(word: np.uint32) -> np.uint32:
    """Return a hash: the finaliser of MurmurHash3 (Appleby 2011).

    The colours of smooth pictures lie on lattices, which simpler hashes preserve. The products
    have 64 bits, because uncompiled NumPy code warns when 32 bits overflow.
    """
    low = np.uint64(0xFFFFFFFF)
    mixed = np.uint64(word)
    mixed = ((mixed ^ (mixed >> np.uint64(16))) * np.uint64(0x85EBCA6B)) & low
    mixed = ((mixed ^ (mixed >> np.uint64(13))) * np.uint64(0xC2B2AE35)) & low
    return np.uint32(mixed ^ (mixed >> np.uint64(16)))
