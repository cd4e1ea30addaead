// Decodes large files in workers: the thread that asks stays free, and stripes are decoded in
// parallel. Works in browsers and in Node.

import { decode, info, KmqError, KmqImage, MAX_PIXELS } from "./kmq.js";

/** Up to here, a worker would take longer to start than to decode. */
const FEW_PIXELS = 2 ** 17;

const isNode = typeof process === "object" && Boolean(process.versions?.node);

/**
 * Decode a file like `decode`, in at most `workers` workers. Where there are none, and for small
 * pictures, it is decoded in this thread.
 */
export async function decodeInWorkers(bytes, options = {}) {
  const { rows, maxPixels = MAX_PIXELS, workers = await processors() } = options;
  const { width, height, stripeRows } = info(bytes);
  const [first, end] = rows ?? [0, height];
  const pixels = width * (end - first);
  const parts = pixels <= maxPixels && pixels > FEW_PIXELS ? divided(first, end, stripeRows, workers) : [];
  if (parts.length === 0) return decode(bytes, { rows, maxPixels });
  let images;
  try {
    images = await Promise.all(parts.map((part) => decodedInWorker(bytes, part, maxPixels)));
  } catch (error) {
    // Only the decoder says KmqError. Anything else means that workers do not work here.
    if (error instanceof KmqError) throw error;
    return decode(bytes, { rows, maxPixels });
  }
  const [top] = images;
  const indices = new top.indices.constructor(pixels);
  let at = 0;
  for (const image of images) {
    indices.set(image.indices, at);
    at += image.indices.length;
  }
  return new KmqImage({ ...top, height: end - first, indices });
}

/** Return at most `count` parts of rows of about the same size, which end where stripes end. */
function divided(first, end, stripeRows, count) {
  const top = Math.floor(first / stripeRows);
  const stripes = Math.ceil(end / stripeRows) - top;
  const parts = Math.min(count, stripes);
  const bound = (i) => (top + Math.round((i * stripes) / parts)) * stripeRows;
  return Array.from({ length: Math.max(parts, 0) }, (_, i) => [
    Math.max(first, bound(i)),
    Math.min(end, bound(i + 1)),
  ]);
}

async function processors() {
  if (isNode) return (await import("node:os")).availableParallelism?.() ?? 1;
  return globalThis.Worker ? (navigator.hardwareConcurrency ?? 1) : 0;
}

async function startedWorker() {
  const script = new URL("./kmq-stripes.js", import.meta.url);
  if (!isNode) return new Worker(script, { type: "module" });
  const { Worker: NodeWorker } = await import("node:worker_threads");
  return new NodeWorker(script);
}

async function decodedInWorker(bytes, rows, maxPixels) {
  const worker = await startedWorker();
  try {
    const { fields, error } = await new Promise((resolve, reject) => {
      const listen = (name, heard) =>
        isNode ? worker.on(name, heard) : worker.addEventListener(name, heard);
      listen("message", (message) => resolve(isNode ? message : message.data));
      listen("messageerror", reject);
      listen("error", reject);
      worker.postMessage({ bytes, rows, maxPixels });
    });
    if (error) throw new KmqError(error.fault, error.message);
    return fields;
  } finally {
    worker.terminate();
  }
}
