"""Misreadings of `formats/kmq-1.md`, each one change to one line of the reference decoder.

To add one for a new rule: say how the rule might be misunderstood, quote enough of the line
that implements it to identify it in the two files, give the wrong replacement, and name the
vector that decodes differently. If no vector does, the rule needs one.
"""

from __future__ import annotations

from typing import NamedTuple


class Misreading(NamedTuple):
    """A part of a line of the reference decoder, and a wrong decoder's replacement."""

    rule: str
    right: str
    wrong: str
    caught_by: str
    """The vector, valid or invalid, that is decoded differently."""


class Unobservable(NamedTuple):
    """A change that no vector shows, and why."""

    rule: str
    right: str
    wrong: str
    reason: str


HEAD = (
    Misreading("the kind's high bits are ignored", "require(kind < 16 or kind & 0xF3 == 16,", "require(True,", "kind-highest-bit"),
    Misreading("labels may have a layout", "kind & 0xF3 == 16", "kind < 32", "kind-labels-of-a-layout"),
    Misreading("there are no labels", "kind < 16 or kind & 0xF3 == 16", "kind < 16", "labels-2-packed"),
    Misreading("bit 5 of the kind is ignored", "kind < 16 or kind & 0xF3 == 16", "kind & 0xDF < 16 or kind & 0xF3 == 16", "kind-bit-5"),
    Misreading("bit 6 of the kind is ignored", "kind < 16 or kind & 0xF3 == 16", "kind & 0xBF < 16 or kind & 0xF3 == 16", "kind-bit-6"),
    Misreading("bit 5 of the kind of labels is ignored", "kind & 0xF3 == 16", "kind & 0xD3 == 16", "kind-labels-and-bit-5"),
    Misreading("labels may have layout 2", "kind & 0xF3 == 16", "kind & 0xF1 == 16", "kind-labels-of-layout-2"),
    Misreading("the layout has one bit", "read_palette(cursor, kind & 3, colours)", "read_palette(cursor, kind & 1, colours)", "rgba-partly-opaque"),
    Misreading("bit 3 says that there is an order", "if kind & 4 else", "if kind & 8 else", "metadata-length-not-shortest"),
    Misreading("bit 2 says that there are metadata", "if kind & 8 else -1", "if kind & 4 else -1", "order-1"),
    Misreading("the height comes before the width", "return Head(width, height, stripe_rows,", "return Head(height, width, stripe_rows,", "specification-example"),
    Misreading("margins do not count", "rows * (width + 16) <= 2**22", "rows * width <= 2**22", "modelled-stripe-with-too-many-places"),
    Misreading("a modelled stripe has fewer than 2^22 places", "rows * (width + 16) <= 2**22", "rows * (width + 16) < 2**22", "modelled-one-colour-most-places"),
    Misreading("the last stripe counts with the rows of the others", "rows = min(stripe_rows, height - (number - 1) * stripe_rows)", "rows = stripe_rows", "stripes-of-which-the-last-is-modelled"),
    Misreading("stripes may have 2^23 pixels", "require(stripe_pixels <= 2**22,", "require(stripe_pixels <= 2**23,", "stripes-too-large"),
    Misreading("stripes have fewer than 2^22 pixels", "require(stripe_pixels <= 2**22,", "require(stripe_pixels < 2**22,", "one-colour-widest"),
    Misreading("a width of 2^22 is refused", "\"the width\", 1, 2**22", "\"the width\", 1, 2**22 - 1", "one-colour-widest"),
    Misreading("several stripes may be small", "stripe_pixels >= max(2**12, colours)", "stripe_pixels >= colours", "stripes-too-small"),
    Misreading("several stripes may have fewer pixels than colours", "stripe_pixels >= max(2**12, colours)", "stripe_pixels >= 2**12", "stripes-smaller-than-the-palette"),
    Misreading("several stripes have more than 4,096 pixels", "stripe_pixels >= max(2**12, colours)", "stripe_pixels >= max(2**12 + 1, colours)", "stripes-of-4096-pixels"),
    Misreading("several stripes have more pixels than colours", "stripe_pixels >= max(2**12, colours)", "stripe_pixels >= max(2**12, colours + 1)", "stripes-of-as-many-pixels-as-colours"),
    Misreading("one stripe may not be small", "stripe_count == 1 or stripe_pixels", "stripe_pixels", "one-pixel-one-colour"),
    Misreading("metadata of no bytes are read", '"the length of the metadata", 1,', '"the length of the metadata", 0,', "metadata-of-no-bytes"),
    Misreading("the signature's first byte may be any", '== b"\\x89KMQ"', '[1:] == b"KMQ"', "signature"),
    Misreading("the signature's last byte may be any", "== b\"\\x89KMQ\"", "[:3] == b\"\\x89KM\"", "signature-last-byte"),
    Misreading("later versions are read too", "version == 1,", "version >= 1,", "version"),
    Misreading("earlier versions are read too", "version == 1,", "version <= 1,", "version-zero"),
    Misreading("a width of 0 is read", 'varint("the width", 1,', 'varint("the width", 0,', "width-zero"),
    Misreading("a height of 2^31 is read", '"the height", 1, 2**31 - 1', '"the height", 1, 2**31', "height-too-large"),
    Misreading("no colours are read", 'colours", 1, 65_536', 'colours", 0, 65_536', "no-colours"),
    Misreading("65,537 colours are read", 'colours", 1, 65_536', 'colours", 1, 65_537', "too-many-colours"),
    Misreading("65,536 colours are refused", 'colours", 1, 65_536', 'colours", 1, 65_535', "colours-65536"),
    Misreading("0 rows a stripe are read", 'stripe rows", 1, height', 'stripe rows", 0, height', "stripe-rows-zero"),
    Misreading("stripes may be higher than the image", 'stripe rows", 1, height', 'stripe rows", 1, 2**31 - 1', "stripe-rows-above-height"),
    Misreading("the number of stripes is rounded down", "(height + stripe_rows - 1) // stripe_rows", "height // stripe_rows", "stripes-1"),
    Misreading("65,537 stripes are read", "stripe_count <= 65_536", "stripe_count <= 65_537", "too-many-stripes"),
    Misreading("varints have their high bits first", "value |= (byte & 0x7F) << (7 * place)", "value = value << 7 | byte & 0x7F", "one-row"),
    Misreading("varints may be longer than needed", "byte > 0 or place == 1", "True", "varint-not-shortest"),
    Misreading("a varint of one byte may not be 0", "byte > 0 or place == 1", "byte > 0", "one-pixel-one-colour"),
    Misreading("checksums are big-endian", 'int.from_bytes(self.take(4, field), "little")', 'int.from_bytes(self.take(4, field), "big")', "one-pixel-one-colour"),
    Misreading("checksums begin at the file's start", "zlib.crc32(self.data[start : self.position])", "zlib.crc32(self.data[: self.position])", "one-pixel-one-colour"),
    Misreading("checksums are those of Adler", "zlib.crc32(self", "zlib.adler32(self", "one-pixel-one-colour"),
    Misreading("fields may be cut short", "require(count <= len(self.data) - self.position,", "require(True,", "palette-cut"),
    Misreading("unknown codings are read as packed", "require(coding in CODINGS,", "require(CODINGS.setdefault(coding, decode_packed),", "coding-unknown"),
    Misreading("bytes may follow the last stripe", "require(cursor.position == len(data),", "require(True,", "bytes-behind"),
)  # fmt: skip

PALETTE = (
    Misreading("grey and alpha take three bytes", "size = (1, 3, 4, 2)[layout]", "size = (1, 3, 4, 3)[layout]", "grey-alpha-packed"),
    Misreading("layouts 2 and 3 are the other way round", "size = (1, 3, 4, 2)[layout]", "size = (1, 3, 2, 4)[layout]", "rgba-partly-opaque"),
    Misreading("labels are big-endian", 'struct.unpack(f"<{colours}H", cursor', 'struct.unpack(f">{colours}H", cursor', "labels-2-packed"),
    Misreading("labels are shown by their lower bytes", "shift = 0 if max(labels, default=0) < 256 else 8", "labels = [label & 255 for label in labels]; shift = 0", "labels-2-packed"),
    Misreading("small labels are shown by their upper bytes", "shift = 0 if max(labels, default=0) < 256 else 8", "shift = 8", "labels-small"),
    Misreading("a label of 256 is shown by its lower byte", "default=0) < 256", "default=0) <= 256", "labels-256"),
    Misreading("labels have no order", "sorted(zip(head.order, head.labels, strict=False))", "zip(head.order, head.labels, strict=False)", "labels-order"),
    Misreading("entries without alpha are clear", "return [(*entry, 255)[:4] for entry", "return [(*entry, 0)[:4] for entry", "one-pixel-one-colour"),
    Misreading("entries are blue, green, red", "return [(*entry, 255)[:4] for entry", "return [(*entry[2::-1], *entry[3:], 255)[:4] for entry", "one-pixel-one-colour"),
    Misreading("the palette is one plane for each sample", "entries = [samples[place : place + size] for place in range(0, colours * size, size)]", "entries = [samples[place::colours] for place in range(colours)]", "specification-example"),
    Misreading("an order may name an index twice", "require(sorted(order) == list(range(colours)),", "require(max(order) < colours,", "order-twice"),
    Misreading("an order may name an index that is none", "require(sorted(order) == list(range(colours)),", "require(len(set(order)) == colours,", "order-out-of-range"),
    Misreading("the order gives each index its entry", "(head.order[index] for index in indices)", "(head.order.index(index) for index in indices)", "order-17-packed"),
    Misreading("the palette keeps its stored order", "palette = [entry for _, entry in sorted(zip(head.order, head.palette, strict=True))]", "palette = head.palette", "order-3-packed"),
    Misreading("coding 1 compares colours over black", "(a * c + (255 - a) * 128 + 127) // 255", "(a * c + 127) // 255", "grey-alpha-modelled"),
    Misreading("coding 1 compares colours over 127", "(a * c + (255 - a) * 128 + 127) // 255", "(a * c + (255 - a) * 127 + 127) // 255", "grey-alpha-modelled"),
    Misreading("colours over grey are rounded down", "(a * c + (255 - a) * 128 + 127) // 255", "(a * c + (255 - a) * 128) // 255", "grey-alpha-modelled"),
    Misreading("the last stripe is as high as the others", "min(head.stripe_rows, head.height - number * head.stripe_rows)", "head.stripe_rows", "stripes-1"),
)  # fmt: skip

METADATA = (
    Misreading("metadata whose checksum is wrong are kept", 'require(int.from_bytes(stored_checksum, "little") == crc,', "require(True,", "metadata-bad-checksum"),
    Misreading("damaged metadata cost the image", "return None", "raise", "metadata-resolution-too-long"),
    Misreading("items that are right are kept of damaged metadata", "return None", "return items[:-1]", "metadata-resolution-too-long"),
    Misreading("kinds may come in any order", "require(kind > before or kind == before == 4,", "require(kind > 0,", "metadata-exif-twice"),
    Misreading("any kind may be there twice", "require(kind > before or kind == before == 4,", "require(kind > 0 and kind >= before,", "metadata-exif-twice"),
    Misreading("there is one text at most", "require(kind > before or kind == before == 4,", "require(kind > before,", "metadata"),
    Misreading("an item may be of kind 0", "(before, _), (kind, payload) = ((0, b\"\"), *items)[-2:]", "(before, _), (kind, payload) = ((-1, b\"\"), *items)[-2:]", "metadata-kind-zero"),
    Misreading("parts of the resolution may be 0", '"a part of the resolution", 1,', '"a part of the resolution", 0,', "metadata-resolution-zero"),
    Misreading("parts of the resolution may be 2^32", "1, 2**32 - 1", "1, 2**32", "metadata-resolution-too-large"),
    Misreading("parts of the resolution are below 2^32 - 1", "1, 2**32 - 1", "1, 2**32 - 2", "metadata-resolution-largest"),
    Misreading("bytes may follow the resolution", "require(numbers.position == len(payload),", "require(True,", "metadata-resolution-too-long"),
    Misreading("there may be 1,025 texts", "for kind, _ in items) <= 1024,", "for kind, _ in items) <= 1025,", "metadata-texts-1025"),
    Misreading("there may be 1,023 texts", "for kind, _ in items) <= 1024,", "for kind, _ in items) <= 1023,", "metadata-texts-1024"),
    Misreading("a text needs no zero", 'require(zero == b"\\0" and 1 <=', "require(1 <=", "metadata-text-without-zero"),
    Misreading("a keyword may be empty", "1 <= len(keyword) <= 255", "len(keyword) <= 255", "metadata-text-without-keyword"),
    Misreading("a keyword may have 256 bytes", "1 <= len(keyword) <= 255", "1 <= len(keyword) <= 256", "metadata-keyword-of-256-bytes"),
    Misreading("a keyword may have 254 bytes", "1 <= len(keyword) <= 255", "1 <= len(keyword) <= 254", "metadata-keyword-of-255-bytes"),
    Misreading("a keyword ends at the last zero", "payload.partition", "payload.rpartition", "metadata-text-with-zeros"),
    Misreading("texts need not be UTF-8", "keyword.decode(), text.decode()", "keyword.decode()", "metadata-text-not-utf-8"),
    Misreading("texts may hold halves of pairs", "keyword.decode(), text.decode()", "keyword.decode(), text.decode(\"utf-8\", \"surrogatepass\")", "metadata-text-of-half-a-pair"),
    Misreading("keywords need not be UTF-8", "keyword.decode(), text.decode()", "text.decode()", "metadata-keyword-not-utf-8"),
    Misreading("unknown kinds are damage", 'varint("a length", 0, length)', 'varint("a length", 0, length if kind < 5 else -1)', "metadata-unknown-kinds"),
)  # fmt: skip

PACKED = (
    Misreading("powers of two are digits too", "if len(palette) == 1 << index_bits:", "if len(palette) == 1:", "grey-2"),
    Misreading("other K take whole bits too", "if len(palette) == 1 << index_bits:", "if True:", "specification-example"),
    Misreading("the last byte of fields is left out", "size = (pixels * index_bits + 7) // 8", "size = pixels * index_bits // 8", "fields-too-short"),
    Misreading("fields may be followed by bytes", "require(len(body) == size", "require(len(body) >= size", "one-colour-with-a-body"),
    Misreading("fields may be missing", "require(len(body) == size", "require(len(body) <= size", "fields-too-short"),
    Misreading("fields have their low bits first", "remaining = iter(body)", 'remaining = (int(f"{byte:08b}"[::-1], 2) for byte in body)', "fields-padding"),
    Misreading("bits left over may be set", "require(held == 0,", "require(True,", "order-padding"),
    Misreading("the state is big-endian", 'f"<Q{len(body)', 'f">Q{len(body)', "specification-example"),
    Misreading("a body of digits may be shorter than a state", "len(body) >= 8 and ", "", "body-shorter-than-state"),
    Misreading("a body of digits may end within a word", " and len(body) % 4 == 0", "", "body-not-whole-words"),
    Misreading("words come from the body's end", "words.reverse()", "words.sort(key=lambda word: 0)", "grey-in-colour"),
    Misreading("the least state is 2^31", "2**31 // colours * colours", "2**31", "specification-example"),
    Misreading("the least state comes from 2^32", "2**31 // colours * colours", "2**32 // colours * colours", "specification-example"),
    Misreading("the state may start below the least", "low <= state < low << 32", "0 <= state < low << 32", "state-too-small-with-a-word"),
    Misreading("the state may start at 2^32 times the least", "low <= state < low << 32", "low <= state", "state-too-large-without-words"),
    Misreading("the state is refilled at the least", "if state < low:", "if state <= low:", "specification-example"),
    Misreading("the state is refilled below 2^31", "if state < low:", "if state < 2**31:", "specification-example"),
    Misreading("the state may end anywhere", "require(state == low,", "require(True,", "state-left"),
    Misreading("a missing word is 0", "require(len(words) > 0,", "words = words or [0]; require(True,", "word-missing-of-zeros"),
    Misreading("words may be left", "require(len(words) == 0,", "require(True,", "word-left"),
)  # fmt: skip

TABLES = (
    Misreading("squash is rounded to the nearest", "KNOTS[left + 1] * part) // 64", "KNOTS[left + 1] * part + 32) // 64", "specification-modelled"),
    Misreading("the larger half of squash is not mirrored", "65536 - falling(x) for", "65535 - falling(x) for", "specification-modelled"),
    Misreading("a probability is stretched from its step's start", "16 * c + 8)", "16 * c)", "specification-modelled"),
    Misreading("stretch is clamped to 2048", "- 3072, -2047, 2047)", "- 3072, -2048, 2048)", "order-3-modelled"),
    Misreading("scatter shifts by 16", "number ^= number >> 15", "number ^= number >> 16", "modelled-one-row"),
    Misreading("scatter multiplies by the same twice", "number * 0x297A2D39 & MASK", "number * 0x2C1B3C6D & MASK", "modelled-one-row"),
    Misreading("scatter's last step is left out", "return number ^ number >> 13", "return number", "grey-alpha-modelled"),
    Misreading("multipliers begin with 1", "for power in range(1, 42)]", "for power in range(0, 41)]", "modelled-one-row"),
)  # fmt: skip

RANGE_DECODER = (
    Misreading("words are little-endian", "return pair[0] << 8 | pair[1]", "return pair[1] << 8 | pair[0]", "modelled-one-pixel"),
    Misreading("past the body's end come ones", '+ b"\\0\\0"', '+ b"\\xff\\xff"', "modelled-spans-7"),
    Misreading("a yes takes the interval's upper part", "yes = int(self.low < bound)", "yes = int(self.low >= bound)", "modelled-one-pixel"),
    Misreading("a number at the bound is a yes", "yes = int(self.low < bound)", "yes = int(self.low <= bound)", "modelled-one-pixel"),
    Misreading("the bound is rounded after the product", "bound = (self.span >> 16) * p", "bound = self.span * p >> 16", "modelled-one-row"),
    Misreading("words are read below 2^31", "if self.span < 1 << 32:", "if self.span < 1 << 31:", "modelled-one-row"),
    Misreading("words are read below 2^33", "if self.span < 1 << 32:", "if self.span < 1 << 33:", "modelled-one-row"),
    Misreading("a body may end in a zero byte", 'if body[-1:] == b"\\0" and', "if False and", "modelled-zero-at-the-end"),
    Misreading("a body may be longer than its pixels need", "if coder.position < len(body):", "if False:", "modelled-surplus-word"),
    Misreading("a body may end anywhere before its pixels", "if self.position + 2 > len(self.body) + MOST_MISSING:", "if False:", "modelled-too-short"),
    Misreading("six zero bytes are left out at most", "MOST_MISSING = 8", "MOST_MISSING = 6", "modelled-zeros-at-the-end"),
    Misreading("nine zero bytes are left out at most", "MOST_MISSING = 8", "MOST_MISSING = 9", "modelled-too-short-by-1-byte"),
    Misreading("ten zero bytes are left out at most", "MOST_MISSING = 8", "MOST_MISSING = 10", "modelled-too-short-by-2-bytes"),
    Misreading("a word may begin within the bytes that are left out", "if self.position + 2 > len(self.body) + MOST_MISSING:", "if self.position + 1 > len(self.body) + MOST_MISSING:", "modelled-too-short-by-1-byte"),
    Misreading("fewer than eight zero bytes are left out", "if self.position + 2 > len(self.body) + MOST_MISSING:", "if self.position + 2 >= len(self.body) + MOST_MISSING:", "modelled-noise-8-missing"),
    Misreading("a zero byte may be stored where seven are left out", " and coder.position < len(body) + MOST_MISSING:", " and coder.position < len(body) + MOST_MISSING - 1:", "modelled-zero-and-7-missing"),
    Misreading("a zero byte may be stored where six are left out", " and coder.position < len(body) + MOST_MISSING:", " and coder.position < len(body) + MOST_MISSING - 2:", "modelled-zero-and-6-missing"),
    Misreading("no zero byte is stored", " and coder.position < len(body) + MOST_MISSING:", ":", "modelled-zeros-at-the-end"),
    Misreading("a body may be a word longer than its pixels need", "if coder.position < len(body):", "if coder.position + 2 < len(body):", "modelled-surplus-word"),
    Misreading("a body may end at any number of its interval", "if not coder.has_ended():", "if False:", "modelled-longer-end"),
    Misreading("a body may end at any number with the most zero bytes", "return self.low == next(", "return self.low % (1 << 40) == next(", "modelled-higher-end"),
    Misreading("a body ends at the interval's lower end", "return self.low == next(", "return self.low == 0 * next(", "specification-modelled"),
    Misreading("a body ends in the most zero words", "zeros in range(48, -1, -8)", "zeros in range(48, -1, -16)", "specification-modelled"),
    Misreading("a body ends in the most zero bits", "zeros in range(48, -1, -8)", "zeros in range(48, -1, -1)", "specification-modelled"),
    Misreading("a body ends in at most five zero bytes", "zeros in range(48, -1, -8)", "zeros in range(40, -1, -8)", "rgba-modelled"),
    Misreading("one colour may have a body", "require(body == b\"\", \"the body of one", "require(True, \"the body of one", "modelled-one-colour-with-a-body"),
)  # fmt: skip

SLOTS = (
    Misreading("checks are ignored", "return (chance, count) if kept == check else (1 << 17, 0)", "return chance, count", "modelled-one-row"),
    Misreading("another context's probability stays", "if kept == check else (1 << 17, 0)", "if kept == check else (chance, 0)", "modelled-one-row"),
    Misreading("a new slot learns from its own probability", "if count == 0:", "if False:", "modelled-one-row"),
    Misreading("a yes moves a slot to 2^18", "(yes * 0x3FFFF - chance)", "(yes * 0x40000 - chance)", "modelled-one-row"),
    Misreading("rates begin at 1 / 1.5", "(163840 // (10 * count + 13))", "(163840 // (10 * count + 15))", "specification-modelled"),
    Misreading("a slot moves rounded to the nearest", "(163840 // (10 * count + 13)) >> 14", "(163840 // (10 * count + 13)) + 8192 >> 14", "modelled-one-row"),
    Misreading("counts go to 59", "min(count + 1, 60)", "min(count + 1, 59)", "modelled-one-row"),
    Misreading("counts go to 61", "min(count + 1, 60)", "min(count + 1, 61)", "modelled-one-row"),
    Misreading("there are 2^17 pairs", "pairs = min(leaves * leaves, 1 << 16)", "pairs = min(leaves * leaves, 1 << 17)", "modelled-257"),
    Misreading("pairs of large palettes have no check", "(kind, pair & pairs - 1), pair >> 16 & 255", "(kind, pair & pairs - 1), 0", "modelled-257"),
    Misreading("pairs have checks of more than 8 bits", "pair >> 16 & 255", "pair >> 16", "modelled-65536"),
    Misreading("pairs are the other way round", "pair = a << bits | b", "pair = b << bits | a", "modelled-257"),
    Misreading("the place is a hash's low bits", "(kind, number >> 32 - size, within)", "(kind, number & (1 << size) - 1, within)", "modelled-one-row"),
    Misreading("the check is a hash's second byte", "within), number & 255", "within), number >> 8 & 255", "grey-alpha-modelled"),
    Misreading("sums are not scattered", "number = scatter(number)", "number &= MASK", "modelled-one-row"),
    Misreading("sizes come from the bits of n", "size_bits = (rows * width - 1).bit_length()", "size_bits = (rows * width).bit_length()", "modelled-64x64"),
    Misreading("F is at least 7", "clamp(size_bits - 4, 8, 16)", "clamp(size_bits - 4, 7, 16)", "modelled-spans-small"),
    Misreading("F is at least 9", "clamp(size_bits - 4, 8, 16)", "clamp(size_bits - 4, 9, 16)", "modelled-2"),
    Misreading("F is at most 17", "clamp(size_bits - 4, 8, 16)", "clamp(size_bits - 4, 8, 17)", "modelled-1024x1025"),
    Misreading("F is a bit smaller", "clamp(size_bits - 4, 8, 16)", "clamp(size_bits - 5, 8, 16)", "modelled-stripes"),
    Misreading("G is at least 7", "clamp(size_bits - 5, 8, 15)", "clamp(size_bits - 5, 7, 15)", "modelled-one-row"),
    Misreading("G is at most 16", "clamp(size_bits - 5, 8, 15)", "clamp(size_bits - 5, 8, 16)", "modelled-1024x1025"),
    Misreading("T is at least 5", "clamp(size_bits - 6, 6, 13)", "clamp(size_bits - 6, 5, 13)", "grey-alpha-modelled"),
    Misreading("T is at most 14", "clamp(size_bits - 6, 6, 13)", "clamp(size_bits - 6, 6, 14)", "modelled-700x760"),
)  # fmt: skip

MIXER = (
    Misreading("confidences change at 4", "for edge in (1, 2, 5, 24)", "for edge in (1, 2, 4, 24)", "modelled-one-row"),
    Misreading("confidences change at 25", "for edge in (1, 2, 5, 24)", "for edge in (1, 2, 5, 25)", "modelled-one-row"),
    Misreading("weights start at 5,461", "[5500] * len(inputs)", "[5461] * len(inputs)", "specification-modelled"),
    Misreading("sums are rounded to the nearest", "in zip(inputs, *sets, strict=True)) >> 16", "in zip(inputs, *sets, strict=True)) + 0x8000 >> 16", "modelled-one-pixel"),
    Misreading("log-odds are clamped to 2,047", "clamp(dot, -3071, 3071)", "clamp(dot, -2047, 2047)", "modelled-64x64"),
    Misreading("the error is not scaled", "error = (yes * 65536 - p) * 3 >> 1", "error = yes * 65536 - p", "specification-modelled"),
    Misreading("the error is of 65,535", "error = (yes * 65536 - p) * 3 >> 1", "error = (yes * 65535 - p) * 3 >> 1", "modelled-one-column"),
    Misreading("weights move rounded down", "x * error + 0x8000 >> 16", "x * error >> 16", "modelled-one-row"),
    Misreading("flat confidences are of inputs 1 and 2", "coder.confidence(contexts[1:])", "coder.confidence(contexts[:2])", "modelled-one-row"),
    Misreading("a flat decision's first weight set depends on the match", 'mixers = "flat", ("flat"', 'mixers = ("flat", run > 0), ("flat"', "modelled-one-row"),
    Misreading("guesses are weighed by all twelve bits", '("q", guess, q & 255)', '("q", guess, q)', "modelled-one-row"),
    Misreading("both guesses share weights", '("q", guess, q & 255)', '("q", q & 255)', "modelled-one-row"),
    Misreading("guesses' confidences are of inputs 4 and 5", '("sure", guess, *coder.confidence(contexts[4:6]))', '("sure", guess, *coder.confidence(contexts[3:5]))', "modelled-one-row"),
    Misreading("the tree is weighed by whole nodes", '("node", node >> max(depth - 7, 0))', '("node", node)', "modelled-257"),
    Misreading("the tree is weighed by 9 bits of a node", '("node", node >> max(depth - 7, 0))', '("node", node >> max(depth - 8, 0))', "modelled-257"),
)  # fmt: skip

NEIGHBOURS = (
    Misreading("the left margin is 0", "plane += [plane[start - stride]] * 8", "plane += [0] * 8", "modelled-one-column"),
    Misreading("the left margin is the last index of the row above", "plane += [plane[start - stride]] * 8", "plane += [plane[start - 17]] * 8", "specification-modelled"),
    Misreading("the right margin is 0", "plane += [plane[-1]] * 8", "plane += [0] * 8", "modelled-one-column"),
    Misreading("NE comes before NW", "(-1, -1), (1, -1)),", "(1, -1), (-1, -1)),", "modelled-one-column"),
    Misreading("a neighbour of the 20 is another", "(-4, 0), (3, -2)),", "(-4, 0), (3, -3)),", "modelled-one-column"),
    Misreading("a neighbour of the 40 is another", "(5, -1), (-5, -1), (6, -1)),", "(5, -1), (-5, -1), (7, -1)),", "grey-alpha-modelled"),
    Misreading("h4 has five neighbours", "sum(terms[:4])", "sum(terms[:5])", "modelled-one-row"),
    Misreading("h10 has eight neighbours", "sum(terms[:10])", "sum(terms[:8])", "modelled-one-column"),
    Misreading("h40 has twenty neighbours", "sum(terms[:10]), sum(terms)", "sum(terms[:10]), sum(terms[:20])", "modelled-one-row"),
    Misreading("a flat pixel's eight nearest are equal", "around[:10] == [W] * 10", "around[:8] == [W] * 8", "modelled-one-column"),
)  # fmt: skip

SPANS = (
    Misreading("spans have up to 64 pixels", "most = min(63, start + width - i)", "most = min(64, start + width - i)", "modelled-one-row"),
    Misreading("spans have up to 32 pixels", "most = min(63, start + width - i)", "most = min(32, start + width - i)", "modelled-one-row"),
    Misreading("spans end at the row's last pixel but one", "most = min(63, start + width - i)", "most = max(min(63, start + width - 1 - i), 1)", "specification-modelled"),
    Misreading("spans look at the row above only", "for x, y in NEIGHBORS[:10] if y)", "for x, y in NEIGHBORS[:10] if y == -1)", "modelled-spans-7"),
    Misreading("spans look at three neighbours above", "for x, y in NEIGHBORS[:10] if y)", "for x, y in NEIGHBORS[:4] if y)", "modelled-spans-7"),
    Misreading("a span may begin in a broken one", "if flat and remaining == 0:", "if flat:", "specification-modelled"),
    Misreading("the last pixel of a broken span is asked for", "if remaining > 1:", "if remaining > 0:", "modelled-one-pixel"),
    Misreading("a break is not remembered", "remaining = length", "remaining = 1", "specification-modelled"),
    Misreading("a broken span does not shrink", "remaining -= 1", "remaining -= 0", "specification-modelled"),
    Misreading("guess 0 is asked for where a span breaks", "for guess in range(int(flat),", "for guess in range(int(flat and remaining > 0),", "modelled-one-pixel"),
    Misreading("the match stays behind after a span", "match += length - 1", "match += 0", "modelled-spans-7"),
    Misreading("the match moves by the whole span", "match += length - 1", "match += length", "modelled-spans-2"),
    Misreading("the match predicts the first pixel only", "run > 0 and set(foretold) == {W}", "run > 0 and foretold[0] == W", "modelled-spans-7"),
    Misreading("a span knows no run class", 'direct("span run", run.bit_length(), run > 0', 'direct("span run", 0, run > 0', "modelled-one-row"),
    Misreading("rows above are looked at from the second on", "for row in (3, 4, 5) for place", "for row in (2, 3, 4) for place", "modelled-one-column"),
    Misreading("rows above are looked at in the first column only", "for place in (i, end - 1)]", "for place in (i, i)]", "modelled-spans-2"),
    Misreading("rows above are not looked at", "set(foretold) == {W}, above)", "set(foretold) == {W})", "modelled-one-column"),
    Misreading("the reach in row -1 begins a column earlier", "count(end + 2 - stride, 1, W, 3)", "count(end + 1 - stride, 1, W, 3)", "modelled-grey"),
    Misreading("the reach in row -2 begins a column later", "count(end + 1 - 2 * stride, 1, W, 4)", "count(end + 2 - 2 * stride, 1, W, 4)", "modelled-spans-7"),
    Misreading("the reach in row -2 is at most 3", "count(end + 1 - 2 * stride, 1, W, 4)", "count(end + 1 - 2 * stride, 1, W, 3)", "modelled-grey"),
    Misreading("the reach in row -3 is in row -4", "count(end - 3 * stride, 1, W, 5)", "count(end - 4 * stride, 1, W, 5)", "modelled-one-column"),
    Misreading("the reach in row -3 is at most 4", "count(end - 3 * stride, 1, W, 5)", "count(end - 3 * stride, 1, W, 4)", "modelled-spans-2"),
    Misreading("the reach to the left begins a column later", "west = count(i - 3, -1, W, 3)", "west = count(i - 4, -1, W, 3)", "modelled-spans-7"),
    Misreading("the reach to the left is at most 2", "west = count(i - 3, -1, W, 3)", "west = count(i - 3, -1, W, 2)", "modelled-spans-2"),
    Misreading("the second reach to the left is in row -2", "count(i - 3 - stride, -1, W, 3)", "count(i - 3 - 2 * stride, -1, W, 3)", "modelled-spans-7"),
    Misreading("spans are weighed by their length", '("span", length.bit_length())', '("span", length)', "modelled-one-row"),
    Misreading("spans have one weight set", '("span", length.bit_length())', '("span", 0)', "modelled-one-row"),
    Misreading("flat decisions know the exact number of pixels left", 'direct("flat", remaining.bit_length())', 'direct("flat", remaining)', "specification-modelled"),
    Misreading("flat decisions do not know what is left", 'direct("flat", remaining.bit_length())', 'direct("flat", W)', "specification-modelled"),
)  # fmt: skip

MATCH = (
    Misreading("the match's length has no bound", "min(run + 1, 1023)", "run + 1", "modelled-tiles"),
    Misreading("a match that failed begins anew at once", "if plane[match] == W else 0", "if plane[match] == W else 1", "modelled-one-row"),
    Misreading("a match that failed goes on", "run = min(run + 1, 1023) if plane[match] == W else 0", "run = min(run + 1, 1023)", "modelled-one-row"),
    Misreading("the match does not move", "match += 1", "match += 0", "modelled-one-row"),
    Misreading("the match goes on in the next row", "match = run = remaining = 0", "match, run, remaining = (match, run, 0) if start > 6 * stride else (0, 0, 0)", "modelled-one-column"),
    Misreading("position 0 may be a match", "if run == 0 and position > 0 and", "if run == 0 and", "specification-modelled"),
    Misreading("the entry's check is ignored", " and check == number & 0xFFFF:", ":", "grey-alpha-modelled"),
    Misreading("a match is replaced by a later one", "if run == 0 and position > 0", "if position > 0", "modelled-one-row"),
    Misreading("entries stay while there is a match", "last_seen[number >> 32 - guess_bits] = i, number & 0xFFFF", "last_seen.update({} if run else {number >> 32 - guess_bits: (i, number & 0xFFFF)})", "modelled-one-row"),
    Misreading("the first entry of a place stays", "last_seen[number >> 32 - guess_bits] = i, number & 0xFFFF", "last_seen.setdefault(number >> 32 - guess_bits, (i, number & 0xFFFF))", "modelled-one-row"),
    Misreading("the match is looked up by h40", "number = scatter(h10)", "number = scatter(h40)", "modelled-one-row"),
)  # fmt: skip

DECISIONS = (
    Misreading("the flat decision looks at h10", 'hashed_slot("flat", h40, flat_bits)', 'hashed_slot("flat", h10, flat_bits)', "modelled-one-row"),
    Misreading("the flat decision does not know what is foretold", "run.bit_length(), run > 0 and plane[match] == W", "run.bit_length(), run > 0", "modelled-one-row"),
    Misreading("the first guess is always W", "(N, W) if W == NW else (W, N)", "(W, N)", "grey-alpha-modelled"),
    Misreading("edges continue from N = NW", "(N, W) if W == NW else (W, N)", "(W, N) if N == NW else (N, W)", "grey-alpha-modelled"),
    Misreading("NW is tried before NE", "for index in (NE, NW, WW) if index", "for index in (NW, NE, WW) if index", "grey-alpha-modelled"),
    Misreading("the last resort of the second guess is WW", "if index != c1), NN)", "if index != c1), WW)", "grey-alpha-modelled"),
    Misreading("two colours have two guesses", "if colors == 2:", "if False:", "rgba-2-one-clear"),
    Misreading("NEE is left out of the comparisons", "(NW, NE, WW, NN, N, W, NEE, NNE)", "(NW, NE, WW, NN, N, W, NE, NNE)", "grey-alpha-modelled"),
    Misreading("c2 is compared with W instead of NW", "for index in (NE, NW, WW, NN)]", "for index in (NE, W, WW, NN)]", "grey-alpha-modelled"),
    Misreading("distances are squared", "red + 2 * green + blue >= edge", "red * red + 2 * green * green + blue * blue >= edge", "specification-modelled"),
    Misreading("green counts once", "red + 2 * green + blue >= edge", "red + green + blue >= edge", "modelled-one-row"),
    Misreading("distances begin a class later", "+ blue >= edge", "+ blue > edge", "grey-alpha-modelled"),
    Misreading("the fourth distance is that of W and NE", "distance(W, NW), distance(N, NE)", "distance(W, NW), distance(W, NE)", "grey-alpha-modelled"),
    Misreading("what is foretold counts for c1 only", "which = 1 if foretold == c1 else 2 if foretold == c2 else 0", "which = int(foretold == c1)", "modelled-one-row"),
    Misreading("c1 is asked for after a flat miss", "for guess in range(int(flat),", "for guess in range(0,", "modelled-one-pixel"),
    Misreading("an equal second guess is asked for", "1 if c1 == c2 else 2):", "2):", "modelled-one-pixel"),
    Misreading("both guesses share slots of pairs", 'pair_slot(("pair", guess), c1, c2)', 'pair_slot("pair", c1, c2)', "specification-modelled"),
    Misreading("guesses' tables share slots", "hashed_slot(n, h, guess_bits, guess)", 'hashed_slot("guess", h, guess_bits, guess)', "modelled-one-row"),
)  # fmt: skip

TREE = (
    Misreading("indices above K are possible", "if right >= colors or (", "if right > colors or (", "modelled-too-long"),
    Misreading("guesses are possible", "if right >= colors or (shift == 0 and {left, right} & {c1, c2}):", "if right >= colors:", "modelled-one-row"),
    Misreading("only the first guess is known to be wrong", "(shift == 0 and {left, right} & {c1, c2})", "(shift == 0 and {left, right} & {c1})", "modelled-one-row"),
    Misreading("of two guesses it is the left one", "(right < colors and left in (c1, c2))", "(right < colors and right not in (c1, c2))", "modelled-noise"),
    Misreading("a guess is wrong even where its neighbour is none", "node = 2 * node + (right < colors and left in (c1, c2))", "node = 2 * node + (left in (c1, c2))", "modelled-noise"),
    Misreading("groups have three levels", "level = depth % 4", "level = depth % 3", "grey-alpha-modelled"),
    Misreading("hashes have the node instead of its root", "branch = MULTIPLIERS[40] * (node >> level)", "branch = MULTIPLIERS[40] * node", "grey-alpha-modelled"),
    Misreading("hashes have multiplier 39", "branch = MULTIPLIERS[40] * ", "branch = MULTIPLIERS[39] * ", "modelled-one-column"),
    Misreading("the mean is a sum", "mean = side(node, W) + side(node, N) >> 1", "mean = side(node, W) + side(node, N)", "grey-alpha-modelled"),
    Misreading("the slope is W + NW - N", "side(node, W) + side(node, N) - side(node, NW)", "side(node, W) - side(node, N) + side(node, NW)", "modelled-one-column"),
    Misreading("far is W and WW", "far = side(node, WW) + side(node, NN) >> 1", "far = side(node, WW) + side(node, W) >> 1", "modelled-one-row"),
    Misreading("pairs are with NW", "enumerate((W, N, NE)))", "enumerate((W, N, NW)))", "modelled-one-column"),
    Misreading("tables of pairs are one", 'pair_slot(("tree", j), index, node)', 'pair_slot("tree", index, node)', "modelled-one-row"),
    Misreading("the first hash is of h10", 'hashed_slot("tree 4", h4 + branch', 'hashed_slot("tree 4", h10 + branch', "modelled-one-row"),
    Misreading("steps are rounded to the nearest", "clamp((number >> down) + half,", "clamp((number + (1 << down - 1) >> down) + half,", "modelled-one-column"),
    Misreading("sides have no last step", "+ half, 0, 2 * half - 1)", "+ half, 0, 2 * half)", "modelled-grey"),
    Misreading("the slope has 8 steps", "steps(slope, 12, 16)", "steps(slope, 13, 8)", "order-rgba"),
    Misreading("slots of sides know no depth", 'direct("side 1", depth,', 'direct("side 1",', "modelled-one-column"),
    Misreading("the match counts where its index is elsewhere", "if run and foretold + leaves >> shift + 1 == node:", "if run:", "modelled-one-row"),
    Misreading("the match's slot does not know its length", "ahead = run.bit_length(), foretold >> shift & 1", "ahead = foretold >> shift & 1", "modelled-one-row"),
    Misreading("means are rounded to whole samples", "([16 * c // half[3] for c", "([c // half[3] * 16 for c", "grey-alpha-modelled"),
    Misreading("a split is never too short", "norm = max(sum(c * c for c in line), 16)", "norm = max(sum(c * c for c in line), 1)", "modelled-close-colours"),
    Misreading("axes are of 2^18", "c * (1 << 19) // norm", "c * (1 << 18) // norm", "modelled-one-column"),
    Misreading("middles are rounded up", "middle = [a + b >> 1 for", "middle = [a + b + 1 >> 1 for", "rgba-modelled"),
)  # fmt: skip

MISREADINGS = (
    *HEAD,
    *PALETTE,
    *METADATA,
    *PACKED,
    *TABLES,
    *RANGE_DECODER,
    *SLOTS,
    *MIXER,
    *NEIGHBOURS,
    *SPANS,
    *MATCH,
    *DECISIONS,
    *TREE,
)

UNOBSERVABLE = (
    Unobservable(
        "metadata of more than 2^22 bytes are read",
        'varint("the length of the metadata", 1, 2**22)',
        'varint("the length of the metadata", 1, 2**23)',
        "only a vector of 4 MB could show it",
    ),
    Unobservable(
        "metadata of 2^22 bytes are refused",
        'varint("the length of the metadata", 1, 2**22)',
        'varint("the length of the metadata", 1, 2**22 - 1)',
        "only a vector of 4 MB could show it",
    ),
    Unobservable(
        "a height of 2^31 - 1 is refused",
        '"the height", 1, 2**31 - 1',
        '"the height", 1, 2**31 - 2',
        "such an image has 2^31 pixels, more than most readers take",
    ),
    Unobservable(
        "65,536 stripes are refused",
        "stripe_count <= 65_536",
        "stripe_count <= 65_535",
        "such an image has nearly 2^28 pixels, because a stripe has at least 4,096",
    ),
    Unobservable(
        "a body ends before the last byte that is read",
        "if coder.position < len(body):",
        "if coder.position <= len(body):",
        "the last interval holds a number that ends in four zero bytes, which are left out",
    ),
    Unobservable(
        "a height of 0 is read",
        'varint("the height", 1,',
        'varint("the height", 0,',
        "the stripe rows are at least 1 and at most the height",
    ),
    Unobservable(
        "a width above 2^22 is read",
        'varint("the width", 1, 2**22)',
        'varint("the width", 1, 2**31)',
        "a stripe has at least one row, and at most 2^22 pixels",
    ),
    Unobservable(
        "varints may take 10 bytes",
        "require(place < 9,",
        "require(place < 10,",
        "in their shortest form they are at least 2^63, above the bound of every field",
    ),
    Unobservable(
        "the least state comes from 2^31 - 1",
        "2**31 // colours * colours",
        "(2**31 - 1) // colours * colours",
        "the quotient is the same for every K that does not divide 2^31",
    ),
    Unobservable(
        "squash ends at 5",
        "SQUASH = [4] +",
        "SQUASH = [5] +",
        "mixes are clamped to -3071, and the search of stretch asks for at least 8",
    ),
    Unobservable(
        "log-odds are clamped to -3072",
        "clamp(dot, -3071, 3071)",
        "clamp(dot, -3072, 3071)",
        "squash is 4 for both",
    ),
    Unobservable(
        "sums are not reduced before they are scattered",
        "(number & MASK) * 0x2C1B3C6D",
        "number * 0x2C1B3C6D",
        "the product is reduced",
    ),
    Unobservable(
        "words are read at 2^32 too",
        "if self.span < 1 << 32:",
        "if self.span <= 1 << 32:",
        "the next decision reads the same word and leaves the same state",
    ),
    Unobservable(
        "NE comes before NW in the comparisons",
        "(NW, NE, WW, NN, N, W, NEE, NNE)",
        "(NE, NW, WW, NN, N, W, NEE, NNE)",
        "it only gives other names to slots and weight sets",
    ),
    Unobservable(
        "c1 and c2 are named the other way round where one is foretold",
        "which = 1 if foretold == c1 else 2 if",
        "which = 2 if foretold == c1 else 1 if",
        "it only gives other names to slots",
    ),
)
