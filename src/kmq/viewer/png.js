/* A PNG file with exactly the pixels of a picture. A canvas would round colours with alpha. */

const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0xedb88320 : byte >>> 1;
  return byte;
});

function crc32(bytes) {
  let crc = ~0;
  for (const byte of bytes) crc = (crc >>> 8) ^ CRC_TABLE[(crc ^ byte) & 0xff];
  return ~crc >>> 0;
}

function chunk(kind, content) {
  const bytes = new Uint8Array(content.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, content.length);
  bytes.set(
    [...kind].map((letter) => letter.charCodeAt(0)),
    4,
  );
  bytes.set(content, 8);
  view.setUint32(content.length + 8, crc32(bytes.subarray(4, content.length + 8)));
  return bytes;
}

async function deflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Return the kind of PNG for a picture: its colour type, depth and samples per pixel. */
function kindOf({ palette, labels, hasAlpha }) {
  const colors = palette.length / 4;
  if (labels) return { type: 0, depth: labels.every((label) => label < 256) ? 8 : 16, samples: 1 };
  if (colors <= 256)
    return { type: 3, depth: [1, 2, 4, 8].find((bits) => colors <= 1 << bits), samples: 1 };
  return hasAlpha ? { type: 6, depth: 8, samples: 4 } : { type: 2, depth: 8, samples: 3 };
}

/** Return the rows as PNG stores them: a filter byte, here 0, and the samples. */
function rowsOf({ width, height, palette, indices, labels }, { type, depth, samples }) {
  const rowBytes = Math.ceil((width * samples * depth) / 8);
  const rows = new Uint8Array(height * (rowBytes + 1));
  for (let y = 0; y < height; y++) {
    const start = y * (rowBytes + 1) + 1;
    for (let x = 0; x < width; x++) {
      const index = indices[y * width + x];
      if (type === 3) {
        const bit = x * depth;
        rows[start + (bit >> 3)] |= index << (8 - depth - (bit & 7));
      } else if (type === 0) {
        if (depth === 16) rows[start + 2 * x] = labels[index] >> 8;
        rows[start + (x + 1) * (depth >> 3) - 1] = labels[index] & 0xff;
      } else {
        for (let c = 0; c < samples; c++) rows[start + x * samples + c] = palette[4 * index + c];
      }
    }
  }
  return rows;
}

/** Return a picture as a PNG file, a Blob. Labels become greys of 8 or 16 bits. */
export async function pngOf(picture) {
  const { width, height, palette, hasAlpha } = picture;
  const kind = kindOf(picture);
  const head = new Uint8Array(13);
  const view = new DataView(head.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  head.set([kind.depth, kind.type], 8);
  const chunks = [chunk("IHDR", head)];
  if (!picture.labels) chunks.push(chunk("sRGB", Uint8Array.of(0)));
  if (kind.type === 3) {
    chunks.push(
      chunk(
        "PLTE",
        palette.filter((_, place) => place % 4 < 3),
      ),
    );
    if (hasAlpha)
      chunks.push(
        chunk(
          "tRNS",
          palette.filter((_, place) => place % 4 === 3),
        ),
      );
  }
  chunks.push(
    chunk("IDAT", await deflated(rowsOf(picture, kind))),
    chunk("IEND", new Uint8Array()),
  );
  return new Blob([Uint8Array.from(PNG_SIGNATURE), ...chunks], { type: "image/png" });
}
