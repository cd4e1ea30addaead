import type { DecodeOptions, KmqImage } from "./kmq.js";

export interface ParallelOptions extends DecodeOptions {
  /** The most workers. Default: the number of processors. 0: decode in this thread. */
  workers?: number;
}

/**
 * Decode a file in workers, and small ones or where there are no workers in this thread.
 * @throws {KmqError} as `decode` does
 */
export function decodeInWorkers(
  bytes: ArrayBufferLike | ArrayBufferView,
  options?: ParallelOptions,
): Promise<KmqImage>;
