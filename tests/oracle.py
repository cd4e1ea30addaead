"""The plain twin of every kernel: slow, and written like the textbook."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


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
    """The indices, the remaining state, and the number of words read."""
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


def morton_key(places):
    """Interleave the bits of three or four bytes, the first one first."""
    key = 0
    axes = len(places)
    for bit in range(8):
        for axis in range(axes):
            key |= (int(places[axis]) >> bit & 1) << (axes * bit + axes - 1 - axis)
    return key


def coordinates(color):
    """Return a colour as a point: red, green, blue, or three times A (2 C - 255), then 255 A."""
    samples = [int(sample) for sample in color]
    if len(samples) == 3:
        return samples
    *rgb, alpha = samples
    return [alpha * (2 * sample - 255) for sample in rgb] + [255 * alpha]


def color_key(color):
    """Return a colour's Morton key; with alpha, that of its point's cell, then its bytes."""
    if len(color) == 3:
        return morton_key(color)
    *tinted, alpha = coordinates(color)
    cell = morton_key([(each + 65025) // 510 for each in tinted] + [alpha // 510])
    return cell << 32 | int.from_bytes(bytes(color), "little")


def histogram(pixels):
    """Return the distinct keys in order, and the count of each."""
    colors = pixels.reshape(-1, pixels.shape[-1])
    dtype = np.uint32 if pixels.shape[-1] == 3 else np.uint64
    return np.unique(np.array([color_key(color) for color in colors], dtype), return_counts=True)


def cell_sums(colors, counts, bits):
    """Return the sums of the coordinates and of the pixels over each occupied cell.

    At 0 bits, each colour has a separate cell.
    """
    axes = colors.shape[1]
    cells = {}
    for color, count in zip(colors, counts, strict=True):
        cell = color_key(color)
        if bits > 0:
            cell >>= axes * bits + (32 if axes == 4 else 0)
        cells.setdefault(cell, np.zeros(axes + 1, np.int64))
        cells[cell] += np.append(np.array(coordinates(color)) * count, count)
    return np.array([cells[cell] for cell in sorted(cells)])


def squared_distances(points, centroids):
    """Return the squared distance of each point to each centroid."""
    return ((points[:, None] - centroids[None]) ** 2).sum(axis=2)


def nearest(points, centroids):
    """Return each point's nearest centroid, on ties the one of lowest index."""
    return squared_distances(points, centroids).argmin(axis=1)


def cluster_sums(sums, labels, clusters):
    """Return the sums over the points of each cluster."""
    total = np.zeros((clusters, sums.shape[1]), sums.dtype)
    np.add.at(total, labels, sums)
    return total


def lloyd(points, sums, centroids, iterations, overstep, tolerance):
    """Alternate assignment and update; return centroids, labels and the error."""
    weights = sums[:, -1]
    energy = (weights * (points**2).sum(axis=1)).sum()
    previous = np.inf
    for _ in range(iterations):
        labels = nearest(points, centroids)
        error = (weights * ((points - centroids[labels]) ** 2).sum(axis=1)).sum()
        total = cluster_sums(sums, labels, len(centroids))
        filled = total[:, -1] > 0
        means = centroids.copy()
        means[filled] = total[filled, :-1] / total[filled, -1:]
        step = overstep if error - energy <= previous else 1.0
        centroids = centroids + step * (means - centroids)
        if abs(previous - (error - energy)) <= tolerance * error:
            break
        previous = error - energy
    error = (weights * ((points - means[labels]) ** 2).sum(axis=1)).sum()
    return means, labels, error


def bisect(points, sums, labels, clusters):
    """Cut each cluster at its mean across the first eigenvector; return gains and parts."""
    gains = np.zeros(clusters)
    parts = np.zeros((clusters, 2, sums.shape[1]), np.int64)
    for cluster in range(clusters):
        inside = labels == cluster
        weights = sums[inside, -1]
        mean = np.average(points[inside], axis=0, weights=weights)
        apart = points[inside] - mean
        _, vectors = np.linalg.eigh((apart * weights[:, None]).T @ apart)
        side = apart @ vectors[:, -1] > 0
        halves = [sums[inside][side].sum(axis=0), sums[inside][~side].sum(axis=0)]
        parts[cluster] = halves
        gains[cluster] = ward_cost(*halves)
    return gains, parts


def ward_cost(one, other):
    """Return the rise in error when two clusters become one."""
    n, m = int(one[-1]), int(other[-1])
    if n == 0 or m == 0:
        return 0.0
    apart = one[:-1] / n - other[:-1] / m
    return n * m / (n + m) * (apart**2).sum()


def merge_cheapest(sums, target):
    """Merge the cheapest pairs, each cluster once per round; return sums and successors."""
    sums = sums.copy()
    alive = list(range(len(sums)))
    successor = list(range(len(sums)))
    while len(alive) > target:
        offers = []
        for i in alive:
            cost, j = min((ward_cost(sums[i], sums[j]), j) for j in alive if j != i)
            offers.append((cost, i, j))
        taken = set()
        for _, i, j in sorted(offers):
            if len(alive) == target:
                break
            if i in taken or j in taken:
                continue
            taken |= {i, j}
            survivor, absorbed = min(i, j), max(i, j)
            sums[survivor] += sums[absorbed]
            alive.remove(absorbed)
            successor = [survivor if each == absorbed else each for each in successor]
    return sums, successor


def draw_far_apart(points, weights, shares):
    """Draw points by k-means++, each at a given share of the running total."""
    pulls = weights.astype(np.float64)
    drawn = []
    for share in shares:
        running = np.cumsum(pulls)
        choice = min(np.searchsorted(running, share * running[-1], side="right"), len(points) - 1)
        drawn.append(points[choice])
        pulls = weights * squared_distances(points, np.array(drawn)).min(axis=1)
    return np.array(drawn)


def mean_distance_over_backgrounds(one, other):
    """Return the mean squared difference, channels summed, of two RGBA colours composited.

    The composites over a sample b of the background differ by d(b) = u + v b, whose mean
    square over b from 0 to 255 is that of the ends and the middle by Simpson's rule,
    which is exact for a square.
    """
    total = 0.0
    for a, b in zip(one[:3], other[:3], strict=True):
        difference = [
            (a * one[3] + background * (255 - one[3])) / 255
            - (b * other[3] + background * (255 - other[3])) / 255
            for background in (0, 127.5, 255)
        ]
        low, middle, high = (d * d for d in difference)
        total += (low + 4 * middle + high) / 6
    return total


def mean_squared_error(pixels, indexed):
    """Return the mean over the pixels of the squared distance, the coordinates summed."""
    if pixels.shape[2] == 4:
        shown = indexed.to_rgba()
        pairs = zip(pixels.reshape(-1, 4), shown.reshape(-1, 4), strict=True)
        apart = np.array([np.subtract(coordinates(a), coordinates(b)) for a, b in pairs]) / 510
    else:
        apart = pixels.astype(np.int64) - indexed.to_rgb()
    return (apart**2).sum() / (pixels.shape[0] * pixels.shape[1])


def halves_in_order(colors):
    """Return the order of colours, each range of a power of two sorted along its main axis."""
    order = np.arange(len(colors))
    size = 1 << (len(colors) - 1).bit_length()
    while size > 1:
        for start in range(0, len(colors), size):
            part = order[start : start + size]
            apart = colors[part] - colors[part].sum(axis=0) // len(part)
            spread = apart.T @ apart
            axis = spread[np.argmax(np.diag(spread))]
            for _ in range(16):
                axis = spread @ (axis * 1024 // max(np.abs(axis).max(), 1))
            axis = (1 if axis.sum() >= 0 else -1) * axis * 1024 // max(np.abs(axis).max(), 1)
            order[start : start + size] = part[np.argsort(colors[part] @ axis, kind="stable")]
        size //= 2
    return order


def weighted_means(points, weights, labels, centroids):
    """Return the mean of each cluster's points; an empty cluster keeps its centroid."""
    means = centroids.astype(float)
    for cluster in set(labels.tolist()):
        inside = labels == cluster
        means[cluster] = np.average(points[inside], axis=0, weights=weights[inside])
    return means
