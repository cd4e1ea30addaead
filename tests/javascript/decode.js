// Decodes the files on standard input, each behind its length in 4 bytes, in one process, and
// writes what it finds: JSON of one line for each file, behind it its indices if it is an image.
import { readFileSync, writeSync } from "node:fs";
import { decode, KmqError } from "../../formats/javascript/kmq.js";

const options = JSON.parse(process.argv[2]);
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

function found(bytes) {
  try {
    const image = decode(bytes, options);
    const { width, height, layout, palette, labels, hasAlpha, metadata } = image;
    const items = metadata?.items.map(({ kind, payload }) => [kind, hex(payload)]) ?? null;
    return [
      { width, height, layout, hasAlpha, items, palette: hex(palette), labels: labels && [...labels] },
      Buffer.from(Uint16Array.from(image.indices).buffer),
    ];
  } catch (error) {
    if (!(error instanceof KmqError)) throw error;
    return [{ fault: error.fault, message: error.message }, Buffer.alloc(0)];
  }
}

const asked = readFileSync(0);
for (let at = 0; at < asked.length; ) {
  const length = asked.readUInt32LE(at);
  const [result, indices] = found(asked.subarray(at + 4, at + 4 + length));
  write(Buffer.from(`${JSON.stringify(result)}\n`));
  write(indices);
  at += 4 + length;
}
