"""The choice of indices as the textbook has it: slow, with whole planes and dictionaries."""

from __future__ import annotations

from collections import Counter
from math import ceil, log2

import oracle

LATER = ((1, 0), (2, 0), (0, 1), (-1, 1), (1, 1), (-2, 1), (0, 2), (-1, 2))
"""Columns to the right and rows down of the pixels that see a pixel."""

NEAR = ((-1, 0), (0, -1), (-1, -1), (1, -1), (1, 0), (0, 1), (0, 0))
CANDIDATES = (*NEAR, (-2, 0), (0, -2), (-1, 1), (1, 1), (2, 0))


def index_at(indices, x, y):
    """Return an index of the plane or of its margins, as the format lays them out."""
    width = len(indices[0])
    if x < 0:
        x, y = 0, y - 1
    if not 0 <= y < len(indices):
        return 0
    if x >= width:
        return indices[y][-1]
    return indices[y][x]


def context(indices, x, y, colors):
    """Return the two guesses and which neighbours equal them."""

    def look(column, row):
        return index_at(indices, x + column, y + row)

    W, N, NW, NE = look(-1, 0), look(0, -1), look(-1, -1), look(1, -1)
    WW, NN, NNE, NEE = look(-2, 0), look(0, -2), look(1, -2), look(2, -1)
    c1, c2 = (N, W) if W == NW else (W, N)
    if c1 == c2:
        others = [each for each in (NE, NW, WW) if each != c1]
        c2 = others[0] if others else NN
    if colors == 2:
        c2 = c1
    first = [c1 == each for each in (NW, NE, WW, NN, N, W, NEE, NNE)]
    second = [c2 == each for each in (NE, NW, WW, NN)]
    return c1, c2, (*first, *second)


def bits(p):
    """Return the cost of a probability of 4,096, in 256ths of a bit, rounded up."""
    return ceil(256 * (12 - log2(p)) - 1e-9)


class Model:
    """What indices cost, counted from a plane."""

    def __init__(self, indices, colors):
        self.colors = colors
        self.asked, self.right = Counter(), Counter()
        self.pairs, self.after, self.total = Counter(), Counter(), Counter()
        for y, row in enumerate(indices):
            for x, index in enumerate(row):
                c1, c2, pattern = context(indices, x, y, colors)
                for number, guess in enumerate((c1, c2)):
                    self.asked[number, pattern] += 1
                    self.right[number, pattern] += index == guess
                    if index == guess:
                        break
                else:
                    self.pairs[self.row(c1), index] += 1
                    self.after[self.row(c1)] += 1
                    self.total[index] += 1

    def row(self, c1):
        return c1 if self.colors <= 1024 else 0

    def cost(self, indices, x, y):
        """Return the cost of a pixel's index, in 256ths of a bit."""
        c1, c2, pattern = context(indices, x, y, self.colors)
        index = indices[y][x]
        cost = 0
        for number, guess in enumerate((c1, c2)):
            asked, right = self.asked[number, pattern], self.right[number, pattern]
            p = min(max((right * 4096 + 1638) // (asked + 1), 8), 4088)
            if index == guess:
                return cost + bits(p)
            cost += bits(4096 - p)
        total = self.total.total() + self.colors
        prior = 8 * 4096 * (self.total[index] + 1) // total
        row = self.row(c1)
        p = (self.pairs[row, index] * 4096 + prior) // (self.after[row] + 8)
        return cost + bits(max(p, 1))


def distance(pixel, entry):
    """Return the squared distance of two colours."""
    pairs = zip(oracle.coordinates(pixel), oracle.coordinates(entry), strict=True)
    return sum((a - b) ** 2 for a, b in pairs)


def objective(indices, pixels, palette, model, multiplier):
    """Return J of a whole plane: squared error and bits, in whole numbers."""
    total = 0
    for y, row in enumerate(indices):
        for x, index in enumerate(row):
            total += distance(pixels[y][x], palette[index]) << 16
            total += multiplier * model.cost(indices, x, y)
    return total


def sweep(indices, nearest, pixels, palette, model, multiplier, cap, *, is_backward=False):
    """Choose each index anew, in place."""
    height, width = len(indices), len(indices[0])
    places = [(x, y) for y in range(height) for x in range(width)]
    for x, y in reversed(places) if is_backward else places:
        closest, pixel = nearest[y][x], pixels[y][x]
        if all(index_at(indices, x + a, y + b) == closest for a, b in NEAR):
            continue
        if len(pixel) == 4 and pixel[3] == 0:
            continue
        around = [index_at(indices, x + a, y + b) for a, b in CANDIDATES]
        later = [(x + a, y + b) for a, b in LATER if 0 <= x + a < width and 0 <= y + b < height]
        own, whole = {}, {}
        for index in dict.fromkeys([closest, *around]):
            apart = distance(pixel, palette[index])
            if apart > distance(pixel, palette[closest]) + cap:
                continue
            indices[y][x] = index
            own[index] = (apart << 16) + multiplier * model.cost(indices, x, y)
            rest = sum(model.cost(indices, *place) for place in later)
            whole[index] = own[index] + multiplier * rest
        first = min(own, key=own.get)
        indices[y][x] = min([first, *whole], key=whole.get)  # the earliest where several tie


def stripe_choice(nearest, pixels, palette, multiplier, cap, passes):
    """Return the indices of a stripe after so many passes from the nearest entries."""
    indices = [list(row) for row in nearest]
    for number in range(passes):
        model = Model(indices, len(palette))
        is_backward = number % 2 == 0
        sweep(indices, nearest, pixels, palette, model, multiplier, cap, is_backward=is_backward)
    return indices
