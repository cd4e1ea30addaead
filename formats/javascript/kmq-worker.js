// A service worker that answers requests for images named *.kmq with PNG, so that <img> and CSS
// show them. A site ships this file and kmq.js, and registers it:
//
//     navigator.serviceWorker.register("/kmq-worker.js", { type: "module" })
//
// In any other place, this is the module of encodePNG.

import { crc32, decode, KmqError, MAX_PIXELS } from "./kmq.js";

const SIGNATURE = [0x89, 0x4b, 0x4d, 0x51];

// ---- PNG ----

/**
 * Return an image as the bytes of a PNG that has exactly its colours: with a palette if it has at
 * most 256 of them. Labels become greys that are not scaled, of 16 bits if one is above 255.
 */
export async function encodePNG(image, { compress = true } = {}) {
  const { width, height } = image;
  const { bits, type, rows, palette } = describe(image);
  const head = new DataView(new ArrayBuffer(13));
  head.setUint32(0, width);
  head.setUint32(4, height);
  head.setUint8(8, bits);
  head.setUint8(9, type);
  const data = compress && globalThis.CompressionStream ? await deflated(rows) : stored(rows);
  return joined([
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    chunk("IHDR", new Uint8Array(head.buffer)),
    ...palette,
    chunk("IDAT", data),
    chunk("IEND", new Uint8Array()),
  ]);
}

const [GREY, RGB, PALETTE, RGBA] = [0, 2, 3, 6];

/** Return the bits of a sample, the colour type, the rows with their filters, and chunks. */
function describe(image) {
  const { labels, indices, hasAlpha } = image;
  if (labels) {
    const bytes = labels.some((label) => label > 255) ? 2 : 1;
    const samples = new Uint8Array(indices.length * bytes);
    indices.forEach((index, i) => {
      samples[i * bytes] = labels[index] >> (8 * (bytes - 1));
      if (bytes === 2) samples[2 * i + 1] = labels[index] & 255;
    });
    return { bits: 8 * bytes, type: GREY, rows: withFilters(samples, image, 8 * bytes), palette: [] };
  }
  const colors = image.palette.length / 4;
  if (colors <= 256) {
    const bits = [1, 2, 4, 8].find((depth) => colors <= 2 ** depth);
    const rows = withFilters(packed(image, bits), image, bits);
    return { bits, type: PALETTE, rows, palette: paletteChunks(image) };
  }
  const channels = hasAlpha ? 4 : 3;
  const samples = new Uint8Array(indices.length * channels);
  indices.forEach((index, i) => {
    for (let c = 0; c < channels; c++) samples[i * channels + c] = image.palette[4 * index + c];
  });
  const rows = withFilters(samples, image, 8 * channels);
  return { bits: 8, type: hasAlpha ? RGBA : RGB, rows, palette: [] };
}

function paletteChunks({ palette, hasAlpha }) {
  const colors = palette.filter((_, i) => i % 4 < 3);
  const alphas = palette.filter((_, i) => i % 4 === 3);
  return [chunk("PLTE", colors), ...(hasAlpha ? [chunk("tRNS", alphas)] : [])];
}

/** Return indices in fields of `bits` bits; each row begins a byte. */
function packed({ width, height, indices }, bits) {
  if (bits === 8) return indices;
  const rowBytes = Math.ceil((width * bits) / 8);
  const bytes = new Uint8Array(height * rowBytes);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const bit = x * bits;
      bytes[y * rowBytes + (bit >> 3)] |= indices[y * width + x] << (8 - bits - (bit & 7));
    }
  }
  return bytes;
}

/** Put a byte in front of each row: it is not filtered. */
function withFilters(bytes, { width, height }, bits) {
  const rowBytes = Math.ceil((width * bits) / 8);
  const rows = new Uint8Array(height * (rowBytes + 1));
  for (let y = 0; y < height; y++) {
    rows.set(bytes.subarray(y * rowBytes, (y + 1) * rowBytes), y * (rowBytes + 1) + 1);
  }
  return rows;
}

function chunk(name, bytes) {
  const whole = new Uint8Array(bytes.length + 12);
  const view = new DataView(whole.buffer);
  view.setUint32(0, bytes.length);
  for (let i = 0; i < 4; i++) whole[4 + i] = name.charCodeAt(i);
  whole.set(bytes, 8);
  view.setInt32(bytes.length + 8, crc32(whole, 4, bytes.length + 8));
  return whole;
}

async function deflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Return a zlib stream of blocks that are not compressed. */
function stored(bytes) {
  const parts = [Uint8Array.of(0x78, 0x01)];
  for (let at = 0; at < bytes.length; at += 65535) {
    const block = bytes.subarray(at, at + 65535);
    const { length } = block;
    const isLast = at + length === bytes.length ? 1 : 0;
    parts.push(Uint8Array.of(isLast, length & 255, length >> 8, ~length & 255, (~length >> 8) & 255));
    parts.push(block);
  }
  const checksum = new DataView(new ArrayBuffer(4));
  checksum.setUint32(0, adler32(bytes));
  return joined([...parts, new Uint8Array(checksum.buffer)]);
}

function adler32(bytes) {
  let [a, b] = [1, 0];
  for (let at = 0; at < bytes.length; ) {
    // So many steps stay below 2^32.
    for (const end = Math.min(at + 5552, bytes.length); at < end; at++) {
      a += bytes[at];
      b += a;
    }
    a %= 65521;
    b %= 65521;
  }
  return b * 65536 + a;
}

function joined(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

// ---- The service worker ----

/** Whether a request is for an image that this worker can answer. */
function isForImage({ method, destination, headers, url }) {
  const isNamed = new URL(url).pathname.toLowerCase().endsWith(".kmq");
  return method === "GET" && destination === "image" && isNamed && !headers.has("range");
}

/** Return the answer to a request: PNG if a .kmq file comes, else what comes. */
async function answer(request, maxPixels) {
  const response = await fetch(request);
  // Scripts may not look into an answer from elsewhere that does not allow it: it has no status.
  if (!response.ok) return response;
  const bytes = new Uint8Array(await response.arrayBuffer());
  const headers = new Headers(response.headers);
  for (const name of ["content-encoding", "content-length"]) headers.delete(name);
  if (SIGNATURE.some((byte, i) => bytes[i] !== byte)) return new Response(bytes, { headers });
  try {
    const png = await encodePNG(decode(bytes, { maxPixels }), { compress: false });
    headers.set("content-type", "image/png");
    return new Response(png, { headers });
  } catch (error) {
    if (!(error instanceof KmqError)) throw error;
    console.warn(`${request.url}: ${error.message}`);
    const status = error.fault === "limit" ? 413 : 422;
    return new Response(error.message, { status, headers: { "content-type": "text/plain" } });
  }
}

function serve() {
  const options = new URL(self.location.href).searchParams;
  const maxPixels = Number(options.get("maxPixels") ?? MAX_PIXELS);
  let isFirst = false;
  self.addEventListener("install", () => {
    isFirst = !self.registration.active;
    self.skipWaiting();
  });
  self.addEventListener("activate", (event) => {
    event.waitUntil(self.clients.claim());
    // Not waited for: the pages ask this worker, which answers only once it is active.
    if (isFirst && options.get("reload") !== "no") reloadPages();
  });
  self.addEventListener("fetch", (event) => {
    if (isForImage(event.request)) event.respondWith(answer(event.request, maxPixels));
  });
}

/** Load pages again that were loaded before there was a worker, so that they show images. */
async function reloadPages() {
  await self.clients.claim();
  const pages = await self.clients.matchAll({ type: "window" });
  for (const page of pages) page.navigate(page.url);
}

if (globalThis.ServiceWorkerGlobalScope && self instanceof ServiceWorkerGlobalScope) serve();
