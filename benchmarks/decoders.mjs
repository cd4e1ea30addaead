// Prints the processor time, in milliseconds, of several decodings of each file that is named.

import { readFileSync } from "node:fs";
import { decode } from "../formats/javascript/kmq.js";

const [repeats, ...names] = process.argv.slice(2);
for (const name of names) {
  const bytes = readFileSync(name);
  const times = Array.from({ length: Number(repeats) }, () => {
    const before = process.cpuUsage();
    decode(bytes);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  });
  console.log(JSON.stringify(times));
}
