/* The page: opening files, showing one of them, keys and buttons. */

import { readPicture } from "./decoding.js";
import { showAbout, showMetadata, showStripes } from "./details.js";
import { element, hexOf, nameOf, patchOf } from "./format.js";
import { PalettePane } from "./palette.js";
import { pngOf } from "./png.js";
import { Stage } from "./stage.js";

const one = (id) => document.getElementById(id);
const opened = [];
let current = null;

/* Opening and closing files */

/** Open files, objects with a name and `bytes()`, which returns a Uint8Array; show the first. */
export async function openFiles(files) {
  const added = files.map((file) => ({ name: file.name, file, state: "waiting" }));
  if (added.length === 0) return;
  opened.push(...added);
  show(added[0]);
  for (const entry of added) {
    await load(entry);
    if (entry === current) show(entry);
    else showTabs();
  }
}

async function load(entry) {
  try {
    entry.picture = await readPicture(await entry.file.bytes(), (share) => {
      if (entry === current) one("busy").textContent = `Decoding… ${Math.round(100 * share)} %`;
    });
    entry.state = "shown";
  } catch (error) {
    entry.fault = error;
    entry.state = "broken";
  }
  delete entry.file;
}

function closeFile(entry) {
  const place = opened.indexOf(entry);
  if (place < 0) return;
  opened.splice(place, 1);
  show(entry === current ? (opened[Math.min(place, opened.length - 1)] ?? null) : current);
}

const fromBlob = (file) => ({
  name: file.name,
  bytes: async () => new Uint8Array(await file.arrayBuffer()),
});

const fromBase64 = ({ name, data }) => ({
  name,
  bytes: async () => Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0)),
});

/* Showing one of them */

const stage = new Stage(one("canvas"), {
  onPixel: showPixel,
  onPick: (x, y) => palette.toggle(indexAt(x, y)),
  onZoom: (zoom) => {
    const percent = 100 * zoom;
    one("zoom").textContent = `${percent < 10 ? percent.toPrecision(2) : Math.round(percent)} %`;
  },
});

const palette = new PalettePane(
  { list: one("swatches"), chosen: one("chosen"), more: one("more"), order: one("order") },
  (index) => {
    stage.choose(index);
    current.chosen = index;
  },
);

function show(entry) {
  current = entry;
  const picture = entry?.picture ?? null;
  const isBroken = entry?.state === "broken";
  document.title = entry ? `${entry.name} · kmq viewer` : "kmq viewer";
  one("welcome").hidden = entry !== null;
  one("viewer").hidden = entry === null;
  one("panel").hidden = picture === null;
  one("viewer").classList.toggle("is-bare", picture === null);
  one("busy").hidden = entry?.state !== "waiting";
  one("busy").textContent = "Decoding…";
  one("fault").hidden = !isBroken;
  one("pixel").hidden = true;
  document.querySelector(".tools").hidden = picture === null;
  one("canvas").hidden = picture === null;
  one("save").disabled = picture === null;
  if (isBroken) showFault(entry);
  if (picture) {
    one("canvas").setAttribute(
      "aria-label",
      `${entry.name}, ${picture.width} by ${picture.height} pixels`,
    );
    document.querySelector('[data-toggle="stripes"]').hidden = picture.stripes.length === 1;
    showAbout(
      { name: one("name"), summary: one("summary"), sizes: one("sizes"), theory: one("theory") },
      entry.name,
      picture,
    );
    showStripes(one("stripes"), picture);
    showMetadata(one("metadata"), picture);
  }
  stage.show(picture);
  if (picture) {
    palette.show(picture);
    palette.choose(entry.chosen ?? null);
  }
  showTabs();
}

function showTabs() {
  const tabs = opened.map((entry) => {
    const name = element(
      "button",
      { type: "button", title: entry.name, "aria-current": entry === current ? "true" : null },
      entry.name,
    );
    const shut = element(
      "button",
      { type: "button", "aria-label": `Close ${entry.name}`, title: "Close (W)" },
      "×",
    );
    name.addEventListener("click", () => show(entry));
    shut.addEventListener("click", () => closeFile(entry));
    const tab = element("div", { class: "tab" }, name, shut);
    tab.classList.toggle("is-current", entry === current);
    tab.classList.toggle("is-broken", entry.state === "broken");
    return tab;
  });
  document.querySelector(".tabs").replaceChildren(...tabs);
}

/* Error messages, by whose fault it is. */
const FAULT_HINTS = {
  file: "The file is damaged, was cut short on its way, or is no .kmq file.",
  limit: "“kmq decode” makes a PNG of larger pictures, and “kmq info” says what is in the file.",
};

function showFault({ name, fault }) {
  one("fault-title").textContent = `${name} cannot be shown`;
  one("fault-text").textContent = fault.message;
  one("fault-hint").textContent = FAULT_HINTS[fault.fault] ?? "";
}

function indexAt(x, y) {
  return current.picture.indices[y * current.picture.width + x];
}

function showPixel(pixel, isByKey) {
  const place = one("pixel");
  place.hidden = pixel === null;
  if (pixel === null) return;
  const { x, y } = pixel;
  const index = indexAt(x, y);
  const name = nameOf(current.picture, index);
  place.replaceChildren(
    patchOf(hexOf(current.picture.palette, index)),
    element("b", {}, name),
    element("span", {}, `index ${index}`),
    element("span", {}, `column ${x}, row ${y}`),
  );
  if (isByKey) one("spoken").textContent = `column ${x}, row ${y}: ${name}, index ${index}`;
}

/* Saving */

async function save() {
  if (!current?.picture) return;
  const { name, picture } = current;
  const url = URL.createObjectURL(await pngOf(picture));
  const link = element("a", { href: url, download: `${name.replace(/\.kmq$/i, "")}.png` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/* User input */

const actions = {
  in: () => stage.zoomBy(1.5),
  out: () => stage.zoomBy(1 / 1.5),
  fit: () => stage.fit(),
  actual: () => stage.actual(),
};

function toggle(name) {
  document.querySelector(`[data-toggle="${name}"]`).ariaPressed = String(stage.toggle(name));
}

function step(by) {
  const next = opened[opened.indexOf(current) + by];
  if (next) show(next);
}

const keys = {
  o: () => one("chooser").click(),
  "?": () => one("keys").showModal(),
};

const keysOfPicture = {
  p: save,
  "+": actions.in,
  "=": actions.in,
  "-": actions.out,
  0: actions.fit,
  1: actions.actual,
  g: () => toggle("grid"),
  s: () => toggle("smooth"),
  b: () => toggle("stripes"),
  Escape: () => palette.choose(null),
};

const keysOfFiles = { "[": () => step(-1), "]": () => step(1), w: () => closeFile(current) };

function press(event) {
  if (
    event.ctrlKey ||
    event.metaKey ||
    event.altKey ||
    one("keys").open ||
    event.target.matches("select, input")
  )
    return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const action =
    keys[key] ?? (current && keysOfFiles[key]) ?? (current?.picture && keysOfPicture[key]);
  if (!action) return;
  event.preventDefault();
  action();
}

function listenForFiles() {
  const chooser = one("chooser");
  for (const id of ["open", "choose"]) one(id).addEventListener("click", () => chooser.click());
  chooser.addEventListener("change", () => {
    openFiles([...chooser.files].map(fromBlob));
    chooser.value = "";
  });
  one("example").addEventListener("click", () =>
    openFiles([fromBase64({ name: "example.kmq", data: one("example-file").textContent })]),
  );
  document.addEventListener("paste", (event) =>
    openFiles([...event.clipboardData.files].map(fromBlob)),
  );
  let depth = 0;
  const veil = (change) => {
    depth = Math.max(0, depth + change);
    one("veil").hidden = depth === 0;
  };
  document.addEventListener("dragenter", () => veil(1));
  document.addEventListener("dragleave", () => veil(-1));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    veil(-Infinity);
    openFiles([...event.dataTransfer.files].map(fromBlob));
  });
}

function listen() {
  listenForFiles();
  one("save").addEventListener("click", save);
  one("help").addEventListener("click", keys["?"]);
  for (const button of document.querySelectorAll("[data-do]"))
    button.addEventListener("click", actions[button.dataset.do]);
  for (const button of document.querySelectorAll("[data-toggle]"))
    button.addEventListener("click", () => toggle(button.dataset.toggle));
  document.addEventListener("keydown", press);
}

listen();
openFiles(JSON.parse(one("files").textContent).map(fromBase64));
document.documentElement.dataset.ready = "yes";
