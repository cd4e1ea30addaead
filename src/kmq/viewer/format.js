/* Formatting of numbers and colours, and creation of elements. */

/** Return a number with commas between groups of three digits. */
export const grouped = (number) => number.toLocaleString("en");

export const counted = (number, noun) => `${grouped(number)} ${noun}${number === 1 ? "" : "s"}`;

/** Return #rrggbb, or #rrggbbaa if the entry is not opaque. */
export function hexOf(palette, index) {
  const entry = [...palette.subarray(4 * index, 4 * index + 4)];
  if (entry[3] === 255) entry.pop();
  return "#" + entry.map((sample) => sample.toString(16).padStart(2, "0")).join("");
}

/** Return the perceived lightness of a colour, from 0 to 255. */
export const lightnessOf = ([red, green, blue]) => 0.299 * red + 0.587 * green + 0.114 * blue;

/** Return the name of an entry: its label or its colour. */
export const nameOf = ({ palette, labels }, index) =>
  labels ? `label ${labels[index]}` : hexOf(palette, index);

/** Return a part of a whole in percent, with two significant digits. */
export function shareOf(part, whole) {
  if (part === 0) return "0 %";
  const percent = (100 * part) / whole;
  if (percent < 0.001) return "< 0.001 %";
  return `${percent >= 99.95 && part < whole ? "> 99.9" : Number(percent.toPrecision(percent < 10 ? 2 : 3))} %`;
}

/** Create an element with attributes and children, which are elements or text. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/** Create a patch of a colour over a chequerboard. */
export function patchOf(hex) {
  const patch = element("span", { class: "patch" });
  patch.style.setProperty("--color", hex);
  return patch;
}
