/* The palette: a list of colours, one of which can be chosen. */

import {
  counted,
  element,
  grouped,
  hexOf,
  lightnessOf,
  nameOf,
  patchOf,
  shareOf,
} from "./format.js";

const SWATCHES_AT_ONCE = 1024;
const MOST_LISTED = 64;

/** Sort greys before the other colours, which are in order of hue. */
function hueOf([red, green, blue]) {
  const most = Math.max(red, green, blue);
  const range = most - Math.min(red, green, blue);
  if (range < 12) return -1;
  const sixths =
    most === red
      ? (green - blue) / range
      : most === green
        ? 2 + (blue - red) / range
        : 4 + (red - green) / range;
  return (sixths + 6) % 6;
}

export class PalettePane {
  constructor({ list, chosen, more, order }, onChoose) {
    Object.assign(this, { list, chosenPlace: chosen, more, order, onChoose });
    list.addEventListener("click", (event) => {
      const swatch = event.target.closest(".swatch");
      if (swatch) this.toggle(Number(swatch.dataset.index));
    });
    list.addEventListener("keydown", (event) => this.key(event));
    more.addEventListener("click", () => {
      const before = this.list.children.length;
      this.grow();
      this.focus(before);
    });
    order.addEventListener("change", () => this.fill());
  }

  show(picture) {
    this.picture = picture;
    this.chosen = null;
    this.fill();
    this.describe();
  }

  colorOf(index) {
    return this.picture.palette.subarray(4 * index, 4 * index + 4);
  }

  /** List the colours from the start, in the chosen order. */
  fill() {
    const { counts } = this.picture;
    const keys = {
      share: (index) => -counts[index],
      index: () => 0,
      lightness: (index) => lightnessOf(this.colorOf(index)),
      hue: (index) => hueOf(this.colorOf(index)) * 1000 + lightnessOf(this.colorOf(index)),
    };
    const keyed = Float64Array.from(counts, (_, index) => keys[this.order.value](index));
    this.entries = [...counts.keys()].sort((a, b) => keyed[a] - keyed[b] || a - b);
    this.largest = counts.reduce((a, b) => Math.max(a, b));
    this.list.classList.toggle("is-dense", counts.length > MOST_LISTED);
    this.list.replaceChildren();
    this.list.scrollTop = 0;
    this.grow();
    this.current = 0;
    this.list.firstElementChild.tabIndex = 0;
    this.mark();
  }

  grow(least = 0) {
    const from = this.list.children.length;
    const to = Math.max(from + SWATCHES_AT_ONCE, least);
    this.list.append(...this.entries.slice(from, to).map((index) => this.swatch(index)));
    const left = this.entries.length - this.list.children.length;
    this.more.hidden = left <= 0;
    this.more.textContent = `Show more, ${grouped(left)} are left`;
  }

  swatch(index) {
    const { palette, counts, width, height, labels } = this.picture;
    const hex = hexOf(palette, index);
    const share = shareOf(counts[index], width * height);
    const name = nameOf(this.picture, index);
    const swatch = element("div", {
      class: counts[index] ? "swatch" : "swatch is-unused",
      role: "option",
      tabindex: -1,
      "data-index": index,
      "aria-selected": "false",
      "aria-label": `${name}, index ${index}, ${share}`,
      title: `${index}: ${name}, ${share}`,
    });
    swatch.append(patchOf(hex));
    if (counts.length <= MOST_LISTED) {
      const length = element("span", { class: "length" });
      length.style.setProperty("--color", hex);
      length.style.width = `${(100 * counts[index]) / this.largest}%`;
      swatch.append(
        element("code", {}, labels ? String(labels[index]) : hex),
        length,
        element("span", { class: "share" }, share),
      );
    }
    return swatch;
  }

  toggle(index) {
    this.choose(index === this.chosen ? null : index);
  }

  choose(index) {
    this.chosen = index;
    this.mark();
    this.describe();
    this.onChoose(index);
  }

  mark() {
    for (const swatch of this.list.querySelectorAll('[aria-selected="true"]'))
      swatch.ariaSelected = "false";
    if (this.chosen === null) return;
    const place = this.entries.indexOf(this.chosen);
    if (place >= this.list.children.length) this.grow(place + 1);
    const swatch = this.list.children[place];
    swatch.ariaSelected = "true";
    this.makeCurrent(place);
    // Not scrollIntoView, which on a phone would scroll the page away from the picture.
    const above = swatch.offsetTop - this.list.offsetTop;
    if (above < this.list.scrollTop || above > this.list.scrollTop + this.list.clientHeight - 40) {
      this.list.scrollTop = above - this.list.clientHeight / 2;
    }
  }

  describe() {
    const parts = this.chosen === null ? [this.descriptionOfAll()] : this.descriptionOfChosen();
    this.chosenPlace.replaceChildren(...parts);
  }

  descriptionOfAll() {
    const { counts, labels } = this.picture;
    const entries = counted(counts.length, labels ? "label" : "colour");
    const unused = counts.reduce((sum, count) => sum + (count === 0), 0);
    const about = unused ? `${entries}, ${grouped(unused)} unused` : entries;
    const note = labels ? " Their colours only tell them apart." : "";
    return element("p", {}, `${about}. Choose one to see where it is used.${note}`);
  }

  descriptionOfChosen() {
    const { palette, counts, width, height, labels } = this.picture;
    const index = this.chosen;
    const [red, green, blue, alpha] = this.colorOf(index);
    const opacity = alpha < 255 ? `, alpha ${alpha}` : "";
    const samples = labels ? [] : [`rgb ${red} ${green} ${blue}${opacity}`, element("br")];
    const share = `${counted(counts[index], "pixel")}, ${shareOf(counts[index], width * height)}`;
    const name = element("b", {}, nameOf(this.picture, index));
    const lines = [name, ` index ${index}`, element("br"), ...samples, share];
    const close = { type: "button", "aria-label": "Show all colours", title: "Show all (Esc)" };
    const reset = element("button", close, "×");
    reset.addEventListener("click", () => this.choose(null));
    return [patchOf(hexOf(palette, index)), element("div", {}, ...lines), reset];
  }

  makeCurrent(place) {
    for (const swatch of this.list.querySelectorAll('[tabindex="0"]')) swatch.tabIndex = -1;
    this.current = place;
    this.list.children[place].tabIndex = 0;
  }

  focus(place) {
    const within = Math.max(0, Math.min(this.list.children.length - 1, place));
    this.makeCurrent(within);
    this.list.children[within].focus();
  }

  key(event) {
    const across = this.list.classList.contains("is-dense")
      ? getComputedStyle(this.list).gridTemplateColumns.split(" ").length
      : 1;
    const steps = {
      ArrowLeft: -1,
      ArrowRight: 1,
      ArrowUp: -across,
      ArrowDown: across,
      Home: -Infinity,
      End: Infinity,
      PageUp: -8 * across,
      PageDown: 8 * across,
    };
    if (event.key in steps) {
      event.preventDefault();
      this.focus(this.current + steps[event.key]);
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.toggle(this.entries[this.current]);
      this.focus(this.entries.indexOf(this.chosen ?? this.entries[this.current]));
    }
  }
}
