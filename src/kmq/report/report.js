"use strict";

// The page's behaviour: the user chooses one K, and every section shows it. The script needs no
// library and no network. With #self-test in the address, it tests itself.

const data = JSON.parse(document.getElementById("data").textContent);
const rows = data.rows.map((row) => ({ ...row, palette: bytesOf(row.palette) }));
const all = (selector) => [...document.querySelectorAll(selector)];
const one = (selector) => document.querySelector(selector);
const MOST_SWATCHES = 256;
const MOST_NAMED_SWATCHES = 64;

let chosen = data.chosen;

function bytesOf(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

function hexOf(palette, entry) {
  const color = palette.subarray(3 * entry, 3 * entry + 3);
  return "#" + [...color].map((part) => part.toString(16).padStart(2, "0")).join("");
}

function lightness(palette, entry) {
  const [red, green, blue] = palette.subarray(3 * entry, 3 * entry + 3);
  return 0.299 * red + 0.587 * green + 0.114 * blue;
}

function entriesOf(row, before) {
  return [...row.pixels.keys()].sort(before);
}

/* The choice of K */

function choose(number) {
  chosen = number;
  const row = rows[number];
  one(`.choices input[value="${number}"]`).checked = true;
  for (const marked of all("[data-row]")) {
    const part = marked.closest(".sheet li") ?? marked;
    part.classList.toggle("is-chosen", Number(marked.dataset.row) === number);
    if (marked.matches("button")) marked.ariaPressed = Number(marked.dataset.row) === number;
  }
  for (const drawn of all("svg [data-colors]")) {
    drawn.classList.toggle("is-chosen", Number(drawn.dataset.colors) === row.colors);
  }
  for (const place of all(".chosen-k")) place.textContent = row.colors.toLocaleString("en");
  showFacts(row);
  showPictures(row, number);
  showSwatches(row);
  const absent = one(".trace-absent");
  if (absent) absent.hidden = one(`svg .curve[data-colors="${row.colors}"]`) !== null;
  drawSpace();
}

function showFacts(row) {
  const parts = row.facts.map((fact) => Object.assign(document.createElement("span"), { textContent: fact }));
  one(".chosen-facts").replaceChildren(...parts);
}

function showPictures(row, number) {
  const colors = `${row.colors.toLocaleString("en")} colours`;
  const source = document.getElementById(`picture-${number}`).src;
  for (const id of ["reduced", "heat-picture"]) {
    Object.assign(document.getElementById(id), { src: source, alt: `The picture in ${colors}` });
  }
  all("img.detail").forEach((image, detail) => {
    Object.assign(image, { src: row.details[detail], alt: `Detail ${detail + 1} in ${colors}` });
  });
  Object.assign(document.getElementById("heat-map"), { src: row.heatMap, alt: `Map of the error in ${colors}` });
  for (const place of all("[data-spread]")) place.textContent = row.spread[place.dataset.spread];
}

/* Palettes */

function showSwatches(row) {
  const total = row.pixels.reduce((sum, count) => sum + count, 0);
  const entries = entriesOf(row, (a, b) => row.pixels[b] - row.pixels[a]).slice(0, MOST_SWATCHES);
  const list = one(".swatches");
  const isDense = entries.length > MOST_NAMED_SWATCHES;
  list.classList.toggle("dense", isDense);
  list.replaceChildren(...entries.map((entry) => {
    const hex = hexOf(row.palette, entry);
    const share = `${((100 * row.pixels[entry]) / total).toPrecision(2)} %`;
    const item = document.createElement("li");
    const patch = document.createElement("i");
    patch.style.background = hex;
    item.title = `${hex}, ${share}`;
    item.append(patch);
    if (isDense) {
      item.ariaLabel = item.title;
    } else {
      item.append(Object.assign(document.createElement("code"), { textContent: hex }), share);
    }
    return item;
  }));
  one("#swatches-note").textContent =
    row.used > entries.length
      ? `The ${entries.length} most frequent of ${row.used.toLocaleString("en")}.`
      : isDense ? "Point at a colour for its code and its share of the pixels." : "";
}

function drawBands() {
  all(".bands button").forEach((button) => {
    const row = rows[Number(button.dataset.row)];
    const canvas = button.querySelector("canvas");
    canvas.width = Math.max(1, Math.round(canvas.clientWidth * devicePixelRatio));
    const pen = canvas.getContext("2d");
    const total = row.pixels.reduce((sum, count) => sum + count, 0);
    const order = entriesOf(row, (a, b) => lightness(row.palette, a) - lightness(row.palette, b));
    let passed = 0;
    for (const entry of order) {
      const left = (canvas.width * passed) / total;
      passed += row.pixels[entry];
      pen.fillStyle = hexOf(row.palette, entry);
      pen.fillRect(left, 0, (canvas.width * passed) / total - left + 0.5, 1);
    }
  });
}

/* The colours in space: the RGB cube from a distance */

const space = document.getElementById("space");
const points = bytesOf(data.points);
// From here, black and white are far apart, and most pictures lie along the line between them.
const view = { turn: 0.25, tilt: 0.42 };

function projector(width, height) {
  const scale = Math.min(width, height) / 1.95;
  const [sinTurn, cosTurn] = [Math.sin(view.turn), Math.cos(view.turn)];
  const [sinTilt, cosTilt] = [Math.sin(view.tilt), Math.cos(view.tilt)];
  // Green is up, red to the right, blue towards the eye; the cube's middle is the pivot.
  return (red, green, blue) => {
    const [x, y, z] = [red / 255 - 0.5, green / 255 - 0.5, blue / 255 - 0.5];
    const across = cosTurn * x + sinTurn * z;
    const near = cosTurn * z - sinTurn * x;
    const up = cosTilt * y - sinTilt * near;
    const depth = cosTilt * near + sinTilt * y;
    const perspective = 3.2 / (3.2 - depth);
    return [width / 2 + scale * perspective * across, height / 2 - scale * perspective * up, depth, perspective];
  };
}

function drawSpace() {
  const ratio = devicePixelRatio;
  const [width, height] = [space.clientWidth, space.clientHeight];
  if (!width || !height) return;
  space.width = Math.round(width * ratio);
  space.height = Math.round(height * ratio);
  const pen = space.getContext("2d");
  pen.scale(ratio, ratio);
  const project = projector(width, height);
  const style = getComputedStyle(document.documentElement);
  const color = (name) => style.getPropertyValue(name);
  drawCube(pen, project, color("--line"));
  drawPoints(pen, project);
  drawPalette(pen, project, color("--ink"));
  nameCorners(pen, project, color("--muted"), color("--surface"));
}

function drawCube(pen, project, line) {
  pen.strokeStyle = line;
  pen.lineWidth = 1;
  for (const [a, b] of [[0, 0], [0, 255], [255, 0], [255, 255]]) {
    for (const edge of [[[0, a, b], [255, a, b]], [[a, 0, b], [a, 255, b]], [[a, b, 0], [a, b, 255]]]) {
      const [from, to] = edge.map((corner) => project(...corner));
      pen.beginPath();
      pen.moveTo(from[0], from[1]);
      pen.lineTo(to[0], to[1]);
      pen.stroke();
    }
  }
}

function nameCorners(pen, project, ink, halo) {
  pen.fillStyle = ink;
  pen.strokeStyle = halo;
  pen.lineWidth = 4;
  pen.lineJoin = "round";
  pen.font = "13px ui-sans-serif, system-ui, sans-serif";
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  for (const [name, corner] of [
    ["black", [-18, -18, -18]], ["red", [275, -12, -12]], ["green", [-12, 275, -12]],
    ["blue", [-12, -12, 275]], ["white", [270, 270, 270]],
  ]) {
    const [x, y] = project(...corner);
    pen.strokeText(name, x, y);
    pen.fillText(name, x, y);
  }
}

function drawPoints(pen, project) {
  const placed = [];
  for (let i = 0; i < points.length; i += 3) {
    const color = points.subarray(i, i + 3);
    placed.push([...project(...color), `rgb(${color.join()})`]);
  }
  placed.sort((a, b) => a[2] - b[2]);
  for (const [x, y, , perspective, color] of placed) {
    const side = 2.6 * perspective;
    pen.fillStyle = color;
    pen.fillRect(x - side / 2, y - side / 2, side, side);
  }
}

function drawPalette(pen, project, ink) {
  const row = rows[chosen];
  const most = row.pixels.reduce((a, b) => Math.max(a, b));
  const placed = entriesOf(row, (a, b) => a - b).map((entry) => {
    const color = row.palette.subarray(3 * entry, 3 * entry + 3);
    const [x, y, depth, perspective] = project(...color);
    const radius = perspective * (3 + 10 * Math.sqrt(row.pixels[entry] / most));
    return { x, y, depth, radius, color: `rgb(${color.join()})` };
  });
  placed.sort((a, b) => a.depth - b.depth);
  for (const { x, y, radius, color } of placed) {
    pen.beginPath();
    pen.arc(x, y, radius, 0, 2 * Math.PI);
    pen.fillStyle = color;
    pen.fill();
    pen.strokeStyle = ink;
    pen.lineWidth = 1.5;
    pen.stroke();
  }
}

function turn(across, up) {
  view.turn += across;
  view.tilt = Math.max(-1.5, Math.min(1.5, view.tilt + up));
  requestAnimationFrame(drawSpace);
}

/* User input */

function moveSplit() {
  one(".stage").style.setProperty("--split", `${document.getElementById("split").value}%`);
}

function listen() {
  one(".choices").addEventListener("change", (event) => choose(Number(event.target.value)));
  for (const button of all("button[data-row]")) {
    button.addEventListener("click", () => choose(Number(button.dataset.row)));
  }
  document.getElementById("split").addEventListener("input", moveSplit);
  space.addEventListener("pointerdown", (event) => space.setPointerCapture(event.pointerId));
  space.addEventListener("pointermove", (event) => {
    if (space.hasPointerCapture(event.pointerId)) turn(event.movementX / 130, event.movementY / 130);
  });
  space.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: [-0.12, 0], ArrowRight: [0.12, 0], ArrowUp: [0, -0.12], ArrowDown: [0, 0.12] };
    if (!(event.key in steps)) return;
    event.preventDefault();
    turn(...steps[event.key]);
  });
  new ResizeObserver(() => { drawBands(); drawSpace(); }).observe(space);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawSpace);
}

/* Self-test: a browser test opens the page with #self-test and reads the answer. */

async function selfTest() {
  const expect = (holds, what) => { if (!holds) throw new Error(what); };
  for (const [number, row] of rows.entries()) {
    one(`.choices input[value="${number}"]`).click();
    expect(one("#reduced").src === document.getElementById(`picture-${number}`).src, "the picture follows K");
    expect(one(".chosen-facts").textContent.includes(row.facts[0]), "the facts follow K");
    expect(all(".swatches li").length === Math.min(row.used, MOST_SWATCHES), "the swatches follow K");
    expect(one("#heat-map").src === row.heatMap, "the map follows K");
    for (const image of document.images) {
      while (!image.complete) await new Promise((go) => { setTimeout(go, 5); });
      expect(image.naturalWidth > 0, `a picture loads: ${image.alt}`);
    }
  }
  const split = document.getElementById("split");
  split.value = 20;
  split.dispatchEvent(new Event("input"));
  const clip = getComputedStyle(one("#reduced")).clipPath;
  expect(clip.includes("20%"), `the divider moves: ${clip}`);
  drawSpace();
  const before = space.toDataURL();
  space.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight" }));
  drawSpace();
  expect(space.toDataURL() !== before, "the cloud turns");
  const drawn = new Set(new Uint32Array(space.getContext("2d").getImageData(0, 0, space.width, space.height).data.buffer));
  expect(drawn.size > 2, "the cloud is drawn");
}

listen();
choose(chosen);
drawBands();
document.documentElement.dataset.ready = "yes";
if (location.hash === "#self-test") {
  selfTest().then(
    () => { document.documentElement.dataset.selfTest = "passed"; },
    (error) => { document.documentElement.dataset.selfTest = `failed: ${error.message}`; },
  );
}
