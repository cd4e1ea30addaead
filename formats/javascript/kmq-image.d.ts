import type { KmqImage } from "./kmq.js";

/** `<kmq-image>`. Its events are `load` and `error`, an ErrorEvent whose `error` says why. */
export class KmqImageElement extends HTMLElement {
  /** The picture as decoded, or null. */
  readonly image: KmqImage | null;
  readonly naturalWidth: number;
  readonly naturalHeight: number;
  /** Return the picture as a PNG with exactly its colours. */
  toPNG(): Promise<Blob>;
  /** Let the browser save the picture as PNG. */
  savePNG(name?: string): Promise<void>;
}

declare global {
  interface HTMLElementTagNameMap {
    "kmq-image": KmqImageElement;
  }
}
