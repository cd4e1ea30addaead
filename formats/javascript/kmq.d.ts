/** Whose fault an error is: the file's, that of a limit, or the caller's. */
export type Fault = "file" | "limit" | "caller";

export class KmqError extends Error {
  constructor(fault: Fault, message: string);
  readonly name: "KmqError";
  readonly fault: Fault;
}

/** The most pixels that are decoded unless the caller says otherwise: 2 ** 28. */
export const MAX_PIXELS: number;

export type Layout = "grey" | "rgb" | "rgba" | "grey-alpha" | "labels";

export interface Stripe {
  readonly rows: number;
  readonly coding: "packed" | "modelled";
  /** The length of its body. */
  readonly bytes: number;
}

export interface Info {
  readonly width: number;
  readonly height: number;
  /** The number of palette entries. */
  readonly colors: number;
  readonly layout: Layout;
  /** Whether some palette entry is not opaque. */
  readonly hasAlpha: boolean;
  /** The rows of every stripe except the last, which may have fewer. */
  readonly stripeRows: number;
  /** From top to bottom. */
  readonly stripes: readonly Stripe[];
  /** The length that the file has if it is whole. */
  readonly fileBytes: number;
}

export interface Text {
  readonly keyword: string;
  readonly text: string;
}

export interface Metadata {
  /** All items in the order of the file, those of reserved kinds too. */
  readonly items: readonly { readonly kind: number; readonly payload: Uint8Array }[];
  /** Pixels per inch: numerator and denominator across, then down. */
  readonly resolution: readonly [number, number, number, number] | null;
  /** A TIFF structure. It is not checked. */
  readonly exif: Uint8Array | null;
  /** A packet in UTF-8. It is not checked. */
  readonly xmp: Uint8Array | null;
  readonly texts: readonly Text[];
}

export interface ImageFields {
  width: number;
  height: number;
  layout: Layout;
  palette: Uint8ClampedArray;
  labels: Uint16Array | null;
  indices: Uint8Array | Uint16Array;
  hasAlpha: boolean;
  metadata: Metadata | null;
}

/** A picture: a palette, and the index of its colour for each pixel. */
export class KmqImage implements Readonly<ImageFields> {
  constructor(fields: ImageFields);
  readonly width: number;
  /** The number of rows that were decoded. */
  readonly height: number;
  readonly layout: Layout;
  /** Red, green, blue and alpha of each entry. A label is shown as a grey of 8 bits. */
  readonly palette: Uint8ClampedArray;
  /** The label of each entry, if the entries are labels. */
  readonly labels: Uint16Array | null;
  /** Row by row; of 8 bits for up to 256 colours, else of 16 bits. */
  readonly indices: Uint8Array | Uint16Array;
  /** Whether some palette entry is not opaque. */
  readonly hasAlpha: boolean;
  /** Null if they are damaged, which does not cost the image. */
  readonly metadata: Metadata | null;
  /** Return red, green, blue and alpha of all pixels, row by row. */
  toRGBA(): Uint8ClampedArray;
  /** Return the picture as ImageData or, where there is no such class, an object like it. */
  toImageData(): ImageData;
}

export interface DecodeOptions {
  /** From rows[0] up to, but not including, rows[1]. Other stripes are not looked at. */
  rows?: readonly [number, number];
  /** The most pixels to decode. Default: MAX_PIXELS. */
  maxPixels?: number;
}

/**
 * Return what the head of a file says, without its pixels. The beginning of a file suffices.
 * @throws {KmqError}
 */
export function info(bytes: ArrayBufferLike | ArrayBufferView): Info;

/**
 * Decode a file, every rule of the format being checked.
 * @throws {KmqError} with the fault "file" if the file breaks a rule, "limit" if it has more than
 *   `maxPixels` pixels or there is no memory for them, "caller" if an argument is wrong.
 */
export function decode(bytes: ArrayBufferLike | ArrayBufferView, options?: DecodeOptions): KmqImage;
