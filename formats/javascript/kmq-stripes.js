// The worker of kmq-parallel.js: decodes some rows of a file.

import { decode, KmqError } from "./kmq.js";

function decoded({ bytes, rows, maxPixels }) {
  try {
    return { fields: { ...decode(bytes, { rows, maxPixels }) } };
  } catch (error) {
    if (!(error instanceof KmqError)) throw error;
    return { error: { fault: error.fault, message: error.message } };
  }
}

function answerOn(port, asked) {
  const answer = decoded(asked);
  port.postMessage(answer, answer.fields ? [answer.fields.indices.buffer] : []);
}

if (typeof process === "object" && process.versions?.node) {
  const { parentPort } = await import("node:worker_threads");
  parentPort.on("message", (asked) => answerOn(parentPort, asked));
} else {
  self.onmessage = ({ data }) => answerOn(self, data);
}
