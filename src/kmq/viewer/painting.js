/* The picture in colours: painted once, in tiles, because canvases have a maximum size. */

import { element, lightnessOf } from "./format.js";

const TILE = 2048;
const OVERVIEW = 2048;
const FADED_SHARE = 0.15;
const FEW_PIXELS = 200;

export class Painting {
  /** Each of `tiles` has a place, a size and a canvas; `overview` is a tile of a whole large picture. */
  constructor(picture) {
    this.picture = picture;
    this.tiles = [...this.emptyTiles()];
    this.choose(null);
  }

  *emptyTiles() {
    const { width, height } = this.picture;
    for (let y = 0; y < height; y += TILE) {
      for (let x = 0; x < width; x += TILE) {
        const canvas = element("canvas");
        canvas.width = Math.min(TILE, width - x);
        canvas.height = Math.min(TILE, height - y);
        yield { x, y, width: canvas.width, height: canvas.height, canvas };
      }
    }
  }

  /** Highlight one palette entry, or none with null; `rare` has its pixels if they are few. */
  choose(index) {
    const { width, height, indices } = this.picture;
    const colors = this.colors(index);
    for (const tile of this.tiles) {
      const data = new ImageData(tile.width, tile.height);
      const pixels = new Uint32Array(data.data.buffer);
      for (let y = 0, to = 0; y < tile.height; y++) {
        let from = (tile.y + y) * width + tile.x;
        for (let x = 0; x < tile.width; x++) pixels[to++] = colors[indices[from++]];
      }
      tile.canvas.getContext("2d").putImageData(data, 0, 0);
    }
    this.overview = Math.max(width, height) > OVERVIEW ? this.paintOverview() : null;
    this.rare = index === null ? [] : this.rarePixels(index);
  }

  /** Return the palette as canvas words, whose bytes are red, green, blue and alpha. */
  colors(chosen) {
    const bytes = this.picture.palette.slice();
    if (chosen !== null) fadeAllBut(chosen, bytes);
    return new Uint32Array(bytes.buffer);
  }

  paintOverview() {
    const { width, height } = this.picture;
    const scale = OVERVIEW / Math.max(width, height);
    const canvas = element("canvas");
    canvas.width = Math.max(1, Math.round(width * scale));
    canvas.height = Math.max(1, Math.round(height * scale));
    const pen = canvas.getContext("2d");
    pen.imageSmoothingQuality = "high";
    for (const tile of this.tiles) {
      pen.drawImage(
        tile.canvas,
        tile.x * scale,
        tile.y * scale,
        tile.width * scale,
        tile.height * scale,
      );
    }
    return canvas;
  }

  /** Return the tiles to draw, given the size of a picture's pixel on the screen. */
  tilesAt(zoom) {
    const { width, height } = this.picture;
    if (!this.overview || zoom * Math.max(width, height) > OVERVIEW) return this.tiles;
    return [{ x: 0, y: 0, width, height, canvas: this.overview }];
  }

  rarePixels(index) {
    const { width, indices, counts } = this.picture;
    const places = [];
    if (counts[index] > FEW_PIXELS) return places;
    for (let at = indices.indexOf(index); at >= 0; at = indices.indexOf(index, at + 1)) {
      places.push({ x: at % width, y: Math.floor(at / width) });
    }
    return places;
  }
}

/** Fade all entries of a palette except one to greys, which are dark if that one is light. */
function fadeAllBut(chosen, bytes) {
  const lightness = (place) => lightnessOf(bytes.subarray(place, place + 3));
  const ground = lightness(4 * chosen) < 128 ? 240 : 24;
  for (let place = 0; place < bytes.length; place += 4) {
    if (place === 4 * chosen) continue;
    bytes.fill(ground + FADED_SHARE * (lightness(place) - ground), place, place + 3);
  }
}
