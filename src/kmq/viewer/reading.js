/* Runs together with kmq.js, in a worker if possible: extracts the data that the page shows. */

import { decode, info } from "./kmq.js";

const GOLDEN_RATIO = 0.618033988749895;

/** Return the contents of the head, with the first row of each stripe. */
export function readHead(bytes) {
  const { width, height, colors, stripes } = info(bytes);
  let firstRow = 0;
  for (const stripe of stripes) {
    stripe.firstRow = firstRow;
    firstRow += stripe.rows;
  }
  return { width, height, colors, stripes, fileBytes: bytes.length };
}

/** Return the data to show for rows [first, end]: plain values and typed arrays. */
export function readRows(bytes, rows) {
  const { palette, labels, indices, hasAlpha, metadata } = decode(bytes, { rows });
  const counts = new Uint32Array(palette.length / 4);
  for (const index of indices) counts[index] += 1;
  return {
    palette: labels ? labelColors(labels) : palette,
    labels,
    hasAlpha,
    metadata: metadata && plainMetadata(metadata),
    indices,
    counts,
  };
}

/** Return a palette of distinct colours for labels; consecutive numbers differ in hue; 0 is black. */
function labelColors(labels) {
  const palette = new Uint8Array(4 * labels.length).fill(255);
  labels.forEach((label, index) => {
    const saturation = 0.5 + 0.1 * (label % 5);
    const value = label === 0 ? 0 : 1 - 0.1 * (label % 4);
    for (const [channel, shift] of [5, 3, 1].entries()) {
      const sixths = (shift + 6 * ((label * GOLDEN_RATIO) % 1)) % 6;
      const part = Math.max(0, Math.min(sixths, 4 - sixths, 1));
      palette[4 * index + channel] = 255 * value * (1 - saturation * part);
    }
  });
  return palette;
}

/** Return the metadata to show; the resolution is in pixels per inch, across and down. */
function plainMetadata({ resolution, exif, xmp, texts }) {
  return {
    resolution: resolution && [resolution[0] / resolution[1], resolution[2] / resolution[3]],
    exifBytes: exif?.length ?? 0,
    xmp: xmp && new TextDecoder().decode(xmp),
    texts,
  };
}

/** Return a function that answers questions about a file: its head, or some rows. */
export function readerOf(bytes) {
  return (rows) => (rows ? readRows(bytes, rows) : readHead(bytes));
}

/* The first message is a file, each further one a question. */
if (typeof WorkerGlobalScope !== "undefined") {
  self.onmessage = ({ data: bytes }) => {
    const answer = readerOf(bytes);
    self.onmessage = ({ data: rows }) => {
      try {
        const found = answer(rows);
        self.postMessage({ found }, found.indices ? [found.indices.buffer] : []);
      } catch ({ fault, message }) {
        self.postMessage({ fault: { fault, message } });
      }
    };
  };
}
