/* Decoding, in workers if possible: the bands of a large picture in parallel. */

import { grouped } from "./format.js";

const MOST_PIXELS = 1 << 26;
const BAND_PIXELS = 1 << 20;
const MOST_WORKERS = 8;

/* A plain script, because pages opened from files may not start modules as workers. */
const decoder = document.getElementById("decoder").textContent;

const urlOf = (source) => URL.createObjectURL(new Blob([source], { type: "text/javascript" }));

const workerUrl = urlOf(decoder);

/** Answers questions about a file in a worker; `ask(rows)` resolves to the result of reading.js. */
class WorkerReader {
  constructor(bytes) {
    this.worker = new Worker(workerUrl);
    this.worker.postMessage(bytes);
  }

  ask(rows) {
    return new Promise((resolve, reject) => {
      this.worker.onmessage = ({ data: { found, fault } }) =>
        found ? resolve(found) : reject(fault);
      this.worker.onerror = (event) => {
        event.preventDefault();
        reject(new NoWorkerError());
      };
      this.worker.postMessage(rows);
    });
  }

  close() {
    this.worker.terminate();
  }
}

class NoWorkerError extends Error {}

/** The same on the page's own thread. */
class LocalReader {
  constructor(bytes) {
    this.answer = import(urlOf(`${decoder}\nexport { readerOf };`)).then((module) =>
      module.readerOf(bytes),
    );
  }

  async ask(rows) {
    return (await this.answer)(rows);
  }

  close() {}
}

/** Return the data to show for a file; `onShare` is called with the decoded share. */
export async function readPicture(bytes, onShare) {
  if (typeof Worker !== "undefined") {
    try {
      return await readWith(() => new WorkerReader(bytes), navigator.hardwareConcurrency, onShare);
    } catch (error) {
      if (!(error instanceof NoWorkerError)) throw error;
    }
  }
  return readWith(() => new LocalReader(bytes), 1, onShare);
}

async function readWith(startReader, mostReaders, onShare) {
  const readers = [startReader()];
  try {
    const head = await readers[0].ask(null);
    refuseTooLarge(head);
    const bands = bandsOf(head);
    while (readers.length < Math.min(bands.length, mostReaders, MOST_WORKERS))
      readers.push(startReader());
    return await readBands(head, bands, readers, onShare);
  } finally {
    for (const reader of readers) reader.close();
  }
}

function refuseTooLarge({ width, height }) {
  if (width * height <= MOST_PIXELS) return;
  const size = `${grouped(width)} × ${grouped(height)} pixels`;
  const message = `${size} are more than the ${grouped(MOST_PIXELS)} that this page shows`;
  throw Object.assign(new Error(message), { fault: "limit" });
}

/** Return bands of whole stripes, [first row, end]. */
function bandsOf({ width, height, stripes }) {
  const bands = [];
  let first = 0;
  for (const { firstRow, rows } of stripes) {
    const end = firstRow + rows;
    if ((end - first) * width < BAND_PIXELS && end < height) continue;
    bands.push([first, end]);
    first = end;
  }
  return bands;
}

/** Let readers take one band after another, and combine their results. */
async function readBands(head, bands, readers, onShare) {
  const indices = new (head.colors <= 256 ? Uint8Array : Uint16Array)(head.width * head.height);
  const counts = new Uint32Array(head.colors);
  let next = 0;
  let done = 0;
  let last;
  await Promise.all(
    readers.map(async (reader) => {
      while (next < bands.length) {
        const [first, end] = bands[next++];
        last = await reader.ask([first, end]);
        indices.set(last.indices, first * head.width);
        last.counts.forEach((count, index) => (counts[index] += count));
        onShare(++done / bands.length);
      }
    }),
  );
  return { ...head, ...last, indices, counts };
}
