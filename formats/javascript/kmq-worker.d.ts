import type { KmqImage } from "./kmq.js";

/**
 * Return an image as the bytes of a PNG that has exactly its colours, with a palette if it has at
 * most 256 of them. Labels become greys that are not scaled, of 16 bits if one is above 255.
 */
export function encodePNG(image: KmqImage, options?: { compress?: boolean }): Promise<Uint8Array>;
