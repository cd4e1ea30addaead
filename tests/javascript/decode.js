// Decodes the files on standard input, each behind its length in 4 bytes, in one process, and
// writes what it finds: JSON of one line for each file, behind it, if it is an image, its indices
// and, if they are asked for, its two kinds of PNG.
import { readFileSync, writeSync } from "node:fs";
import { decode, KmqError } from "../../formats/javascript/kmq.js";
import { decodeInWorkers } from "../../formats/javascript/kmq-parallel.js";
import { encodePNG } from "../../formats/javascript/kmq-worker.js";

const { inWorkers, withPNG, ...options } = JSON.parse(process.argv[2]);
const hex = (bytes) => Buffer.from(bytes).toString("hex");

/** Write all bytes, because a pipe may take only some at a time. */
function write(bytes) {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(1, bytes, at);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
}

async function found(bytes) {
  try {
    const image = await (inWorkers ? decodeInWorkers : decode)(bytes, options);
    const { width, height, layout, palette, labels, hasAlpha, metadata } = image;
    const items = metadata?.items.map(({ kind, payload }) => [kind, hex(payload)]) ?? null;
    const pictures = withPNG
      ? await Promise.all([true, false].map((compress) => encodePNG(image, { compress })))
      : [];
    return [
      {
        ...{ width, height, layout, hasAlpha, items, palette: hex(palette) },
        labels: labels && [...labels],
        pictures: pictures.map((picture) => picture.length),
      },
      Buffer.from(Uint16Array.from(image.indices).buffer),
      ...pictures,
    ];
  } catch (error) {
    if (!(error instanceof KmqError)) throw error;
    return [{ fault: error.fault, message: error.message }];
  }
}

const asked = readFileSync(0);
for (let at = 0; at < asked.length; ) {
  const length = asked.readUInt32LE(at);
  const [result, ...parts] = await found(asked.subarray(at + 4, at + 4 + length));
  write(Buffer.from(`${JSON.stringify(result)}\n`));
  parts.forEach(write);
  at += 4 + length;
}
