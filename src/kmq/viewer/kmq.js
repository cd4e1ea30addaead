// Decodes .kmq images. Written from the specification, ../kmq-1.md; "section" refers to it.

/** An error that says whose fault it is: "file", "limit" or "caller". */
export class KmqError extends Error {
  constructor(fault, message) {
    super(message);
    this.name = "KmqError";
    this.fault = fault;
  }
}

const damaged = (message) => new KmqError("file", message);

/** The most pixels that are decoded unless the caller says otherwise. */
export const MAX_PIXELS = 2 ** 28;

const SIGNATURE = [0x89, 0x4b, 0x4d, 0x51];
const LAYOUTS = [
  { name: "grey", samples: 1, hasColor: false, hasAlpha: false },
  { name: "rgb", samples: 3, hasColor: true, hasAlpha: false },
  { name: "rgba", samples: 4, hasColor: true, hasAlpha: true },
  { name: "grey-alpha", samples: 2, hasColor: false, hasAlpha: true },
];
const OF_LABELS = { name: "labels", samples: 2, hasColor: false, hasAlpha: false };
const ORDERED = 4;
const DESCRIBED = 8;
const LABELS = 16;
const PACKED = 0;
const MODELLED = 1;
const MAX_COLORS = 65536;
const MAX_STRIPES = 65536;
const MAX_STRIPE_PIXELS = 2 ** 22;
const MIN_STRIPE_PIXELS = 4096;
const MAX_METADATA_BYTES = 2 ** 22;
const CHECKSUM_BYTES = 4;
const MARGIN = 8; // columns at each side of a modelled stripe
const ROWS_ABOVE = 5;

const bitLength = (number) => 32 - Math.clz32(number);
const clamp = (number, low, high) => Math.min(Math.max(number, low), high);

/**
 * Return what the head of a file says, without its pixels. Bytes after the head are not
 * looked at, so the beginning of a file suffices.
 */
export function info(bytes) {
  const head = readHead(asBytes(bytes));
  const { width, height, colors, layout, hasAlpha, stripeRows, bytes: fileBytes } = head;
  const stripes = head.stripes.map(({ rows, coding, length }) => ({
    rows,
    coding: coding === PACKED ? "packed" : "modelled",
    bytes: length,
  }));
  return { width, height, colors, layout, hasAlpha, stripeRows, stripes, fileBytes };
}

/**
 * Decode a file, or those rows of it from rows[0] up to, but not including, rows[1].
 * A file of more pixels than `maxPixels` is refused.
 */
export function decode(bytes, { rows, maxPixels = MAX_PIXELS } = {}) {
  const file = asBytes(bytes);
  if (!(maxPixels >= 0)) throw new KmqError("caller", `maxPixels is ${maxPixels}, not a number`);
  const head = readHead(file);
  const [first, end] = chosenRows(rows, head.height);
  const { width, colors, order } = head;
  const pixels = width * (end - first);
  if (pixels > maxPixels) {
    throw new KmqError("limit", `${pixels} pixels are more than maxPixels, ${maxPixels}`);
  }
  if (head.bytes !== file.length) {
    throw damaged(
      head.bytes > file.length
        ? `the file is cut short: ${file.length} of ${head.bytes} bytes`
        : `bytes follow the end of the file: ${file.length - head.bytes}`,
    );
  }
  const indices = allocated(colors <= 256 ? Uint8Array : Uint16Array, pixels);
  const decoder = new StripeDecoder(head);
  let top = 0;
  for (const stripe of head.stripes) {
    const from = Math.max(first, top);
    const to = Math.min(end, top + stripe.rows);
    if (from < to) {
      const body = checkedPart(file, stripe.start, stripe.length, "a stripe");
      const decoded = decoder.decode(stripe, body).subarray((from - top) * width, (to - top) * width);
      const at = (from - first) * width;
      if (order) for (let i = 0; i < decoded.length; i++) indices[at + i] = order[decoded[i]];
      else indices.set(decoded, at);
    }
    top += stripe.rows;
  }
  return new KmqImage({
    width,
    height: end - first,
    layout: head.layout,
    palette: inOrder(head.palette, order, 4),
    labels: head.labels && inOrder(head.labels, order, 1),
    indices,
    hasAlpha: head.hasAlpha,
    metadata: readMetadata(file, head),
  });
}

/** A picture: a palette, and the index of its colour for each pixel. */
export class KmqImage {
  constructor(fields) {
    Object.assign(this, fields);
  }

  /** Return the samples of all pixels: red, green, blue and alpha, row by row. */
  toRGBA() {
    const { palette, indices } = this;
    const colors = new Uint32Array(palette.buffer, palette.byteOffset, palette.length / 4);
    const pixels = allocated(Uint32Array, indices.length);
    for (let i = 0; i < indices.length; i++) pixels[i] = colors[indices[i]];
    return new Uint8ClampedArray(pixels.buffer);
  }

  /** Return the picture as ImageData or, where there is no such class, an object like it. */
  toImageData() {
    const { width, height } = this;
    const data = this.toRGBA();
    if (typeof ImageData === "function") return new ImageData(data, width, height);
    return { data, width, height, colorSpace: "srgb" };
  }
}

// ---- The file (section 3) ----

/** Reads numbers one after the other, and refuses what ends early. */
class Reader {
  constructor(bytes, at, end, whole) {
    Object.assign(this, { bytes, at, end, whole });
  }

  part(length, what) {
    if (length > this.end - this.at) throw damaged(`the ${this.whole} ends within the ${what}`);
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  byte(what) {
    return this.part(1, what)[0];
  }

  /** Return a varint. From 2^53 on it is not exact, which is far above all limits. */
  varint(what) {
    let number = 0;
    for (let place = 0; place < 9; place++) {
      const byte = this.byte(what);
      number += (byte & 0x7f) * 2 ** (7 * place);
      if (byte >= 0x80) continue;
      if (byte === 0 && place > 0) throw damaged(`the ${what} is not in its shortest form`);
      return number;
    }
    throw damaged(`the ${what} is longer than 9 bytes`);
  }

  varintIn(low, high, what) {
    const number = this.varint(what);
    if (number >= low && number <= high) return number;
    throw damaged(`the ${what} is ${number}, outside ${low} to ${high}`);
  }
}

function readHead(bytes) {
  const reader = new Reader(bytes, 0, bytes.length, "file");
  if (SIGNATURE.some((byte) => reader.byte("signature") !== byte)) {
    throw damaged("not a .kmq file: its first four bytes are not 89 4B 4D 51");
  }
  const version = reader.byte("version");
  if (version !== 1) throw damaged(`version ${version} of the format is not known, only 1`);
  const kind = reader.byte("kind");
  if (kind >= 32 || (kind & LABELS && kind & 3)) throw damaged(`kind ${kind} is not known`);
  const layout = kind & LABELS ? OF_LABELS : LAYOUTS[kind & 3];
  const width = reader.varintIn(1, 2 ** 22, "width");
  const height = reader.varintIn(1, 2 ** 31 - 1, "height");
  const colors = reader.varintIn(1, MAX_COLORS, "number of colours");
  const stripeRows = reader.varintIn(1, height, "number of stripe rows");
  const stripePixels = stripeRows * width;
  const count = Math.ceil(height / stripeRows);
  if (count > MAX_STRIPES) throw damaged(`${count} stripes are more than ${MAX_STRIPES}`);
  if (stripePixels > MAX_STRIPE_PIXELS) {
    throw damaged(`stripes of ${stripePixels} pixels are more than ${MAX_STRIPE_PIXELS}`);
  }
  const least = Math.max(MIN_STRIPE_PIXELS, colors);
  if (count > 1 && stripePixels < least) {
    throw damaged(`stripes of ${stripePixels} pixels are less than ${least}`);
  }
  const entries = reader.part(colors * layout.samples, "palette");
  const bits = bitLength(colors - 1);
  const coded = kind & ORDERED ? reader.part(Math.ceil((colors * bits) / 8), "order") : null;
  const metadataBytes =
    kind & DESCRIBED ? reader.varintIn(1, MAX_METADATA_BYTES, "length of the metadata") : 0;
  const stripes = [];
  for (let i = 0; i < count; i++) {
    const rows = Math.min(stripeRows, height - i * stripeRows);
    const coding = reader.byte("stripe table");
    if (coding > MODELLED) throw damaged(`coding ${coding} of stripe ${i + 1} is not known`);
    if (coding === MODELLED && rows * (width + 2 * MARGIN) > MAX_STRIPE_PIXELS) {
      throw damaged(`stripe ${i + 1}: ${width} x ${rows} pixels are too many to be modelled`);
    }
    stripes.push({ rows, coding, length: reader.varint("stripe table") });
  }
  checkChecksum(bytes, 0, reader.at, reader.part(CHECKSUM_BYTES, "head checksum"), "head");
  let start = reader.at;
  for (const stripe of stripes) {
    stripe.start = start;
    start += stripe.length + CHECKSUM_BYTES;
  }
  const end = start + (metadataBytes && metadataBytes + CHECKSUM_BYTES);
  const order = coded && readOrder(coded, colors, bits);
  const labels = layout === OF_LABELS ? readLabels(entries) : null;
  const palette = readPalette(entries, layout, labels, colors);
  const hasAlpha = palette.some((sample, i) => i % 4 === 3 && sample < 255);
  const metadata = { start, length: metadataBytes };
  return {
    ...{ width, height, colors, bits, layout: layout.name, stripeRows, stripes },
    ...{ palette, labels, hasAlpha, order, metadata, bytes: end },
  };
}

function readOrder(coded, colors, bits) {
  const order = new Uint16Array(colors);
  const isNamed = new Uint8Array(colors);
  unpack(coded, bits, order, "order of the palette");
  for (const index of order) {
    if (index >= colors || isNamed[index]) {
      throw damaged("the order of the palette does not name each entry once");
    }
    isNamed[index] = 1;
  }
  return order;
}

function readLabels(entries) {
  return Uint16Array.from({ length: entries.length / 2 }, (_, i) => entries[2 * i] | (entries[2 * i + 1] << 8));
}

/** Return red, green, blue and alpha of each entry as it is stored. */
function readPalette(entries, layout, labels, colors) {
  const palette = new Uint8ClampedArray(4 * colors).fill(255);
  const shift = labels?.some((label) => label > 255) ? 8 : 0;
  for (let i = 0; i < colors; i++) {
    const at = i * layout.samples;
    const grey = labels ? labels[i] >> shift : entries[at];
    palette[4 * i] = grey;
    palette[4 * i + 1] = layout.hasColor ? entries[at + 1] : grey;
    palette[4 * i + 2] = layout.hasColor ? entries[at + 2] : grey;
    if (layout.hasAlpha) palette[4 * i + 3] = entries[at + layout.samples - 1];
  }
  return palette;
}

/** Return the entries at the places that the order gives them. */
function inOrder(entries, order, size) {
  if (!order) return entries;
  const placed = entries.slice();
  order.forEach((index, stored) => {
    for (let i = 0; i < size; i++) placed[index * size + i] = entries[stored * size + i];
  });
  return placed;
}

function asBytes(bytes) {
  if (ArrayBuffer.isView(bytes)) {
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  if (/ArrayBuffer\]$/.test(Object.prototype.toString.call(bytes))) return new Uint8Array(bytes);
  throw new KmqError("caller", "the bytes of a file are an ArrayBuffer or a Uint8Array");
}

function chosenRows(rows, height) {
  const [first, end] = rows ?? [0, height];
  if (Number.isInteger(first) && Number.isInteger(end) && 0 <= first && first < end && end <= height) {
    return [first, end];
  }
  throw new KmqError("caller", `rows are ${rows}, not two whole numbers from 0 to ${height}`);
}

function allocated(type, length) {
  try {
    return new type(length);
  } catch {
    throw new KmqError("limit", `there is no memory for ${length} pixels`);
  }
}

/** Return a part of a file behind which its checksum is stored. */
function checkedPart(file, start, length, what) {
  const end = start + length;
  checkChecksum(file, start, end, file.subarray(end, end + CHECKSUM_BYTES), what);
  return file.subarray(start, end);
}

function checkChecksum(bytes, start, end, stored, what) {
  const [a, b, c, d] = stored;
  if (crc32(bytes, start, end) !== (a | (b << 8) | (c << 16) | (d << 24))) {
    throw damaged(`the checksum of the ${what} does not match: it is damaged`);
  }
}

const CRC_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0xedb88320 : byte >>> 1;
  return byte;
});

function crc32(bytes, start, end) {
  let crc = -1;
  for (let i = start; i < end; i++) crc = (crc >>> 8) ^ CRC_TABLE[(crc ^ bytes[i]) & 255];
  return ~crc;
}

// ---- Metadata (section 3.4) ----

const RESOLUTION = 1;
const EXIF = 2;
const XMP = 3;
const TEXT = 4;
const MAX_TEXTS = 1024;

/** Return the metadata, or null if they are damaged. */
function readMetadata(file, { metadata: { start, length } }) {
  const metadata = { items: [], resolution: null, exif: null, xmp: null, texts: [] };
  if (length === 0) return metadata;
  try {
    readItems(checkedPart(file, start, length, "metadata"), metadata);
  } catch (error) {
    if (error instanceof KmqError) return null;
    throw error;
  }
  return metadata;
}

function readItems(bytes, metadata) {
  const reader = new Reader(bytes, 0, bytes.length, "metadata");
  let before = 0;
  while (reader.at < bytes.length) {
    const kind = reader.byte("kind of an item");
    if (kind < before || (kind === before && kind !== TEXT)) {
      throw damaged("the kinds of metadata do not ascend");
    }
    before = kind;
    const payload = reader.part(reader.varint("length of an item"), "payload of an item").slice();
    metadata.items.push({ kind, payload });
    if (kind === RESOLUTION) metadata.resolution = readResolution(payload);
    if (kind === EXIF) metadata.exif = payload;
    if (kind === XMP) metadata.xmp = payload;
    if (kind === TEXT) metadata.texts.push(readText(payload));
  }
  if (metadata.texts.length > MAX_TEXTS) throw damaged(`more than ${MAX_TEXTS} texts`);
}

/** Return pixels per inch, across and down, each as a numerator and a denominator. */
function readResolution(payload) {
  const reader = new Reader(payload, 0, payload.length, "resolution");
  const numbers = [0, 1, 2, 3].map(() => reader.varintIn(1, 2 ** 32 - 1, "number"));
  if (reader.at < payload.length) throw damaged("bytes follow the resolution");
  return numbers;
}

function readText(payload) {
  const end = payload.indexOf(0);
  if (end < 1 || end > 255) throw damaged("a keyword has 1 to 255 bytes");
  const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  try {
    return {
      keyword: utf8.decode(payload.subarray(0, end)),
      text: utf8.decode(payload.subarray(end + 1)),
    };
  } catch {
    throw damaged("a text is not UTF-8");
  }
}

// ---- Coding 0: packed (section 4) ----

function decodePacked(body, { colors, bits }, indices) {
  if (colors === 2 ** bits) {
    const length = Math.ceil((indices.length * bits) / 8);
    if (body.length !== length) {
      throw damaged(`a packed body has ${body.length} bytes, not ${length}`);
    }
    unpack(body, bits, indices, "packed body");
  } else {
    decodeDigits(body, colors, indices);
  }
}

/** Read fields of `bits` bits, the most significant bit first (section 4.1). */
function unpack(bytes, bits, fields, what) {
  const mask = 2 ** bits - 1;
  let buffer = 0;
  let left = 0;
  let at = 0;
  for (let i = 0; i < fields.length; i++) {
    while (left < bits) {
      buffer = (buffer << 8) | bytes[at++]; // old bits leave at the top
      left += 8;
    }
    left -= bits;
    fields[i] = (buffer >>> left) & mask;
  }
  if (buffer & (2 ** left - 1)) throw damaged(`the padding of the ${what} is not zero`);
}

/**
 * Read the digits in base K of one large number (section 4.2). The state of 63 bits is kept in
 * two halves of 32, and divided like a number of two digits: no step exceeds 2^48.
 */
function decodeDigits(body, base, indices) {
  const lowest = Math.floor(2 ** 31 / base) * base;
  if (body.length < 8 || body.length % 4 !== 0) {
    throw damaged(`a packed body of base ${base} cannot have ${body.length} bytes`);
  }
  const words = new DataView(body.buffer, body.byteOffset, body.length);
  let low = words.getUint32(0, true);
  let high = words.getUint32(4, true);
  let at = 8;
  if (high >= lowest || (high === 0 && low < lowest)) {
    throw damaged("the state of a packed body is out of its range");
  }
  for (let i = 0; i < indices.length; i++) {
    const quotient = Math.floor(high / base);
    const rest = (high - quotient * base) * 2 ** 32 + low;
    high = quotient;
    low = Math.floor(rest / base);
    indices[i] = rest - low * base;
    if (high === 0 && low < lowest) {
      if (at === body.length) throw damaged("a packed body ends before its indices");
      high = low;
      low = words.getUint32(at, true);
      at += 4;
    }
  }
  if (high !== 0 || low !== lowest || at < body.length) {
    throw damaged("a packed body does not end where its indices end");
  }
}

// ---- Coding 1: modelled (section 5) ----

const KNOTS = [
  ...[32768, 28693, 24743, 21025, 17625, 14595, 11955, 9702, 7812, 6249, 4971, 3938, 3108, 2446],
  ...[1921, 1506, 1179, 922, 720, 562, 439, 342, 267, 208, 162, 126, 98, 77, 60, 47, 36, 28, 22],
  ...[17, 13, 10, 8, 6, 5, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4],
];
const MOST_ODDS = 3071;

function falling(a) {
  const knot = a >> 6;
  const part = a & 63;
  return (KNOTS[knot] * (64 - part) + KNOTS[knot + 1] * part) >> 6;
}

/** SQUASH[a + MOST_ODDS] = squash(a). */
const SQUASH = Int32Array.from({ length: 2 * MOST_ODDS + 1 }, (_, i) =>
  i < MOST_ODDS ? falling(MOST_ODDS - i) : 65536 - falling(i - MOST_ODDS),
);

const STRETCH = new Int32Array(4096);
for (let c = 0, a = -MOST_ODDS; c < 4096; c++) {
  while (SQUASH[a + MOST_ODDS] < 16 * c + 8) a++;
  STRETCH[c] = clamp(a, -2047, 2047);
}

const MOST_COUNT = 60;
const RATE = Int32Array.from({ length: MOST_COUNT + 1 }, (_, count) =>
  Math.floor(163840 / (10 * count + 13)),
);
const CONFIDENCE = Uint8Array.from({ length: MOST_COUNT + 1 }, (_, count) =>
  [1, 2, 5, 24].filter((least) => count >= least).length,
);

// A slot has the probability in its upper 18 bits, the check in 8, and the count in 6.
const FRESH_SLOT = 2 ** 17 << 14;
const FRESH_WEIGHT = 5500;

/** MULTIPLIERS[i] is M[i] of section 5.3. */
const MULTIPLIERS = new Int32Array(41);
for (let i = 0, power = 1; i < 41; i++) {
  power = Math.imul(power, 0x9e3779b1);
  MULTIPLIERS[i] = power;
}

function scatter(a) {
  a = Math.imul(a, 0x2c1b3c6d);
  a = Math.imul(a ^ (a >>> 15), 0x297a2d39);
  return a ^ (a >>> 13);
}

/** The 40 neighbours of a pixel X, by number (section 5.6): columns from -6 on, rows from -5. */
const NEIGHBOUR_MAP = `
  .   .   .   .   .   .  33   .   .   .   .   .   .
  .   .   .   .  32  30  28  29  31   .   .   .   .
  .   .   .  36  22  17  11  16  21  35   .   .   .
  .   .  27  20  15   8   5   6  14  19  26   .   .
  .  38  24  13   9   2   1   3   7  12  23  37  39
 34  25  18  10   4   0   X   .   .   .   .   .   .`
  .trim()
  .split("\n")
  .map((row) => row.trim().split(/ +/));

/** Return how far from a pixel its neighbours are, in a plane of rows of `stride` places. */
function neighbourDistances(stride) {
  const distances = new Int32Array(40);
  NEIGHBOUR_MAP.forEach((row, y) =>
    row.forEach((number, x) => {
      if (number < 40) distances[number] = (y - 5) * stride + x - 6;
    }),
  );
  return distances;
}

const COLOR_DISTANCE = Uint8Array.from({ length: 4 * 255 + 1 }, (_, distance) =>
  [1, 16, 32, 56, 96, 160, 280].filter((least) => distance >= least).length,
);

/** What coding 1 knows of a palette: its colours, and on which side of each split they lie. */
class PaletteTree {
  constructor({ palette, colors, bits }) {
    const leaves = 2 ** bits;
    this.samples = Int32Array.from({ length: 4 * colors }, (_, i) => {
      const alpha = palette[i | 3];
      return Math.floor((alpha * palette[i] + (255 - alpha) * 128 + 127) / 255);
    });
    // Of each node: the sums of red, green and blue, and the number of leaves.
    const sums = new Int32Array(8 * leaves);
    for (let i = 0; i < 4 * colors; i++) {
      sums[4 * leaves + i] = i % 4 === 3 ? 1 : this.samples[i];
    }
    for (let i = 4 * leaves - 1; i >= 4; i--) {
      const left = 8 * (i >> 2) + (i & 3);
      sums[i] = sums[left] + sums[left + 4];
    }
    // Of each node: its axis in red, green and blue, and the offset.
    this.axes = new Int32Array(4 * leaves);
    for (let node = 1; node < leaves; node++) {
      const [left, right] = [8 * node, 8 * node + 4];
      if (sums[right + 3] === 0) continue;
      const mean = (half, i) => Math.floor((16 * sums[half + i]) / sums[half + 3]);
      const line = [0, 1, 2].map((i) => mean(right, i) - mean(left, i));
      const norm = Math.max(line[0] ** 2 + line[1] ** 2 + line[2] ** 2, 16);
      let offset = 0;
      for (let i = 0; i < 3; i++) {
        const axis = Math.floor((line[i] * 2 ** 19) / norm);
        this.axes[4 * node + i] = axis;
        offset -= ((mean(left, i) + mean(right, i)) >> 1) * axis;
      }
      this.axes[4 * node + 3] = offset >> 4;
    }
  }

  /** Return the distance of two colours, 0 to 7. */
  distance(a, b) {
    const { samples } = this;
    const red = Math.abs(samples[4 * a] - samples[4 * b]);
    const green = Math.abs(samples[4 * a + 1] - samples[4 * b + 1]);
    const blue = Math.abs(samples[4 * a + 2] - samples[4 * b + 2]);
    return COLOR_DISTANCE[red + 2 * green + blue];
  }
}

/** Finds yes or no for one decision after the other, and learns (sections 5.2, 5.4, 5.5). */
class DecisionDecoder {
  constructor(body, slotCount, weightCount) {
    this.body = body;
    this.at = 0;
    this.range = Float64Array.of(0, 2 ** 48); // low and span
    this.slots = new Int32Array(slotCount).fill(FRESH_SLOT);
    this.weights = new Int32Array(weightCount).fill(FRESH_WEIGHT);
    // Of each input of a decision: its slot's place and check, the slot, and its log-odds.
    this.places = new Int32Array(9);
    this.checks = new Int32Array(9);
    this.found = new Int32Array(9);
    this.odds = new Int32Array(9);
    for (let i = 0; i < 3; i++) this.range[0] = this.range[0] * 65536 + this.nextWord();
  }

  /** Take the slot of an input, and return its confidence. */
  look(input, place, check) {
    let slot = this.slots[place];
    if (((slot >>> 6) & 255) !== check) slot = FRESH_SLOT;
    this.places[input] = place;
    this.checks[input] = check;
    this.found[input] = slot;
    this.odds[input] = STRETCH[slot >>> 20];
    return CONFIDENCE[slot & 63];
  }

  /** Decide from the inputs looked at; u and v are the first weights of the two sets. */
  decide(inputs, u, v) {
    const { slots, weights, places, checks, found, odds, range } = this;
    let sum = 0;
    for (let i = 0; i < inputs; i++) sum += odds[i] * (weights[u + i] + weights[v + i]);
    const mixed = Math.floor(sum / 65536);
    const p = SQUASH[Math.max(Math.min(mixed, MOST_ODDS), -MOST_ODDS) + MOST_ODDS];

    const bound = Math.floor(range[1] / 65536) * p;
    const yes = range[0] < bound;
    if (yes) {
      range[1] = bound;
    } else {
      range[1] -= bound;
      range[0] -= bound;
    }
    if (range[1] < 2 ** 32) {
      range[1] *= 65536;
      range[0] = range[0] * 65536 + this.nextWord();
    }

    const error = (yes ? (65536 - p) * 3 : -p * 3) >> 1;
    // For yes, the distance to the target moves instead of the probability: both go down to 0.
    const flip = yes ? 2 ** 18 - 1 : 0;
    const upwards = yes ? 0 : 2 ** 14 - 1;
    for (let i = 0; i < inputs; i++) {
      const change = (Math.imul(odds[i], error) + 32768) >> 16;
      weights[u + i] += change;
      weights[v + i] += change;
      const slot = found[i];
      const count = slot & 63;
      let distance = (count === 0 ? p << 2 : slot >>> 14) ^ flip;
      distance -= (Math.imul(distance, RATE[count]) + upwards) >>> 14; // below 2^32
      const learned = ((distance ^ flip) << 14) | (checks[i] << 6);
      slots[places[i]] = learned | Math.min(count + 1, MOST_COUNT);
    }
    return yes;
  }

  nextWord() {
    const { body, at } = this;
    this.at += 2;
    if (this.at > body.length + 8) throw damaged("a modelled body ends before its pixels");
    return ((at < body.length ? body[at] : 0) << 8) | (at + 1 < body.length ? body[at + 1] : 0);
  }

  /** Check that the body ends where a writer ends it. */
  checkEnd() {
    const { body, at } = this;
    const [low, span] = this.range;
    if (at < body.length) throw damaged("a modelled body goes on after its pixels");
    if (body[body.length - 1] === 0 && at !== body.length + 8) {
      throw damaged("a modelled body ends in a zero byte, which a writer leaves out");
    }
    let last = 0;
    for (let i = at - 6; i < at; i++) last = last * 256 + (i < body.length ? body[i] : 0);
    for (let unit = 2 ** 48; unit >= 1; unit /= 256) {
      const distance = low - last - Math.floor((low - last) / unit) * unit;
      if (distance >= span) continue;
      if (distance === low) return;
      break;
    }
    throw damaged("a modelled body does not end as a writer ends it");
  }
}

/** Decodes the pixels of one modelled stripe (sections 5.1 and 5.6 to 5.10). */
class ModelledStripe {
  constructor(body, rows, width, { colors, bits }, tree) {
    const stride = width + 2 * MARGIN;
    const size = bitLength(rows * width - 1);
    const flatBits = clamp(size - 4, 8, 16);
    const guessBits = clamp(size - 5, 8, 15);
    const treeBits = clamp(size - 6, 6, 13);
    const pairs = Math.min(4 ** bits, 65536);
    let slots = 0;
    const tables = (...sizes) => sizes.map((size) => (slots += size) - size);
    const nodes = 2 ** bits;
    const groups = 2 ** (treeBits + 4);
    this.treeTables = tables(groups, groups, pairs, pairs, pairs, nodes, bits * 1024, bits * 256, bits * 22);
    const hashed = 2 ** guessBits;
    const guess = () => tables(hashed, hashed, hashed, 4096, 4096, pairs, 33);
    this.guessTables = [guess(), guess()];
    this.spanTables = tables(nodes, 88, 120, 320);
    this.flatTables = tables(2 ** flatBits, 5, 22);
    Object.assign(this, { rows, width, stride, colors, bits, tree });
    this.flatShift = 32 - flatBits;
    this.guessShift = 32 - guessBits;
    this.treeShift = 32 - treeBits;
    this.pairMask = pairs - 1;
    this.decisions = new DecisionDecoder(body, slots, 7 * 4 + 26 * 3 + 562 * 7 + 281 * 9);
    this.plane = new Uint16Array((rows + ROWS_ABOVE) * stride);
    this.near = neighbourDistances(stride);
    this.earlier = new Int32Array(2 * hashed); // positions, and their checks
    this.match = 0;
    this.run = 0;
  }

  decode(indices) {
    const { plane, rows, width, stride } = this;
    for (let row = 0; row < rows; row++) {
      const start = (row + ROWS_ABOVE) * stride + MARGIN;
      const end = start + width;
      plane.fill(plane[start - stride], start - MARGIN, start);
      this.decodeRow(start, end);
      plane.fill(plane[end - 1], end, end + MARGIN);
      indices.set(plane.subarray(start, end), row * width);
    }
    this.decisions.checkEnd();
  }

  decodeRow(start, end) {
    const { plane } = this;
    let brokenEnd = start;
    this.run = 0;
    for (let at = start; at < end; ) {
      const west = plane[at - 1];
      this.follow(west);
      if (at >= brokenEnd && this.isFlat(at)) {
        const length = this.spanLength(at, end);
        if (this.decideSpan(at, length)) {
          plane.fill(west, at, at + length);
          this.match += length - 1;
          at += length;
          continue;
        }
        brokenEnd = at + length;
      }
      const breaks = at < brokenEnd;
      if (breaks) {
        if (brokenEnd - at > 1 && this.decideFlat(at, brokenEnd - at)) {
          plane[at++] = west;
          continue;
        }
        brokenEnd = at;
      }
      plane[at] = this.decodePixel(at, breaks);
      at++;
    }
  }

  follow(west) {
    if (this.run === 0) return;
    this.run = this.plane[this.match] === west ? Math.min(this.run + 1, 1023) : 0;
    this.match++;
  }

  /** Return h4, h10 or h40 of section 5.6. */
  hash(at, count, first = 0, sum = 0) {
    const { plane, near } = this;
    for (let i = first; i < count; i++) {
      sum = (sum + Math.imul(MULTIPLIERS[i], plane[at + near[i]])) | 0;
    }
    return sum;
  }

  // -- Flat spans (section 5.8) --

  isFlat(at) {
    const { plane, near } = this;
    const west = plane[at - 1];
    for (let i = 1; i < 10; i++) if (plane[at + near[i]] !== west) return false;
    return true;
  }

  spanLength(at, end) {
    const { plane, stride } = this;
    const west = plane[at - 1];
    const most = Math.min(end - at, 63);
    let length = 1;
    // The other neighbours of the next pixel are neighbours of the pixels before.
    while (
      length < most &&
      plane[at + length + 2 - stride] === west &&
      plane[at + length + 1 - 2 * stride] === west
    ) {
      length++;
    }
    return length;
  }

  decideSpan(at, length) {
    const { plane, stride, decisions, run, match, spanTables } = this;
    const west = plane[at - 1];
    const reach = (from, step, most) => {
      let count = 0;
      while (count < most && plane[from + count * step] === west) count++;
      return count;
    };
    let isPredicted = run > 0 ? 1 : 0;
    for (let i = 0; i < length && isPredicted; i++) {
      if (match + i < at && plane[match + i] !== west) isPredicted = 0;
    }
    let rowsAbove = 0;
    while (
      rowsAbove < 3 &&
      plane[at - (rowsAbove + 3) * stride] === west &&
      plane[at - (rowsAbove + 3) * stride + length - 1] === west
    ) {
      rowsAbove++;
    }
    const right = at + length;
    const first = reach(right + 2 - stride, 1, 3);
    const second = reach(right + 1 - 2 * stride, 1, 4);
    const third = reach(right - 3 * stride, 1, 5);
    const left = reach(at - 3, -1, 3) * 4 + reach(at - 3 - stride, -1, 3);
    const [ofWest, ofRun, ofEast, ofSides] = spanTables;
    decisions.look(0, ofWest + west, 0);
    decisions.look(1, ofRun + (bitLength(run) * 2 + isPredicted) * 4 + rowsAbove, 0);
    decisions.look(2, ofEast + (first * 5 + second) * 6 + third, 0);
    decisions.look(3, ofSides + (first * 5 + second) * 16 + left, 0);
    return decisions.decide(4, 0, 4 * bitLength(length));
  }

  decideFlat(at, remaining) {
    const { plane, decisions, run, match, flatTables } = this;
    const west = plane[at - 1];
    const key = scatter(this.hash(at, 40));
    const isPredicted = run > 0 && plane[match] === west ? 1 : 0;
    const [hashed, ofRemaining, ofRun] = flatTables;
    decisions.look(0, ofRemaining + bitLength(remaining) - 2, 0);
    const first = decisions.look(1, hashed + (key >>> this.flatShift), key & 255);
    const second = decisions.look(2, ofRun + bitLength(run) * 2 + isPredicted, 0);
    const sets = 28;
    return decisions.decide(3, sets, sets + 3 * (1 + first * 5 + second));
  }

  // -- Other pixels (sections 5.7, 5.9 and 5.10) --

  decodePixel(at, breaks) {
    const { plane, near, colors } = this;
    const h4 = this.hash(at, 4);
    const h10 = this.hash(at, 10, 4, h4);
    this.search(at, scatter(h10));
    const W = plane[at - 1];
    const N = plane[at + near[1]];
    const NW = plane[at + near[2]];
    const NE = plane[at + near[3]];
    const WW = plane[at + near[4]];
    const NN = plane[at + near[5]];
    const c1 = W === NW ? N : W;
    let c2 = W === NW ? W : N;
    if (c1 === c2) c2 = NE !== c1 ? NE : NW !== c1 ? NW : WW !== c1 ? WW : NN;
    if (colors === 2) c2 = c1;
    if (!breaks) {
      const equal =
        (NW === c1 ? 1 : 0) |
        (NE === c1 ? 2 : 0) |
        (WW === c1 ? 4 : 0) |
        (NN === c1 ? 8 : 0) |
        (N === c1 ? 16 : 0) |
        (W === c1 ? 32 : 0) |
        (plane[at + near[7]] === c1 ? 64 : 0) |
        (plane[at + near[6]] === c1 ? 128 : 0) |
        (NE === c2 ? 256 : 0) |
        (NW === c2 ? 512 : 0) |
        (WW === c2 ? 1024 : 0) |
        (NN === c2 ? 2048 : 0);
      const { tree } = this;
      const distances =
        (tree.distance(W, N) << 9) |
        (tree.distance(N, NW) << 6) |
        (tree.distance(W, NW) << 3) |
        tree.distance(N, NE);
      const keys = [scatter(h4), scatter(h10), scatter(this.hash(at, 40, 10, h10))];
      if (this.decideGuess(0, c1, c2, equal, distances, keys)) return c1;
      if (c2 !== c1 && this.decideGuess(1, c1, c2, equal, distances, keys)) return c2;
    }
    return this.decodeTree(h4, h10, c1, c2, W, N, NW, NE, WW, NN);
  }

  search(at, key) {
    const { earlier } = this;
    const entry = 2 * (key >>> this.guessShift);
    const check = key & 0xffff;
    if (this.run === 0 && earlier[entry + 1] === check && earlier[entry] > 0) {
      this.match = earlier[entry];
      this.run = 1;
    }
    earlier[entry] = at;
    earlier[entry + 1] = check;
  }

  decideGuess(number, c1, c2, equal, distances, keys) {
    const { decisions, guessShift, run } = this;
    const tables = this.guessTables[number];
    const predicted = run > 0 ? this.plane[this.match] : -1;
    const hit = predicted === c1 ? 0 : predicted === c2 ? 1 : 2;
    const pair = (c1 << this.bits) | c2;
    decisions.look(0, tables[3] + equal, 0);
    decisions.look(1, tables[4] + distances, 0);
    decisions.look(2, tables[5] + (pair & this.pairMask), (pair >>> 16) & 255);
    decisions.look(3, tables[0] + (keys[0] >>> guessShift), keys[0] & 255);
    const first = decisions.look(4, tables[1] + (keys[1] >>> guessShift), keys[1] & 255);
    const second = decisions.look(5, tables[2] + (keys[2] >>> guessShift), keys[2] & 255);
    decisions.look(6, tables[6] + bitLength(run) * 3 + hit, 0);
    const sets = 28 + 78;
    const u = sets + 7 * (number * 25 + first * 5 + second);
    return decisions.decide(7, u, sets + 7 * (50 + number * 256 + (equal & 255)));
  }

  decodeTree(h4, h10, c1, c2, W, N, NW, NE, WW, NN) {
    const { bits, colors, decisions, tree, treeTables, treeShift, pairMask, run } = this;
    const { samples, axes } = tree;
    const leaves = 1 << bits;
    const predicted = run > 0 ? this.plane[this.match] + leaves : 0;
    const runClass = bitLength(run);
    const sample = (index, channel) => samples[4 * index + channel];
    const sums = [0, 1, 2].map((i) => [
      sample(W, i) + sample(N, i),
      sample(W, i) + sample(N, i) - sample(NW, i),
      sample(WW, i) + sample(NN, i),
    ]);
    const sets = 28 + 78 + 562 * 7;
    let node = 1;
    let key4 = 0;
    let key10 = 0;
    for (let depth = 0; depth < bits; depth++) {
      const shift = bits - 1 - depth;
      const level = depth & 3;
      if (level === 0) {
        key4 = scatter(h4 + Math.imul(MULTIPLIERS[40], node));
        key10 = scatter(h10 + Math.imul(MULTIPLIERS[40], node));
      }
      const left = ((2 * node) << shift) - leaves;
      const right = left + (1 << shift);
      if (right >= colors) {
        node = 2 * node;
      } else if (shift === 0 && (left === c1 || left === c2)) {
        node = 2 * node + 1;
      } else if (shift === 0 && (right === c1 || right === c2)) {
        node = 2 * node;
      } else {
        const within = (1 << level) + (node & ((1 << level) - 1));
        const [red, green, blue, offset] = axes.subarray(4 * node, 4 * node + 4);
        const side = (i) => sums[0][i] * red + sums[1][i] * green + sums[2][i] * blue;
        const near = (side(0) + 2 * offset) >> 1;
        const slope = side(1) + offset;
        const far = (side(2) + 2 * offset) >> 1;
        const step = (a, down, half) => clamp((a >> down) + half, 0, 2 * half - 1);
        const pair = (west) => (west << bits) | node;
        const isOnTheWay = predicted >>> (shift + 1) === node;
        const ofRun = isOnTheWay ? runClass * 2 + ((predicted >>> shift) & 1) : 0;
        const t = treeTables;
        decisions.look(0, t[5] + node, 0);
        decisions.look(1, t[2] + (pair(W) & pairMask), (pair(W) >>> 16) & 255);
        decisions.look(2, t[3] + (pair(N) & pairMask), (pair(N) >>> 16) & 255);
        decisions.look(3, t[4] + (pair(NE) & pairMask), (pair(NE) >>> 16) & 255);
        const first = decisions.look(4, t[0] + (key4 >>> treeShift) * 16 + within, key4 & 255);
        const second = decisions.look(5, t[1] + (key10 >>> treeShift) * 16 + within, key10 & 255);
        decisions.look(6, t[6] + depth * 1024 + step(slope, 12, 16) * 32 + step(near, 12, 16), 0);
        decisions.look(7, t[7] + depth * 256 + step(near, 13, 8) * 16 + step(far, 13, 8), 0);
        decisions.look(8, t[8] + depth * 22 + ofRun, 0);
        const u = sets + 9 * (first * 5 + second);
        const v = sets + 9 * (25 + (node >> Math.max(depth - 7, 0)));
        node = 2 * node + (decisions.decide(9, u, v) ? 1 : 0);
      }
    }
    return node - leaves;
  }
}

class StripeDecoder {
  constructor(head) {
    this.head = head;
    this.tree = null;
  }

  decode({ rows, coding }, body) {
    const { head } = this;
    const indices = new Uint16Array(rows * head.width);
    if (coding === PACKED) {
      decodePacked(body, head, indices);
    } else if (head.colors === 1) {
      if (body.length > 0) throw damaged("a modelled body of one colour is not empty");
    } else {
      this.tree ??= new PaletteTree(head);
      new ModelledStripe(body, rows, head.width, head, this.tree).decode(indices);
    }
    return indices;
  }
}
