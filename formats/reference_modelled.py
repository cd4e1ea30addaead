"""Decode coding 1 according to section 5 of `kmq-1.md`, with only the standard library; slow."""

from bisect import bisect_left

# 5.3 Tables and functions
KNOTS = [
    *(32768, 28693, 24743, 21025, 17625, 14595, 11955, 9702, 7812, 6249, 4971, 3938, 3108),
    *(2446, 1921, 1506, 1179, 922, 720, 562, 439, 342, 267, 208, 162, 126, 98, 77, 60, 47),
    *(36, 28, 22, 17, 13, 10, 8, 6, 5, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4),
]
MASK = 0xFFFFFFFF
MOST_MISSING = 8  # the most bytes that a writer omits at the end of a body
MULTIPLIERS = [pow(0x9E3779B1, power, 1 << 32) for power in range(1, 42)]
# Columns to the right and rows down, in the order of the multipliers.
NEIGHBORS = [
    *((-1, 0), (0, -1), (-1, -1), (1, -1)),
    *((-2, 0), (0, -2), (1, -2), (2, -1), (-1, -2), (-2, -1)),
    *((-3, 0), (0, -3), (3, -1), (-3, -1), (2, -2), (-2, -2), (1, -3), (-1, -3), (-4, 0), (3, -2)),
    *((-3, -2), (2, -3), (-2, -3), (4, -1), (-4, -1), (-5, 0), (4, -2), (-4, -2)),
    *((0, -4), (1, -4), (-1, -4), (2, -4), (-2, -4), (0, -5)),
    *((-6, 0), (3, -3), (-3, -3), (5, -1), (-5, -1), (6, -1)),
]


def clamp(number, low, high):
    return min(max(number, low), high)


def falling(x):
    left, part = divmod(x, 64)
    return (KNOTS[left] * (64 - part) + KNOTS[left + 1] * part) // 64


SQUASH = [4] + [falling(-x) if x < 0 else 65536 - falling(x) for x in range(-3071, 3072)]
STRETCH = [clamp(bisect_left(SQUASH, 16 * c + 8) - 3072, -2047, 2047) for c in range(4096)]


def scatter(number):
    number = (number & MASK) * 0x2C1B3C6D & MASK
    number ^= number >> 15
    number = number * 0x297A2D39 & MASK
    return number ^ number >> 13


class Coder:
    """The range decoder, the slots and the mixers."""

    # 5.2 Range decoder
    def __init__(self, body):
        self.body, self.position = body, 0
        self.low, self.span = self.word() << 32 | self.word() << 16 | self.word(), 1 << 48
        self.slots, self.weights = {}, {}

    def word(self):
        if self.position + 2 > len(self.body) + MOST_MISSING:
            raise ValueError("the body ends before its pixels")
        pair = self.body[self.position : self.position + 2] + b"\0\0"
        self.position += 2
        return pair[0] << 8 | pair[1]

    def has_ended(self):
        last = int.from_bytes(self.body[self.position - 6 : self.position].ljust(6, b"\0"), "big")
        distances = ((self.low - last) % (1 << zeros) for zeros in range(48, -1, -8))
        return self.low == next(d for d in distances if d < self.span)

    # 5.4 Slots
    def slot(self, address, check):
        """Return [probability in 2^-18, count]; a slot with another check has learned nothing."""
        chance, count, kept = self.slots.get(address, (1 << 17, 0, 0))
        return (chance, count) if kept == check else (1 << 17, 0)

    def confidence(self, contexts):
        counts = [self.slot(*context)[1] for context in contexts]
        return [sum(count >= edge for edge in (1, 2, 5, 24)) for count in counts]

    # 5.5 Mixer: weight sets are made when a decision first selects them.
    def decide(self, contexts, mixers):
        states = [self.slot(*context) for context in contexts]
        inputs = [STRETCH[chance >> 6] for chance, _ in states]
        sets = [self.weights.setdefault(mixer, [5500] * len(inputs)) for mixer in mixers]
        dot = sum(x * (u + v) for x, u, v in zip(inputs, *sets, strict=True)) >> 16
        p = SQUASH[clamp(dot, -3071, 3071) + 3072]
        # 5.2 Range decoder
        bound = (self.span >> 16) * p
        yes = int(self.low < bound)
        self.low, self.span = (self.low, bound) if yes else (self.low - bound, self.span - bound)
        if self.span < 1 << 32:
            self.low, self.span = self.low << 16 | self.word(), self.span << 16
        # 5.5 Mixer: learning
        error = (yes * 65536 - p) * 3 >> 1
        for i, x in enumerate(inputs):
            for weights in sets:
                weights[i] += x * error + 0x8000 >> 16
        # 5.4 Slots: learning
        for (address, check), (chance, count) in zip(contexts, states, strict=True):
            if count == 0:
                chance = p << 2
            chance += (yes * 0x3FFFF - chance) * (163840 // (10 * count + 13)) >> 14
            self.slots[address] = chance, min(count + 1, 60), check
        return yes


# 5.10 Tree, sides: three axes and an offset for each node
def split_axes(palette, leaves):
    none = [[0] * 4]
    sums = none * leaves + [[*color, 1] for color in palette] + none * (leaves - len(palette))
    axes = [None] * leaves
    for node in range(leaves - 1, 0, -1):
        left, right = sums[2 * node], sums[2 * node + 1]
        sums[node] = [a + b for a, b in zip(left, right, strict=True)]
        if right[3]:
            from_mean, to_mean = ([16 * c // half[3] for c in half[:3]] for half in (left, right))
            line = [b - a for a, b in zip(from_mean, to_mean, strict=True)]
            norm = max(sum(c * c for c in line), 16)
            line = [c * (1 << 19) // norm for c in line]
            middle = [a + b >> 1 for a, b in zip(from_mean, to_mean, strict=True)]
            axes[node] = *line, -sum(m * c for m, c in zip(middle, line, strict=True)) >> 4
    return axes


def decode(body, rows, width, palette):
    """Return rows of indices; `palette` is a list of (red, green, blue), at least two."""
    colors = len(palette)
    bits = (colors - 1).bit_length()
    leaves = 1 << bits
    axes = split_axes(palette, leaves)
    # 5.1 Overview: sizes
    size_bits = (rows * width - 1).bit_length()
    flat_bits = clamp(size_bits - 4, 8, 16)
    guess_bits = clamp(size_bits - 5, 8, 15)
    tree_bits = clamp(size_bits - 6, 6, 13)
    pairs = min(leaves * leaves, 1 << 16)
    coder = Coder(body)
    # 5.6 Neighbours: the plane
    stride = width + 16
    plane = [0] * (5 * stride)
    last_seen = {}

    # 5.4 Slots: the kinds of contexts. A slot's address is a name, not yet a place in memory.
    def direct(*name):
        return name, 0

    def pair_slot(kind, a, b):
        pair = a << bits | b
        return (kind, pair & pairs - 1), pair >> 16 & 255

    def hashed_slot(kind, number, size, within=0):
        number = scatter(number)
        return (kind, number >> 32 - size, within), number & 255

    # 5.9 Guesses: the distance of two indices
    def distance(a, b):
        red, green, blue = (abs(x - y) for x, y in zip(palette[a], palette[b], strict=True))
        return sum(red + 2 * green + blue >= edge for edge in (1, 16, 32, 56, 96, 160, 280))

    # 5.10 Tree, sides
    def side(node, index):
        return sum(a * c for a, c in zip(axes[node], (*palette[index], 1), strict=True))

    def steps(number, down, half):
        return clamp((number >> down) + half, 0, 2 * half - 1)

    # 5.8 Flat spans
    def same_above(i):
        return all(plane[i + y * stride + x] == plane[i - stride] for x, y in NEIGHBORS[:10] if y)

    def count(i, step, index, most):
        return next((n for n in range(most) if plane[i + n * step] != index), most)

    def span_contexts(i, length, match, run):
        W, end = plane[i - 1], i + length
        up = [place - row * stride for row in (3, 4, 5) for place in (i, end - 1)]
        above = next((n for n in range(6) if plane[up[n]] != W), 6) // 2
        foretold = plane[match : min(match + length, i)]
        east = count(end + 2 - stride, 1, W, 3), count(end + 1 - 2 * stride, 1, W, 4)
        west = count(i - 3, -1, W, 3), count(i - 3 - stride, -1, W, 3)
        return [
            direct("span", W),
            direct("span run", run.bit_length(), run > 0 and set(foretold) == {W}, above),
            direct("span east", east, count(end - 3 * stride, 1, W, 5)),
            direct("span sides", west, east),
        ]

    for start in range(5 * stride + 8, (rows + 5) * stride, stride):
        # 5.6 Neighbours: the left margin
        plane += [plane[start - stride]] * 8
        match = run = remaining = 0
        while (i := len(plane)) < start + width:
            coder.pixel = (start // stride - 5) * width + i - start  # for trace_modelled.py
            # 5.6 Neighbours
            around = [plane[i + y * stride + x] for x, y in NEIGHBORS]
            W, N, NW, NE, WW, NN, NNE, NEE = around[:8]
            terms = [m * index for m, index in zip(MULTIPLIERS, around, strict=False)]
            h4, h10, h40 = sum(terms[:4]), sum(terms[:10]), sum(terms)
            # 5.7 Match: follow it
            if run:
                run = min(run + 1, 1023) if plane[match] == W else 0
                match += 1
            # 5.8 Flat spans
            flat = around[:10] == [W] * 10
            if flat and remaining == 0:
                most = min(63, start + width - i)
                length = next((n for n in range(1, most) if not same_above(i + n)), most)
                contexts = span_contexts(i, length, match, run)
                if coder.decide(contexts, ("span", ("span", length.bit_length()))):
                    plane += [W] * length
                    match += length - 1
                    continue
                remaining = length
            if remaining > 1:
                contexts = [
                    direct("flat", remaining.bit_length()),
                    hashed_slot("flat", h40, flat_bits),
                    direct("flat run", run.bit_length(), run > 0 and plane[match] == W),
                ]
                mixers = "flat", ("flat", *coder.confidence(contexts[1:]))
                if coder.decide(contexts, mixers):
                    plane.append(W)
                    remaining -= 1
                    continue
            remaining = 0
            # 5.7 Match: search for one; `foretold` is the predicted index.
            number = scatter(h10)
            position, check = last_seen.get(number >> 32 - guess_bits, (0, 0))
            if run == 0 and position > 0 and check == number & 0xFFFF:
                match, run = position, 1
            last_seen[number >> 32 - guess_bits] = i, number & 0xFFFF
            foretold = plane[match] if run else None
            # 5.9 Guesses
            c1, c2 = (N, W) if W == NW else (W, N)
            if c1 == c2:
                c2 = next((index for index in (NE, NW, WW) if index != c1), NN)
            if colors == 2:
                c2 = c1
            equal = [index == c1 for index in (NW, NE, WW, NN, N, W, NEE, NNE)]
            equal += [index == c2 for index in (NE, NW, WW, NN)]
            q = sum(bit << i for i, bit in enumerate(equal))
            near = distance(W, N), distance(N, NW), distance(W, NW), distance(N, NE)
            which = 1 if foretold == c1 else 2 if foretold == c2 else 0
            for guess in range(int(flat), 1 if c1 == c2 else 2):
                contexts = [
                    direct("equal", guess, q),
                    direct("distance", guess, near),
                    pair_slot(("pair", guess), c1, c2),
                    *(hashed_slot(n, h, guess_bits, guess) for n, h in enumerate((h4, h10, h40))),
                    direct("guess run", guess, run.bit_length(), which),
                ]
                mixers = ("sure", guess, *coder.confidence(contexts[4:6])), ("q", guess, q & 255)
                if coder.decide(contexts, mixers):
                    plane.append(c2 if guess else c1)
                    break
            if len(plane) > i:
                continue
            # 5.10 Tree
            node = 1
            for depth in range(bits):
                shift = bits - 1 - depth
                left = (2 * node << shift) - leaves
                right = left + (1 << shift)
                if right >= colors or (shift == 0 and {left, right} & {c1, c2}):
                    node = 2 * node + (right < colors and left in (c1, c2))
                    continue
                level = depth % 4
                within = 1 << level | node & (1 << level) - 1
                branch = MULTIPLIERS[40] * (node >> level)
                mean = side(node, W) + side(node, N) >> 1
                slope = side(node, W) + side(node, N) - side(node, NW)
                far = side(node, WW) + side(node, NN) >> 1
                ahead = None
                if run and foretold + leaves >> shift + 1 == node:
                    ahead = run.bit_length(), foretold >> shift & 1
                contexts = [
                    direct("node", node),
                    *(pair_slot(("tree", j), index, node) for j, index in enumerate((W, N, NE))),
                    hashed_slot("tree 4", h4 + branch, tree_bits, within),
                    hashed_slot("tree 10", h10 + branch, tree_bits, within),
                    direct("side 1", depth, steps(slope, 12, 16), steps(mean, 12, 16)),
                    direct("side 2", depth, steps(mean, 13, 8), steps(far, 13, 8)),
                    direct("tree run", depth, ahead),
                ]
                mixers = (
                    ("tree", *coder.confidence(contexts[4:6])),
                    ("node", node >> max(depth - 7, 0)),
                )
                node = 2 * node + coder.decide(contexts, mixers)
            plane.append(node - leaves)
        # 5.6 Neighbours: the right margin
        plane += [plane[-1]] * 8
    # 5.2 Range decoder, the end of the body
    if coder.position < len(body):
        raise ValueError("the body is longer than its pixels need")
    if not coder.has_ended():
        raise ValueError("the body does not end as a writer ends it")
    if body[-1:] == b"\0" and coder.position < len(body) + MOST_MISSING:
        raise ValueError("the body ends in a zero byte")
    return [plane[y * stride + 8 : y * stride + 8 + width] for y in range(5, rows + 5)]
