// Decodes .kmq images. Written from the specification, ../kmq-1.md; "section" refers to it.

/** An error that says whose fault it is: "file", "limit" or "caller". */
export class KmqError extends Error {
  constructor(fault, message) {
    super(message);
    Object.assign(this, { name: "KmqError", fault });
  }
}

const damaged = (message) => new KmqError("file", message);

/** The most pixels that are decoded unless the caller says otherwise. */
export const MAX_PIXELS = 2 ** 28;

const LAYOUTS = ["grey", "rgb", "rgba", "grey-alpha"];
const SAMPLES = { grey: 1, rgb: 3, rgba: 4, "grey-alpha": 2, labels: 2 };
const [IS_ORDERED, IS_DESCRIBED, IS_OF_LABELS] = [4, 8, 16]; // bits of the kind
const CODINGS = ["packed", "modelled"];
const MODELLED = 1;
const [MAX_STRIPES, MIN_STRIPE_PIXELS, MAX_STRIPE_PIXELS] = [65536, 4096, 2 ** 22];
const CHECKSUM_BYTES = 4;
const [MARGIN, ROWS_ABOVE] = [8, 5]; // places around a modelled stripe

const bitLength = (number) => 32 - Math.clz32(number);
const clamp = (number, low, high) => Math.min(Math.max(number, low), high);

/** Return what the head of a file says. The beginning of a file suffices. */
export function info(bytes) {
  const { width, height, colors, layout, hasAlpha, stripeRows, stripes, fileBytes } = readHead(asBytes(bytes));
  const table = stripes.map(({ rows, coding, length }) => ({ rows, coding: CODINGS[coding], bytes: length }));
  return { width, height, colors, layout, hasAlpha, stripeRows, stripes: table, fileBytes };
}

/** Decode a file, or its rows from rows[0] up to, but not including, rows[1]. */
export function decode(bytes, { rows, maxPixels = MAX_PIXELS } = {}) {
  const file = asBytes(bytes);
  const head = readHead(file);
  const { width, order, layout, hasAlpha, fileBytes } = head;
  const { 0: first, 1: end } = rows ?? [0, head.height];
  const areWhole = Number.isInteger(first) && Number.isInteger(end);
  if (!areWhole || first < 0 || first >= end || end > head.height) {
    throw new KmqError("caller", `rows are ${rows}, not two of 0 to ${head.height}, ascending`);
  }
  const pixels = width * (end - first);
  const tooMany = `${pixels} pixels are more than maxPixels, which is ${maxPixels}`;
  if (!(pixels <= maxPixels)) throw new KmqError(maxPixels >= 0 ? "limit" : "caller", tooMany);
  const missing = fileBytes - file.length;
  if (missing > 0) throw damaged(`the file is cut short: ${file.length} of ${fileBytes} bytes`);
  if (missing < 0) throw damaged(`bytes follow the end of the file: ${-missing}`);
  const indices = allocated(head.colors > 256 ? Uint16Array : Uint8Array, pixels);
  let top = 0;
  for (const stripe of head.stripes) {
    const [from, to] = [Math.max(first, top), Math.min(end, top + stripe.rows)];
    if (from < to) {
      const decoded = decodeStripe(head, stripe, checkedPart(file, stripe, "stripe"));
      const chosen = decoded.subarray((from - top) * width, (to - top) * width);
      if (order) for (let i = 0; i < chosen.length; i++) chosen[i] = order[chosen[i]];
      indices.set(chosen, (from - first) * width);
    }
    top += stripe.rows;
  }
  const palette = inOrder(head.palette, order, 4);
  const labels = head.labels && inOrder(head.labels, order, 1);
  const metadata = readMetadata(file, head.metadata);
  return new KmqImage({ width, height: end - first, layout, palette, labels, indices, hasAlpha, metadata });
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
    if (typeof ImageData === "function") return new ImageData(this.toRGBA(), width, height);
    return { data: this.toRGBA(), width, height, colorSpace: "srgb" };
  }
}

function asBytes(bytes) {
  if (ArrayBuffer.isView(bytes)) return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (/ArrayBuffer\]$/.test(Object.prototype.toString.call(bytes))) return new Uint8Array(bytes);
  throw new KmqError("caller", "the bytes of a file are an ArrayBuffer or a Uint8Array");
}

function allocated(type, length) {
  try {
    return new type(length);
  } catch {
    throw new KmqError("limit", `there is no memory for ${length} pixels`);
  }
}

// ---- The file (section 3) ----

/** Reads what stands one after the other, and refuses what ends early. */
class Reader {
  constructor(bytes, whole) {
    Object.assign(this, { bytes, whole, at: 0 });
  }

  part(length, what) {
    this.at += length;
    if (this.at <= this.bytes.length) return this.bytes.subarray(this.at - length, this.at);
    throw damaged(`the ${this.whole} ends within the ${what}`);
  }

  byte = (what) => this.part(1, what)[0];

  /** Return a varint. It is not exact from 2^53 on, which is above the length of any file. */
  varint(what, low = 0, high = Infinity) {
    let [number, unit, byte] = [0, 1, 0x80];
    for (; byte >= 0x80; unit *= 128) {
      if (unit === 2 ** 63) throw damaged(`the ${what} is longer than 9 bytes`);
      byte = this.byte(what);
      number += (byte & 0x7f) * unit;
    }
    if (byte === 0 && unit > 128) throw damaged(`the ${what} is not in its shortest form`);
    if (number >= low && number <= high) return number;
    throw damaged(`the ${what} is ${number}, outside ${low} to ${high}`);
  }
}

function readHead(bytes) {
  const reader = new Reader(bytes, "file");
  if ([0x89, 0x4b, 0x4d, 0x51].some((byte) => reader.byte("signature") !== byte)) {
    throw damaged("not a .kmq file: its first four bytes are not 89 4B 4D 51");
  }
  const version = reader.byte("version");
  if (version !== 1) throw damaged(`version ${version} of the format is not known, only 1`);
  const kind = reader.byte("kind");
  if (kind >= 32 || (kind & IS_OF_LABELS && kind & 3)) throw damaged(`kind ${kind} is not known`);
  const layout = kind & IS_OF_LABELS ? "labels" : LAYOUTS[kind & 3];
  const width = reader.varint("width", 1, 2 ** 22);
  const height = reader.varint("height", 1, 2 ** 31 - 1);
  const colors = reader.varint("number of colours", 1, 65536);
  const bits = bitLength(colors - 1);
  const stripeRows = reader.varint("number of stripe rows", 1, height);
  const [count, pixels] = [Math.ceil(height / stripeRows), stripeRows * width];
  if (count > MAX_STRIPES) throw damaged(`${count} stripes are more than ${MAX_STRIPES}`);
  if (pixels > MAX_STRIPE_PIXELS) throw damaged(`stripes of ${pixels} pixels are too large`);
  const isTooSmall = count > 1 && pixels < Math.max(MIN_STRIPE_PIXELS, colors);
  if (isTooSmall) throw damaged(`stripes of ${pixels} pixels are too small`);
  const entries = reader.part(colors * SAMPLES[layout], "palette");
  const order = kind & IS_ORDERED ? readOrder(reader, colors, bits) : null;
  const described = kind & IS_DESCRIBED ? reader.varint("length of metadata", 1, 2 ** 22) : 0;
  const stripes = Array.from({ length: count }, (_, i) => {
    const rows = Math.min(stripeRows, height - i * stripeRows);
    const coding = reader.byte("stripe table");
    if (coding >= CODINGS.length) throw damaged(`coding ${coding} of stripe ${i} is not known`);
    if (coding === MODELLED && rows * (width + 2 * MARGIN) > MAX_STRIPE_PIXELS) {
      throw damaged(`stripe ${i}: ${width} x ${rows} pixels are too many to be modelled`);
    }
    return { rows, coding, start: 0, length: reader.varint("stripe table") };
  });
  const head = { start: 0, length: reader.at };
  reader.part(CHECKSUM_BYTES, "head checksum");
  checkedPart(bytes, head, "head");
  let start = reader.at;
  for (const stripe of stripes) {
    stripe.start = start;
    start += stripe.length + CHECKSUM_BYTES;
  }
  const metadata = { start, length: described };
  const fileBytes = start + (described > 0 ? described + CHECKSUM_BYTES : 0);
  return {
    ...{ width, height, colors, bits, layout, order, stripeRows, stripes },
    ...{ metadata, fileBytes, tree: null, ...readPalette(entries, layout, colors) },
  };
}

/** Return the index in the image of each stored entry. */
function readOrder(reader, colors, bits) {
  const order = new Uint16Array(colors);
  unpack(reader.part(Math.ceil((colors * bits) / 8), "order"), bits, order, "order");
  if (new Set(order).size === colors && order.every((index) => index < colors)) return order;
  throw damaged("the order does not name each entry once");
}

/** Return the labels, if any, and red, green, blue and alpha of each entry as it is stored. */
function readPalette(entries, layout, colors) {
  const samples = SAMPLES[layout];
  const read16 = (_, i) => entries[2 * i] | (entries[2 * i + 1] << 8);
  const labels = layout === "labels" ? Uint16Array.from({ length: colors }, read16) : null;
  const shift = labels?.some((label) => label > 255) ? 8 : 0;
  const palette = Uint8ClampedArray.from({ length: 4 * colors }, (_, i) => {
    const at = (i >> 2) * samples;
    if (i % 4 === 3) return labels || samples % 2 ? 255 : entries[at + samples - 1];
    return labels ? labels[i >> 2] >> shift : entries[samples > 2 ? at + (i % 4) : at];
  });
  return { labels, palette, hasAlpha: palette.some((sample, i) => i % 4 === 3 && sample < 255) };
}

/** Return entries of `size` numbers at the places that the order gives them. */
function inOrder(entries, order, size) {
  const placed = entries.slice();
  order?.forEach((index, i) => placed.set(entries.subarray(i * size, (i + 1) * size), index * size));
  return placed;
}

/** Return a part of a file, behind which its checksum is stored. */
function checkedPart(file, { start, length }, what) {
  const end = start + length;
  const stored = new DataView(file.buffer, file.byteOffset + end).getInt32(0, true);
  if (crc32(file, start, end) === stored) return file.subarray(start, end);
  throw damaged(`the checksum of the ${what} does not match: it is damaged`);
}

const CRC_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0xedb88320 : byte >>> 1;
  return byte;
});

/** Return the CRC-32 of bytes[start] up to, but not including, bytes[end], with a sign. */
export function crc32(bytes, start, end) {
  let crc = -1;
  for (let i = start; i < end; i++) crc = (crc >>> 8) ^ CRC_TABLE[(crc ^ bytes[i]) & 255];
  return ~crc;
}

// ---- Metadata (section 3.4) ----

const [RESOLUTION, EXIF, XMP, TEXT] = [1, 2, 3, 4];

/** Return the metadata, or null if they are damaged. */
function readMetadata(file, block) {
  try {
    return readItems(block.length > 0 ? checkedPart(file, block, "metadata") : new Uint8Array());
  } catch (error) {
    if (error instanceof KmqError) return null;
    throw error;
  }
}

function readItems(bytes) {
  const metadata = { items: [], resolution: null, exif: null, xmp: null, texts: [] };
  const reader = new Reader(bytes, "metadata");
  let before = 0;
  while (reader.at < bytes.length) {
    const kind = reader.byte("kind");
    const isInOrder = kind > before || (kind === TEXT && before === TEXT);
    if (!isInOrder) throw damaged("the kinds of metadata do not ascend");
    before = kind;
    const payload = reader.part(reader.varint("length"), "payload").slice();
    metadata.items.push({ kind, payload });
    if (kind === RESOLUTION) metadata.resolution = readResolution(new Reader(payload, "resolution"));
    if (kind === EXIF) metadata.exif = payload;
    if (kind === XMP) metadata.xmp = payload;
    if (kind === TEXT) metadata.texts.push(readText(payload, payload.indexOf(0)));
  }
  if (metadata.texts.length > 1024) throw damaged("more than 1,024 texts");
  return metadata;
}

/** Return pixels per inch, across and down, each as a numerator and a denominator. */
function readResolution(reader) {
  const numbers = [0, 1, 2, 3].map(() => reader.varint("number", 1, 2 ** 32 - 1));
  if (reader.at < reader.bytes.length) throw damaged("bytes follow the resolution");
  return numbers;
}

function readText(payload, end) {
  if (end < 1 || end > 255) throw damaged("a keyword has 1 to 255 bytes");
  const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  try {
    return { keyword: utf8.decode(payload.subarray(0, end)), text: utf8.decode(payload.subarray(end + 1)) };
  } catch {
    throw damaged("a text is not UTF-8");
  }
}

// ---- Coding 0: packed (section 4) ----

/** Return the indices of a stripe, numbered as in its body. */
function decodeStripe(head, { rows, coding }, body) {
  const { width, colors, bits } = head;
  const indices = new Uint16Array(rows * width);
  if (coding === MODELLED && colors > 1) {
    head.tree ??= new PaletteTree(head);
    new ModelledStripe(body, rows, head).decode(indices);
  } else if (colors < 2 ** bits) {
    decodeDigits(body, colors, indices);
  } else {
    const length = Math.ceil((indices.length * bits) / 8);
    if (body.length !== length) throw damaged(`a body has ${body.length} bytes, not ${length}`);
    unpack(body, bits, indices, "body");
  }
  return indices;
}

/** Read fields of `bits` bits, the most significant bit first (section 4.1). */
function unpack(bytes, bits, fields, what) {
  const mask = 2 ** bits - 1;
  let [buffer, left, at] = [0, 0, 0];
  for (let i = 0; i < fields.length; i++) {
    for (; left < bits; left += 8) buffer = (buffer << 8) | bytes[at++]; // old bits leave on top
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
  let [low, high, at] = [words.getUint32(0, true), words.getUint32(4, true), 8];
  if (high >= lowest || (high === 0 && low < lowest)) throw damaged("the state is out of its range");
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
  if (high === 0 && low === lowest && at === body.length) return;
  throw damaged("a packed body does not end where its indices end");
}

// ---- Coding 1: modelled (section 5) ----

/** Return, for each number up to `most`, how many of the thresholds it reaches. */
const classes = (most, ...thresholds) =>
  Uint8Array.from({ length: most + 1 }, (_, n) => thresholds.filter((least) => n >= least).length);

const CONFIDENCE = classes(60, 1, 2, 5, 24);
const COLOR_DISTANCE = classes(4 * 255, 1, 16, 32, 56, 96, 160, 280);
const RATE = Int32Array.from({ length: 61 }, (_, count) => 163840 / (10 * count + 13));
const MOST_COUNT = 60;
const FRESH_SLOT = 2 ** 17 << 14; // 18 bits of probability, 8 of check, 6 of count
const FRESH_WEIGHT = 5500;
const MOST_ODDS = 3071;
const SQUASH = new Int32Array(2 * MOST_ODDS + 1); // of the log-odds + MOST_ODDS
const KNOTS = Array.from({ length: 49 }, (_, k) =>
  Math.max(4, Math.round(65536 / (1 + Math.exp(k / 4)))),
);
for (let a = MOST_ODDS; a >= 0; a--) {
  const [knot, part] = [a >> 6, a & 63];
  SQUASH[MOST_ODDS - a] = (KNOTS[knot] * (64 - part) + KNOTS[knot + 1] * part) >> 6;
  SQUASH[MOST_ODDS + a] = 65536 - SQUASH[MOST_ODDS - a];
}
const STRETCH = new Int32Array(4096);
for (let c = 0, a = -MOST_ODDS; c < 4096; c++) {
  while (SQUASH[a + MOST_ODDS] < 16 * c + 8) a++;
  STRETCH[c] = clamp(a, -2047, 2047);
}
const MULTIPLIERS = new Int32Array(41).fill(0x9e3779b1); // M[i]
for (let i = 1; i < 41; i++) MULTIPLIERS[i] = Math.imul(MULTIPLIERS[i - 1], MULTIPLIERS[0]);

function scatter(a) {
  a = Math.imul(a, 0x2c1b3c6d);
  a = Math.imul(a ^ (a >>> 15), 0x297a2d39);
  return a ^ (a >>> 13);
}

/** The numbers of the neighbours (section 5.6): columns from -6 on, rows from -5 to 0. */
const NEIGHBOURS = `
 .   .   .   .   .   .  33   .   .   .   .   .   .
 .   .   .   .  32  30  28  29  31   .   .   .   .
 .   .   .  36  22  17  11  16  21  35   .   .   .
 .   .  27  20  15   8   5   6  14  19  26   .   .
 .  38  24  13   9   2   1   3   7  12  23  37  39
34  25  18  10   4   0   X   .   .   .   .   .   .`;

/** What coding 1 knows of a palette: its colours, and how each node of the tree splits them. */
class PaletteTree {
  constructor({ palette, colors, bits }) {
    const leaves = 2 ** bits;
    this.samples = Int32Array.from(palette, (sample, i) => {
      return (palette[i | 3] * sample + (255 - palette[i | 3]) * 128 + 127) / 255;
    });
    // Of each node: the sums of red, green and blue, and the number of leaves.
    const sums = new Int32Array(8 * leaves);
    for (let i = 0; i < 4 * colors; i++) sums[4 * leaves + i] = i % 4 < 3 ? this.samples[i] : 1;
    for (let i = 4 * leaves - 1; i >= 4; i--) sums[i] = sums[2 * i - (i & 3)] + sums[2 * i - (i & 3) + 4];
    const mean = (node, i) => Math.floor((16 * sums[4 * node + i]) / sums[4 * node + 3]);
    // Of each node: its axis in red, green and blue, and the offset.
    this.axes = new Int32Array(4 * leaves);
    for (let node = 1; node < leaves; node++) {
      const [left, right] = [2 * node, 2 * node + 1];
      if (sums[4 * right + 3] === 0) continue; // no bit of this node is coded
      const line = [0, 1, 2].map((i) => mean(right, i) - mean(left, i));
      const norm = Math.max(line[0] ** 2 + line[1] ** 2 + line[2] ** 2, 16);
      const axis = line.map((length) => Math.floor((length * 2 ** 19) / norm));
      const products = axis.map((a, i) => ((mean(left, i) + mean(right, i)) >> 1) * a);
      this.axes.set([...axis, -(products[0] + products[1] + products[2]) >> 4], 4 * node);
    }
  }

  /** Return the distance of two colours, 0 to 7. */
  distance(a, b) {
    const { samples } = this;
    const red = Math.abs(samples[4 * a] - samples[4 * b]);
    const green = Math.abs(samples[4 * a + 1] - samples[4 * b + 1]);
    return COLOR_DISTANCE[red + 2 * green + Math.abs(samples[4 * a + 2] - samples[4 * b + 2])];
  }
}

// Of each input of a decision: the place of its slot times 256, plus the check; and the slot.
const inputs = new Int32Array(9);
const found = new Int32Array(9);

/** Finds yes or no for one decision after the other, and learns (sections 5.2, 5.4, 5.5). */
class DecisionDecoder {
  constructor(body, slotCount, weightCount) {
    this.length = body.length;
    this.padded = new Uint8Array(body.length + 8);
    this.padded.set(body);
    this.at = 6; // three words are read
    this.slots = new Int32Array(slotCount).fill(FRESH_SLOT);
    this.weights = new Int32Array(weightCount).fill(FRESH_WEIGHT);
    this.range = Float64Array.of(this.lastWords(), 2 ** 48); // low and span
  }

  /** Return the last three words that were read, as one number. */
  lastWords() {
    return this.padded.subarray(this.at - 6, this.at).reduce((number, byte) => number * 256 + byte, 0);
  }

  /** Return 5 * the confidence of one input + that of the next. */
  confidences(input) {
    const first = this.slots[inputs[input] >>> 8];
    const second = this.slots[inputs[input + 1] >>> 8];
    const isFirst = (((first >>> 6) ^ inputs[input]) & 255) === 0;
    const isSecond = (((second >>> 6) ^ inputs[input + 1]) & 255) === 0;
    return (isFirst ? 5 * CONFIDENCE[first & 63] : 0) + (isSecond ? CONFIDENCE[second & 63] : 0);
  }

  /** Decide from the first inputs; the two sets of weights begin at u and v. */
  decide(count, u, v) {
    const { slots, weights, range } = this;
    let high = 0; // the sum is high * 65536 + low: each fits in 32 bits
    let low = 0;
    for (let i = 0; i < count; i++) {
      const input = inputs[i];
      let slot = slots[input >>> 8];
      if ((((slot >>> 6) ^ input) & 255) !== 0) slot = FRESH_SLOT;
      found[i] = slot;
      const x = STRETCH[slot >>> 20];
      const weight = weights[u + i] + weights[v + i];
      high = (high + Math.imul(x, weight >> 16)) | 0;
      low = (low + Math.imul(x, weight & 0xffff)) | 0;
    }
    const mixed = high + (low >> 16);
    const p = SQUASH[mixed < -MOST_ODDS ? 0 : mixed > MOST_ODDS ? 2 * MOST_ODDS : mixed + MOST_ODDS];

    const bound = Math.floor(range[1] / 65536) * p;
    const yes = range[0] < bound;
    if (!yes) range[0] -= bound;
    range[1] = yes ? bound : range[1] - bound;
    if (range[1] < 2 ** 32) {
      const { padded, at } = this;
      if (at + 2 > padded.length) throw damaged("a modelled body ends before its pixels");
      range[1] *= 65536;
      range[0] = range[0] * 65536 + padded[at] * 256 + padded[at + 1];
      this.at += 2;
    }

    const error = (yes ? (65536 - p) * 3 : -p * 3) >> 1;
    // For yes, the distance to the target moves instead of the probability: both go down to 0.
    const flip = yes ? 2 ** 18 - 1 : 0;
    const upwards = yes ? 0 : 2 ** 14 - 1;
    for (let i = 0; i < count; i++) {
      const slot = found[i];
      const change = (Math.imul(STRETCH[slot >>> 20], error) + 32768) >> 16;
      weights[u + i] += change;
      weights[v + i] += change;
      const seen = slot & 63;
      let distance = (seen === 0 ? p << 2 : slot >>> 14) ^ flip;
      distance -= (Math.imul(distance, RATE[seen]) + upwards) >>> 14; // below 2^32
      const learned = ((distance ^ flip) << 14) | ((inputs[i] & 255) << 6);
      slots[inputs[i] >>> 8] = learned | (seen < MOST_COUNT ? seen + 1 : MOST_COUNT);
    }
    return yes;
  }

  /** Check that the body ends where a writer ends it. */
  checkEnd() {
    const { padded, length, at } = this;
    const [low, span] = this.range;
    if (at < length) throw damaged("a modelled body goes on after its pixels");
    if (length > 0 && padded[length - 1] === 0 && at !== padded.length) {
      throw damaged("a modelled body ends in a zero byte, which a writer leaves out");
    }
    const start = this.lastWords() - low;
    const distance = (unit) => Math.ceil(start / unit) * unit - start;
    const first = [48, 40, 32, 24, 16, 8, 0].find((z) => distance(2 ** z) < span);
    if (distance(2 ** first) !== low) throw damaged("a body does not end as a writer ends it");
  }
}

// Where the weight sets of each kind of decision begin; those of spans begin at 0.
const FLAT_SETS = 7 * 4;
const GUESS_SETS = FLAT_SETS + 26 * 3;
const TREE_SETS = GUESS_SETS + 562 * 7;
const WEIGHTS = TREE_SETS + 281 * 9;

/** Decodes the pixels of one modelled stripe (sections 5.1 and 5.6 to 5.10). */
class ModelledStripe {
  constructor(body, rows, { width, colors, bits, tree }) {
    const size = bitLength(rows * width - 1);
    const [flatBits, guessBits] = [clamp(size - 4, 8, 16), clamp(size - 5, 8, 15)];
    const treeBits = clamp(size - 6, 6, 13);
    const [nodes, pairs] = [2 ** bits, Math.min(4 ** bits, 65536)];
    const [hashed, groups] = [2 ** guessBits, 2 ** (treeBits + 4)];
    let slots = 0;
    const tables = (...sizes) => sizes.map((size) => (slots += size) - size);
    [this.tree4, this.tree10] = tables(groups, groups);
    [this.treeW, this.treeN, this.treeNE, this.treeNode] = tables(pairs, pairs, pairs, nodes);
    [this.treeSlope, this.treeFar, this.treeRun] = tables(bits * 1024, bits * 256, bits * 22);
    [this.guess4, this.guess10, this.guess40] = tables(hashed, hashed, hashed);
    [this.guessEqual, this.guessDistances, this.guessPair] = tables(4096, 4096, pairs);
    [this.guessRun] = tables(33);
    this.guessSlots = slots - this.guess4;
    tables(this.guessSlots); // guess 1 has slots of its own
    [this.spanW, this.spanRun, this.spanEast, this.spanSides] = tables(nodes, 88, 120, 320);
    [this.flat40, this.flatRemaining, this.flatRun] = tables(2 ** flatBits, 7, 22);
    this.decisions = new DecisionDecoder(body, slots, WEIGHTS);
    [this.flatShift, this.guessShift, this.treeShift] = [32 - flatBits, 32 - guessBits, 32 - treeBits];
    const stride = width + 2 * MARGIN;
    [this.rows, this.width, this.stride] = [rows, width, stride];
    [this.colors, this.bits, this.tree, this.pairMask] = [colors, bits, tree, pairs - 1];
    [this.match, this.run] = [0, 0];
    this.plane = new Uint16Array((rows + ROWS_ABOVE) * stride);
    this.earlier = new Int32Array(2 * hashed); // positions, each with its check
    this.near = new Int32Array(40); // how far from a pixel its neighbours are
    NEIGHBOURS.trim().split(/\s+/).forEach((number, i) => {
      if (number < 40) this.near[number] = (Math.floor(i / 13) - 5) * stride + (i % 13) - 6;
    });
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
    for (let at = start; at < end; at++) {
      const W = plane[at - 1];
      if (this.run > 0) this.run = plane[this.match++] === W ? Math.min(this.run + 1, 1023) : 0;
      const length = at >= brokenEnd ? this.spanLength(at, Math.min(end - at, 63), W) : 0;
      if (length > 0 && this.decideSpan(at, length, W)) {
        plane.fill(W, at, at + length);
        this.match += length - 1;
        at += length - 1;
        continue;
      }
      if (length > 0) brokenEnd = at + length;
      const remaining = brokenEnd - at;
      if (remaining > 1 && this.decideFlat(at, remaining, W)) {
        plane[at] = W;
      } else {
        if (remaining > 0) brokenEnd = at;
        plane[at] = this.decodePixel(at, remaining > 0);
      }
    }
  }

  /** Return the length of the span that begins here, 0 if none does. */
  spanLength(at, most, W) {
    const { plane, near, stride } = this;
    for (let i = 1; i < 10; i++) if (plane[at + near[i]] !== W) return 0;
    const row1 = at + 2 - stride; // of each further pixel, two neighbours are new
    const row2 = at + 1 - 2 * stride;
    let length = 1;
    while (length < most && plane[row1 + length] === W && plane[row2 + length] === W) length++;
    return length;
  }

  /** Return how many successive places hold W, up to `most`. */
  reach(place, direction, most, W) {
    let count = 0;
    while (count < most && this.plane[place + count * direction] === W) count++;
    return count;
  }

  decideSpan(at, length, W) {
    const { plane, stride, run, match } = this;
    const known = Math.min(length, at - match); // positions from the first pixel on count as W
    const predicted = run > 0 && this.reach(match, 1, known, W) === known ? 1 : 0;
    let rows = 0;
    for (let place = at - 3 * stride; rows < 3; rows++, place -= stride) {
      if (plane[place] !== W || plane[place + length - 1] !== W) break;
    }
    const end = at + length;
    const east = this.reach(end + 2 - stride, 1, 3, W) * 5 + this.reach(end + 1 - 2 * stride, 1, 4, W);
    const west = this.reach(at - 3, -1, 3, W) * 4 + this.reach(at - 3 - stride, -1, 3, W);
    inputs[0] = (this.spanW + W) << 8;
    inputs[1] = (this.spanRun + (bitLength(run) * 2 + predicted) * 4 + rows) << 8;
    inputs[2] = (this.spanEast + east * 6 + this.reach(end - 3 * stride, 1, 5, W)) << 8;
    inputs[3] = (this.spanSides + east * 16 + west) << 8;
    return this.decisions.decide(4, 0, 4 * bitLength(length));
  }

  decideFlat(at, remaining, W) {
    const key = scatter(this.hash(at, 0, 40));
    const predicted = this.predicted() === W ? 1 : 0;
    inputs[0] = (this.flatRemaining + bitLength(remaining)) << 8;
    inputs[1] = ((this.flat40 + (key >>> this.flatShift)) << 8) | (key & 255);
    inputs[2] = (this.flatRun + bitLength(this.run) * 2 + predicted) << 8;
    const set = 1 + this.decisions.confidences(1);
    return this.decisions.decide(3, FLAT_SETS, FLAT_SETS + 3 * set);
  }

  searchMatch(at, key) {
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

  /** Return the predicted index, or -1. */
  predicted() {
    return this.run > 0 ? this.plane[this.match] : -1;
  }

  /** Return the part of h4, h10 or h40 that the neighbours `first` to `end` - 1 add to it. */
  hash(at, first, end) {
    const { plane, near } = this;
    let sum = 0;
    for (let i = first; i < end; i++) sum = (sum + Math.imul(MULTIPLIERS[i], plane[at + near[i]])) | 0;
    return sum;
  }

  /** Decode a pixel by guesses and the tree (sections 5.9 and 5.10). */
  decodePixel(at, breaksSpan) {
    const { plane, near, tree } = this;
    const h4 = this.hash(at, 0, 4);
    const h10 = (h4 + this.hash(at, 4, 10)) | 0;
    this.searchMatch(at, scatter(h10));
    const W = plane[at - 1];
    const N = plane[at + near[1]];
    const NW = plane[at + near[2]];
    const NE = plane[at + near[3]];
    const WW = plane[at - 2];
    const NN = plane[at + near[5]];
    const c1 = W === NW ? N : W;
    let c2 = W === NW ? W : N;
    if (c1 === c2) c2 = NE !== c1 ? NE : NW !== c1 ? NW : WW !== c1 ? WW : NN;
    if (this.colors === 2) c2 = c1;
    if (!breaksSpan) {
      let equal = (NW === c1) | ((NE === c1) << 1) | ((WW === c1) << 2) | ((NN === c1) << 3);
      equal |= ((N === c1) << 4) | ((W === c1) << 5) | ((plane[at + near[7]] === c1) << 6);
      equal |= ((plane[at + near[6]] === c1) << 7) | ((NE === c2) << 8) | ((NW === c2) << 9);
      equal |= ((WW === c2) << 10) | ((NN === c2) << 11);
      let distances = (tree.distance(W, N) << 9) | (tree.distance(N, NW) << 6);
      distances |= (tree.distance(W, NW) << 3) | tree.distance(N, NE);
      const [key4, key10] = [scatter(h4), scatter(h10)];
      const key40 = scatter(h10 + this.hash(at, 10, 40));
      if (this.decideGuess(0, c1, c2, equal, distances, key4, key10, key40)) return c1;
      if (c2 !== c1 && this.decideGuess(1, c1, c2, equal, distances, key4, key10, key40)) return c2;
    }
    return this.decodeTree(h4, h10, c1, c2, W, N, NW, NE, WW, NN);
  }

  decideGuess(guess, c1, c2, equal, distances, key4, key10, key40) {
    const { decisions, guessShift, bits, pairMask } = this;
    const first = guess * this.guessSlots;
    const predicted = this.predicted();
    const which = predicted === c1 ? 0 : predicted === c2 ? 1 : 2;
    const pair = (c1 << bits) | c2;
    inputs[0] = (first + this.guessEqual + equal) << 8;
    inputs[1] = (first + this.guessDistances + distances) << 8;
    inputs[2] = ((first + this.guessPair + (pair & pairMask)) << 8) | ((pair >>> 16) & 255);
    inputs[3] = ((first + this.guess4 + (key4 >>> guessShift)) << 8) | (key4 & 255);
    inputs[4] = ((first + this.guess10 + (key10 >>> guessShift)) << 8) | (key10 & 255);
    inputs[5] = ((first + this.guess40 + (key40 >>> guessShift)) << 8) | (key40 & 255);
    inputs[6] = (first + this.guessRun + bitLength(this.run) * 3 + which) << 8;
    const u = GUESS_SETS + 7 * (guess * 25 + decisions.confidences(4));
    return decisions.decide(7, u, GUESS_SETS + 7 * (50 + guess * 256 + (equal & 255)));
  }

  decodeTree(h4, h10, c1, c2, W, N, NW, NE, WW, NN) {
    const { bits, colors } = this;
    const leaves = 1 << bits;
    const predicted = this.run > 0 ? this.predicted() + leaves : 0; // as a leaf of the tree
    let node = 1;
    let key4 = 0;
    let key10 = 0;
    for (let depth = 0; depth < bits; depth++) {
      const shift = bits - 1 - depth;
      if (depth % 4 === 0) {
        key4 = scatter(h4 + Math.imul(MULTIPLIERS[40], node));
        key10 = scatter(h10 + Math.imul(MULTIPLIERS[40], node));
      }
      const left = ((2 * node) << shift) - leaves;
      const right = left + (1 << shift);
      let bit = shift === 0 && (left === c1 || left === c2); // what follows without a decision
      if (right >= colors) bit = false;
      else if (shift > 0 || !(bit || right === c1 || right === c2)) {
        this.setSides(node, depth, W, N, NW, WW, NN);
        bit = this.decideBit(node, depth, key4, key10, predicted, W, N, NE);
      }
      node = 2 * node + (bit ? 1 : 0);
    }
    return node - leaves;
  }

  /** Set the inputs that say on which side of a split the neighbours' colours lie. */
  setSides(node, depth, W, N, NW, WW, NN) {
    const { samples, axes } = this.tree;
    const offset = axes[4 * node + 3];
    let near = 2 * offset; // side(W) + side(N)
    let corner = offset;
    let far = 2 * offset;
    for (let i = 0; i < 3; i++) {
      const axis = axes[4 * node + i];
      near += (samples[4 * W + i] + samples[4 * N + i]) * axis;
      corner += samples[4 * NW + i] * axis;
      far += (samples[4 * WW + i] + samples[4 * NN + i]) * axis;
    }
    const slopes = step(near - corner, 12, 16) * 32 + step(near, 13, 16);
    inputs[6] = (this.treeSlope + depth * 1024 + slopes) << 8;
    inputs[7] = (this.treeFar + depth * 256 + step(near, 14, 8) * 16 + step(far, 14, 8)) << 8;
  }

  decideBit(node, depth, key4, key10, predicted, W, N, NE) {
    const { bits, decisions, treeShift, pairMask } = this;
    const shift = bits - 1 - depth;
    const isPredicted = predicted >>> (shift + 1) === node;
    const run = isPredicted ? bitLength(this.run) * 2 + ((predicted >>> shift) & 1) : 0;
    const first = 1 << (depth & 3);
    const within = first + (node & (first - 1));
    const pairW = (W << bits) | node;
    const pairN = (N << bits) | node;
    const pairNE = (NE << bits) | node;
    inputs[0] = (this.treeNode + node) << 8;
    inputs[1] = ((this.treeW + (pairW & pairMask)) << 8) | ((pairW >>> 16) & 255);
    inputs[2] = ((this.treeN + (pairN & pairMask)) << 8) | ((pairN >>> 16) & 255);
    inputs[3] = ((this.treeNE + (pairNE & pairMask)) << 8) | ((pairNE >>> 16) & 255);
    inputs[4] = ((this.tree4 + (key4 >>> treeShift) * 16 + within) << 8) | (key4 & 255);
    inputs[5] = ((this.tree10 + (key10 >>> treeShift) * 16 + within) << 8) | (key10 & 255);
    inputs[8] = (this.treeRun + depth * 22 + run) << 8;
    const u = TREE_SETS + 9 * decisions.confidences(4);
    return decisions.decide(9, u, TREE_SETS + 9 * (25 + (node >> Math.max(depth - 7, 0))));
  }
}

function step(side, down, half) {
  const moved = (side >> down) + half;
  return moved < 0 ? 0 : moved < 2 * half ? moved : 2 * half - 1;
}
