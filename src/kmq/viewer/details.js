/* The details of a file: its actual and theoretical size, stripes, metadata. */

import { counted, element, grouped, shareOf } from "./format.js";

const STRIPES_SHOWN = 200;

/** Show the name, the size of the picture, and the actual and theoretical size of the file. */
export function showAbout(places, name, picture) {
  const { counts, fileBytes, hasAlpha } = picture;
  const bytes = theoreticalBits(picture) / 8;
  places.name.textContent = name;
  places.summary.textContent = summaryOf(picture);
  const rows = [
    sizeRow("", ...plainSize(picture)),
    sizeRow("is-theory", "in theory", bytes),
    sizeRow("is-file", "this file", fileBytes),
  ];
  const most = Math.max(...rows.map((row) => row.size));
  for (const { length, size } of rows) length.style.width = `${(100 * size) / most}%`;
  places.sizes.replaceChildren(...rows.map((row) => row.shown));
  places.theory.textContent =
    `In theory a palette of ${grouped(counts.length)} takes ${hasAlpha ? 32 : 24} bits ` +
    `for each colour and log2 K = ${Number(Math.log2(counts.length).toFixed(3))} bits ` +
    `for each pixel. The file takes ${comparison(fileBytes, bytes)}.`;
}

function summaryOf({ width, height, counts, fileBytes, hasAlpha, labels }) {
  const entries = counted(counts.length, labels ? "label" : "colour");
  const bits = Number(((8 * fileBytes) / (width * height)).toPrecision(3));
  return (
    `${grouped(width)} × ${grouped(height)} pixels in ${entries}` +
    `${hasAlpha ? " with alpha" : ""}, ${bits} bits per pixel`
  );
}

function sizeRow(kind, name, size) {
  const length = element("div", { class: "length" });
  const bytes = element("span", {}, counted(Math.ceil(size), "byte"));
  const line = element("div", { class: "line" }, element("span", {}, name), bytes);
  return { size, length, shown: element("div", { class: kind }, line, length) };
}

/** Return the theoretical size in bits: the palette, and log2 K per pixel. */
function theoreticalBits({ width, height, counts, hasAlpha }) {
  return (hasAlpha ? 32 : 24) * counts.length + width * height * Math.log2(counts.length);
}

/** Return the name of the pixels without a palette, and their bytes. */
function plainSize({ width, height, hasAlpha, labels }) {
  const pixels = width * height;
  if (labels?.some((label) => label > 255)) return ["labels of 16 bits", 2 * pixels];
  if (labels) return ["labels of 8 bits", pixels];
  return hasAlpha ? ["pixels as RGBA", 4 * pixels] : ["pixels as RGB", 3 * pixels];
}

/** Compare a file's size with theory: in bytes if they are close, otherwise as a share. */
function comparison(fileBytes, bytes) {
  const more = Math.round(fileBytes - bytes);
  if (Math.abs(more) > bytes / 20) return `${shareOf(fileBytes, bytes)} of that`;
  if (more === 0) return "as much";
  return `${counted(Math.abs(more), "byte")} ${more > 0 ? "more" : "less"} than that`;
}

export function showStripes(place, { stripes }) {
  const total = stripes.reduce((sum, stripe) => sum + stripe.bytes, 0);
  const codings = [...new Set(stripes.map((stripe) => stripe.coding))].join(" and ");
  const summary = `${counted(stripes.length, "stripe")}, ${codings}, ${counted(total, "byte")} of indices`;
  place.replaceChildren(element("p", { class: "quiet" }, summary));
  if (stripes.length === 1) return;
  place.append(
    element(
      "div",
      { class: "scroller", tabindex: 0, role: "region", "aria-label": "Table of stripes" },
      tableOf(stripes.slice(0, STRIPES_SHOWN)),
    ),
  );
  if (stripes.length > STRIPES_SHOWN) {
    place.append(element("p", { class: "quiet" }, `The first ${STRIPES_SHOWN}.`));
  }
}

function tableOf(stripes) {
  const rowOf = (tag, cells) => element("tr", {}, ...cells.map((cell) => element(tag, {}, cell)));
  const rows = stripes.map(({ firstRow, rows, coding, bytes }) =>
    rowOf("td", [`${firstRow} to ${firstRow + rows - 1}`, coding, grouped(bytes)]),
  );
  const head = rowOf("th", ["rows", "coding", "bytes"]);
  return element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows));
}

/** Show metadata; null if they are damaged. */
export function showMetadata(place, { metadata }) {
  const entries = metadata === null ? [] : entriesOf(metadata);
  if (entries.length === 0) {
    const text =
      metadata === null ? "Damaged: the picture is shown without." : "The file has none.";
    place.replaceChildren(element("p", { class: "quiet" }, text));
    return;
  }
  const list = entries.map(([name, value]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, value)),
  );
  place.replaceChildren(element("dl", {}, ...list));
}

/** Return the name and value of each item. */
function entriesOf({ resolution, texts, exifBytes, xmp }) {
  const entries = [];
  if (resolution) {
    const [across, down] = resolution.map((number) => Number(number.toFixed(2)));
    const size = across === down ? across : `${across} × ${down}`;
    entries.push(["resolution", `${size} pixels per inch`]);
  }
  for (const { keyword, text } of texts) entries.push([keyword, text]);
  if (exifBytes) entries.push(["EXIF", counted(exifBytes, "byte")]);
  if (xmp) entries.push(["XMP", xmp]);
  return entries;
}
