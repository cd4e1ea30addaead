/* What there is to know about a file: its size and what theory says, stripes, metadata. */

import { counted, element, shareOf } from "./format.js";

const STRIPES_SHOWN = 200;

/** Return the bits that theory asks for: the palette, and log2 K for each pixel. */
function theoreticalBits({ width, height, counts, hasAlpha }) {
  return (hasAlpha ? 32 : 24) * counts.length + width * height * Math.log2(counts.length);
}

/** Return what the pixels are called without a palette, and their bytes. */
function plainSize({ width, height, hasAlpha, labels }) {
  if (labels) return labels.some((label) => label > 255) ? ["labels of 16 bits", 2 * width * height] : ["labels of 8 bits", width * height];
  return hasAlpha ? ["pixels as RGBA", 4 * width * height] : ["pixels as RGB", 3 * width * height];
}

/** Say how a file compares with theory: in bytes where they are close, else as a share. */
function comparison(fileBytes, bytes) {
  const more = Math.round(fileBytes - bytes);
  if (Math.abs(more) > bytes / 20) return `${shareOf(fileBytes, bytes)} of that`;
  return more === 0 ? "as much" : `${counted(Math.abs(more), "byte")} ${more > 0 ? "more" : "less"} than that`;
}

export function showAbout(places, name, picture) {
  const { width, height, counts, fileBytes, hasAlpha, labels } = picture;
  const pixels = width * height;
  const bytes = theoreticalBits(picture) / 8;
  places.name.textContent = name;
  const kind = labels ? "label" : "colour";
  places.summary.textContent = `${width.toLocaleString("en")} × ${height.toLocaleString("en")} pixels in ${counted(counts.length, kind)}${hasAlpha ? " with alpha" : ""}, ${Number(((8 * fileBytes) / pixels).toPrecision(3))} bits per pixel`;
  const rows = [
    ["", ...plainSize(picture)],
    ["is-theory", "in theory", bytes],
    ["is-file", "this file", fileBytes],
  ];
  const most = Math.max(...rows.map(([, , size]) => size));
  places.sizes.replaceChildren(...rows.map(([kindOfRow, label, size]) => {
    const length = element("div", { class: "length" });
    length.style.width = `${(100 * size) / most}%`;
    const line = element("div", { class: "line" }, element("span", {}, label), element("span", {}, counted(Math.ceil(size), "byte")));
    return element("div", { class: kindOfRow }, line, length);
  }));
  const bits = Math.log2(counts.length);
  places.theory.textContent =
    `In theory a palette of ${counts.length.toLocaleString("en")} takes ${hasAlpha ? 32 : 24} bits for each colour and ` +
    `log2 K = ${Number(bits.toFixed(3))} bits for each pixel. The file takes ${comparison(fileBytes, bytes)}.`;
}

export function showStripes(place, { stripes }) {
  const total = stripes.reduce((sum, stripe) => sum + stripe.bytes, 0);
  const codings = [...new Set(stripes.map((stripe) => stripe.coding))].join(" and ");
  place.replaceChildren(element("p", { class: "quiet" }, `${counted(stripes.length, "stripe")}, ${codings}, ${counted(total, "byte")} of indices`));
  if (stripes.length === 1) return;
  const head = element("tr", {}, ...["rows", "coding", "bytes"].map((title) => element("th", { scope: "col" }, title)));
  const rows = stripes.slice(0, STRIPES_SHOWN).map(({ firstRow, rows: count, coding, bytes }) =>
    element("tr", {}, ...[`${firstRow} to ${firstRow + count - 1}`, coding, bytes.toLocaleString("en")].map((text) => element("td", {}, text))),
  );
  const table = element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows));
  place.append(element("div", { class: "scroller", tabindex: 0, role: "region", "aria-label": "Table of stripes" }, table));
  if (stripes.length > STRIPES_SHOWN) place.append(element("p", { class: "quiet" }, `The first ${STRIPES_SHOWN}.`));
}

export function showMetadata(place, { metadata }) {
  const entries = entriesOf(metadata);
  if (entries.length === 0) {
    const text = metadata === null ? "Damaged, so the picture is shown without them." : "The file has none.";
    place.replaceChildren(element("p", { class: "quiet" }, text));
    return;
  }
  const list = entries.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value)));
  place.replaceChildren(element("dl", {}, ...list));
}

/** Return names and values; null metadata are damaged. */
function entriesOf(metadata) {
  if (metadata === null) return [];
  const entries = [];
  if (metadata.resolution) {
    const [across, down] = metadata.resolution.map((number) => Number(number.toFixed(2)));
    entries.push(["resolution", across === down ? `${across} pixels per inch` : `${across} × ${down} pixels per inch`]);
  }
  for (const { keyword, text } of metadata.texts) entries.push([keyword, text]);
  if (metadata.exifBytes) entries.push(["EXIF", counted(metadata.exifBytes, "byte")]);
  if (metadata.xmp) entries.push(["XMP", metadata.xmp]);
  return entries;
}
