"""Where the centroids start: k-means++ in whole numbers.

Arthur & Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007:
each next centroid is a colour drawn with a chance that is proportional to its count
times its squared distance to the nearest centroid so far.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kmq.jit import helper, kernel


@kernel
def seed_centroids(
    colors: NDArray[np.int32], counts: NDArray[np.int64], clusters: int, seed: int
) -> NDArray[np.int64]:
    """Return the positions of `clusters` different colours.

    Parameters
    ----------
    colors
        Shape (3, n), n at least `clusters`, all different.
    counts
        Shape (n,), each at least 1; their sum at most 2^44.
    clusters
        At least 1.
    seed
        Start of the random numbers, 0 to 2^32 - 1.
    """
    n = colors.shape[1]
    chosen = np.empty(clusters, np.int64)
    distances = np.full(n, 1, np.int64)
    state = seed + 1
    for cluster in range(clusters):
        total = np.int64(0)
        for i in range(n):
            total += counts[i] * distances[i]
        state = _next_random(state)
        remaining = state % total
        position = 0
        while remaining >= counts[position] * distances[position]:
            remaining -= counts[position] * distances[position]
            position += 1
        chosen[cluster] = position
        for i in range(n):
            red = colors[0, i] - colors[0, position]
            green = colors[1, i] - colors[1, position]
            blue = colors[2, i] - colors[2, position]
            distance = np.int64(red * red + green * green + blue * blue)
            if cluster == 0 or distance < distances[i]:
                distances[i] = distance
    return chosen


@helper
def _next_random(state: int) -> int:
    """Return the next of 62-bit numbers, by xorshift (Marsaglia, J. Stat. Software 8, 2003)."""
    state ^= (state << 13) & 0x3FFFFFFFFFFFFFFF
    state ^= state >> 7
    state ^= (state << 17) & 0x3FFFFFFFFFFFFFFF
    return state
