/* Runs behind kmq.js, in a worker where there are workers: what the page shows of a file. */

import { decode, info } from "./kmq.js";

const GOLDEN_RATIO = 0.618033988749895;

/** Return a palette that tells labels apart, those of neighbouring numbers by hue; 0 is black. */
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

function withFirstRows(stripes) {
  let firstRow = 0;
  return stripes.map((stripe) => {
    const placed = { ...stripe, firstRow };
    firstRow += stripe.rows;
    return placed;
  });
}

/** Return what the page says of metadata; the resolution in pixels per inch, across and down. */
function plainMetadata({ resolution, exif, xmp, texts }) {
  return {
    resolution: resolution && [resolution[0] / resolution[1], resolution[2] / resolution[3]],
    exifBytes: exif?.length ?? 0,
    xmp: xmp && new TextDecoder().decode(xmp),
    texts,
  };
}

/** Return everything that the page shows of a file, as plain values and typed arrays. */
export function read(bytes, maxPixels) {
  const head = info(bytes);
  const image = decode(bytes, { maxPixels });
  const counts = new Uint32Array(head.colors);
  for (const index of image.indices) counts[index] += 1;
  return {
    width: image.width,
    height: image.height,
    palette: image.labels ? labelColors(image.labels) : image.palette,
    indices: image.indices,
    labels: image.labels,
    hasAlpha: image.hasAlpha,
    metadata: image.metadata && plainMetadata(image.metadata),
    counts,
    stripes: withFirstRows(head.stripes),
    fileBytes: bytes.length,
  };
}

if (typeof WorkerGlobalScope !== "undefined") {
  self.onmessage = ({ data: { bytes, maxPixels } }) => {
    try {
      const picture = read(bytes, maxPixels);
      self.postMessage({ picture }, [picture.indices.buffer]);
    } catch (error) {
      self.postMessage({ fault: { fault: error.fault, message: error.message } });
    }
  };
}
