/* The picture on the canvas: the visible part, the zoom, and the marks drawn over it. */

import { element } from "./format.js";
import { Gestures } from "./gestures.js";
import { Painting } from "./painting.js";

const MOST_ZOOM = 96;
const MOST_FITTING_ZOOM = 32;
const GRID_FROM = 7;
const MARGIN = 20;
const EDGE = 60;
const RING = 9;
const CHEQUER = 8;

export class Stage {
  /**
   * `onPixel(pixel, isByKey)` is called with the pixel pointed at, or null; `onPick(x, y)` with
   * the chosen one; `onZoom(zoom)` with the number of screen pixels per picture pixel.
   */
  constructor(canvas, { onPixel, onPick, onZoom }) {
    Object.assign(this, { canvas, onPixel, onZoom, picture: null, pixel: null });
    this.shows = { grid: true, smooth: false, stripes: false };
    this.gestures = new Gestures(this, onPick);
    new ResizeObserver(() => {
      if (this.picture && this.isFitting) this.fit();
      this.drawNow();
    }).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  /** Show a picture, or none with null. */
  show(picture) {
    this.picture = picture;
    this.pixel = null;
    this.chosen = null;
    this.painting = picture && new Painting(picture);
    if (picture) this.fit();
    this.draw();
  }

  /** Highlight one palette entry, or none with null. */
  choose(index) {
    if (index === this.chosen) return;
    this.chosen = index;
    this.painting.choose(index);
    this.draw();
  }

  /** Point at a pixel, or at none with null. */
  point(pixel, isByKey = false) {
    this.pixel = pixel;
    this.isByKey = isByKey;
    this.onPixel(pixel, isByKey);
    this.draw();
  }

  toggle(name) {
    this.shows[name] = !this.shows[name];
    this.draw();
    return this.shows[name];
  }

  /* The view: the picture's point in the middle, and the size of a pixel */

  get size() {
    return { width: this.canvas.clientWidth, height: this.canvas.clientHeight };
  }

  /** Round to whole numbers when enlarging, so that all pixels have the same size. */
  get fittingZoom() {
    const { width, height } = this.size;
    const zoom = Math.min(
      (width - 2 * MARGIN) / this.picture.width,
      (height - 2 * MARGIN) / this.picture.height,
    );
    return Math.min(zoom >= 1 ? Math.floor(zoom) : Math.max(zoom, 1e-5), MOST_FITTING_ZOOM);
  }

  fit() {
    this.isFitting = true;
    this.view = { x: this.picture.width / 2, y: this.picture.height / 2, zoom: this.fittingZoom };
    this.changed();
  }

  actual() {
    this.zoomTo(1 / devicePixelRatio);
  }

  zoomBy(factor, at) {
    this.zoomTo(this.view.zoom * factor, at);
  }

  /** Zoom around the point `at` of the canvas, by default its middle. */
  zoomTo(zoom, at = { x: this.size.width / 2, y: this.size.height / 2 }) {
    const least = Math.min(this.fittingZoom, 1 / devicePixelRatio);
    const before = this.toPicture(at);
    this.view.zoom = Math.max(least, Math.min(MOST_ZOOM, zoom));
    const after = this.toPicture(at);
    this.panTo(this.view.x + before.x - after.x, this.view.y + before.y - after.y);
  }

  /** Move the picture by distances on the screen. */
  panBy(right, down) {
    this.panTo(this.view.x - right / this.view.zoom, this.view.y - down / this.view.zoom);
  }

  panTo(x, y) {
    this.isFitting = false;
    this.view.x = Math.max(0, Math.min(this.picture.width, x));
    this.view.y = Math.max(0, Math.min(this.picture.height, y));
    this.changed();
  }

  /** Pan until a pixel is visible. */
  reveal(pixel) {
    const { x, y } = this.toCanvas({ x: pixel.x + 0.5, y: pixel.y + 0.5 });
    const { width, height } = this.size;
    const beyond = (at, length) => Math.min(0, at - EDGE) + Math.max(0, at - (length - EDGE));
    const [right, down] = [beyond(x, width), beyond(y, height)];
    if (right || down) this.panBy(-right, -down);
  }

  changed() {
    this.onZoom(this.view.zoom * devicePixelRatio);
    this.draw();
  }

  toPicture({ x, y }) {
    const { width, height } = this.size;
    return {
      x: (x - width / 2) / this.view.zoom + this.view.x,
      y: (y - height / 2) / this.view.zoom + this.view.y,
    };
  }

  toCanvas({ x, y }) {
    const { width, height } = this.size;
    return {
      x: (x - this.view.x) * this.view.zoom + width / 2,
      y: (y - this.view.y) * this.view.zoom + height / 2,
    };
  }

  /** Return the pixel of the picture at a point of the canvas, or null. */
  pixelAt(point) {
    const { x, y } = this.toPicture(point);
    const isInside = x >= 0 && y >= 0 && x < this.picture.width && y < this.picture.height;
    return isInside ? { x: Math.floor(x), y: Math.floor(y) } : null;
  }

  /* Drawing */

  draw() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.drawNow();
    });
  }

  drawNow() {
    const { canvas, picture } = this;
    const { width, height } = this.size;
    canvas.width = Math.round(width * devicePixelRatio);
    canvas.height = Math.round(height * devicePixelRatio);
    if (!picture || !width || !height) return;
    const pen = canvas.getContext("2d");
    pen.scale(devicePixelRatio, devicePixelRatio);
    if (picture.hasAlpha) this.drawChequers(pen);
    this.drawTiles(pen);
    if (this.shows.grid && this.view.zoom >= GRID_FROM) this.drawGrid(pen);
    if (this.shows.stripes) this.drawStripes(pen);
    if (this.view.zoom < RING) this.drawRings(pen);
    if (this.pixel) this.drawPixel(pen);
  }

  drawChequers(pen) {
    const style = getComputedStyle(document.documentElement);
    const pattern = element("canvas");
    pattern.width = pattern.height = 2 * CHEQUER;
    const brush = pattern.getContext("2d");
    brush.fillStyle = style.getPropertyValue("--chequer-1");
    brush.fillRect(0, 0, 2 * CHEQUER, 2 * CHEQUER);
    brush.fillStyle = style.getPropertyValue("--chequer-2");
    brush.fillRect(0, 0, CHEQUER, CHEQUER);
    brush.fillRect(CHEQUER, CHEQUER, CHEQUER, CHEQUER);
    const { x, y } = this.toCanvas({ x: 0, y: 0 });
    pen.fillStyle = pen.createPattern(pattern, "repeat");
    pen.fillRect(x, y, this.picture.width * this.view.zoom, this.picture.height * this.view.zoom);
  }

  drawTiles(pen) {
    const zoom = this.view.zoom * devicePixelRatio;
    pen.imageSmoothingEnabled = this.shows.smooth || zoom < 1;
    pen.imageSmoothingQuality = "high";
    // Whole screen pixels, so that there are no gaps between tiles.
    const snap = (length) => Math.round(length * devicePixelRatio) / devicePixelRatio;
    for (const tile of this.painting.tilesAt(zoom)) {
      const from = this.toCanvas(tile);
      const to = this.toCanvas({ x: tile.x + tile.width, y: tile.y + tile.height });
      if (to.x < 0 || to.y < 0 || from.x > this.size.width || from.y > this.size.height) continue;
      const [x, y] = [snap(from.x), snap(from.y)];
      const least = 1 / devicePixelRatio;
      pen.drawImage(
        tile.canvas,
        x,
        y,
        Math.max(snap(to.x) - x, least),
        Math.max(snap(to.y) - y, least),
      );
    }
  }

  drawGrid(pen) {
    const first = this.toPicture({ x: 0, y: 0 });
    const last = this.toPicture({ x: this.size.width, y: this.size.height });
    const [left, top] = [Math.max(0, Math.floor(first.x)), Math.max(0, Math.floor(first.y))];
    const right = Math.min(this.picture.width, Math.ceil(last.x));
    const bottom = Math.min(this.picture.height, Math.ceil(last.y));
    const from = this.toCanvas({ x: left, y: top });
    const to = this.toCanvas({ x: right, y: bottom });
    pen.beginPath();
    for (let column = left; column <= right; column++) {
      const x = Math.round(this.toCanvas({ x: column, y: 0 }).x) + 0.5;
      pen.moveTo(x, from.y);
      pen.lineTo(x, to.y);
    }
    for (let row = top; row <= bottom; row++) {
      const y = Math.round(this.toCanvas({ x: 0, y: row }).y) + 0.5;
      pen.moveTo(from.x, y);
      pen.lineTo(to.x, y);
    }
    pen.lineWidth = 1;
    pen.strokeStyle = `rgb(128 128 128 / ${Math.min(50, 15 + 1.5 * (this.view.zoom - GRID_FROM))}%)`;
    pen.stroke();
  }

  drawStripes(pen) {
    pen.lineWidth = 1.5;
    for (const [color, dashes] of [
      ["#000", []],
      ["#fff", [6, 6]],
    ]) {
      pen.beginPath();
      for (const { firstRow } of this.picture.stripes.slice(1)) {
        const from = this.toCanvas({ x: 0, y: firstRow });
        const to = this.toCanvas({ x: this.picture.width, y: firstRow });
        pen.moveTo(from.x, from.y);
        pen.lineTo(to.x, to.y);
      }
      pen.strokeStyle = color;
      pen.setLineDash(dashes);
      pen.stroke();
    }
    pen.setLineDash([]);
  }

  /** Circle the pixels of a chosen rare colour, which would be hard to see otherwise. */
  drawRings(pen) {
    for (const [color, width] of [
      ["#000", 4],
      ["#fff", 2],
    ]) {
      pen.strokeStyle = color;
      pen.lineWidth = width;
      for (const pixel of this.painting.rare) {
        const { x, y } = this.toCanvas({ x: pixel.x + 0.5, y: pixel.y + 0.5 });
        pen.beginPath();
        pen.arc(x, y, RING, 0, 2 * Math.PI);
        pen.stroke();
      }
    }
  }

  /** Frame the pixel pointed at, if it is large enough or was reached by keyboard. */
  drawPixel(pen) {
    const { x, y } = this.toCanvas(this.pixel);
    const side = Math.max(this.view.zoom, this.isByKey ? 9 : 0);
    if (side < 5) return;
    const shift = (this.view.zoom - side) / 2;
    pen.lineWidth = 1.5;
    for (const [color, out] of [
      ["#000", 1.5],
      ["#fff", 0],
    ]) {
      pen.strokeStyle = color;
      pen.strokeRect(x + shift - out, y + shift - out, side + 2 * out, side + 2 * out);
    }
  }
}
