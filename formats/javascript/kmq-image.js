// <kmq-image src="map.kmq" alt="A map">: an element that shows a .kmq image.

import { encodePNG } from "./kmq-worker.js";
import { KmqError } from "./kmq.js";
import { decodeInWorkers } from "./kmq-parallel.js";

const STYLE = `
  :host { display: inline-block; max-width: 100%; }
  :host([hidden]) { display: none; }
  canvas { display: block; width: 100%; height: auto; }
  :host([pixelated]) canvas { image-rendering: pixelated; }
`;

/**
 * Attributes, as of <img>: `src`, `alt`, `width` and `height` in CSS pixels, `crossorigin`, and
 * `loading="lazy"`, which waits until the element is near the window. `pixelated` shows pixels as
 * squares; `max-pixels` refuses larger images. Events: `load`; `error`, whose `error` says why.
 */
export class KmqImageElement extends HTMLElement {
  static observedAttributes = ["src", "alt", "width", "height", "loading"];

  #internals = this.attachInternals();
  #root = this.attachShadow({ mode: "open" });
  #canvas = document.createElement("canvas");
  #image = null;
  #loading = null; // aborts the load that goes on
  #watcher = null;

  constructor() {
    super();
    const style = document.createElement("style");
    style.textContent = STYLE;
    this.#internals.role = "img";
    this.#root.append(style, this.#canvas);
    this.#showAlt();
  }

  connectedCallback() {
    this.#start();
  }

  disconnectedCallback() {
    this.#stop();
  }

  attributeChangedCallback(name) {
    if (name === "alt") this.#internals.ariaLabel = this.getAttribute("alt") ?? "";
    if (name === "width" || name === "height") this.#resize();
    if (name === "src" && this.isConnected) this.#start();
    if (name === "loading" && this.#watcher && this.getAttribute("loading") !== "lazy") this.#load();
  }

  /** The picture as decoded, or null. */
  get image() {
    return this.#image;
  }

  get naturalWidth() {
    return this.#image?.width ?? 0;
  }

  get naturalHeight() {
    return this.#image?.height ?? 0;
  }

  /** Return the picture as a PNG with exactly its colours. */
  async toPNG() {
    if (!this.#image) throw new KmqError("caller", "the image has not been loaded");
    return new Blob([await encodePNG(this.#image)], { type: "image/png" });
  }

  /** Let the browser save the picture as PNG, under the name of its file unless another is given. */
  async savePNG(name = this.#fileName()) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await this.toPNG());
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }

  #fileName() {
    const path = new URL(this.getAttribute("src"), document.baseURI).pathname;
    return `${decodeURIComponent(path.split("/").pop()).replace(/\.kmq$/i, "")}.png`;
  }

  #stop() {
    this.#loading?.abort();
    this.#watcher?.disconnect();
    this.#loading = this.#watcher = null;
  }

  #start() {
    this.#stop();
    this.#image = null;
    this.#showAlt();
    if (!this.getAttribute("src")) return;
    if (this.getAttribute("loading") !== "lazy" || !globalThis.IntersectionObserver) {
      this.#load();
      return;
    }
    this.#watcher = new IntersectionObserver(
      (entries) => entries.some((entry) => entry.isIntersecting) && this.#load(),
      { rootMargin: "100%" },
    );
    this.#watcher.observe(this);
  }

  async #load() {
    this.#stop();
    const { signal } = (this.#loading = new AbortController());
    try {
      const image = await this.#fetched(signal);
      if (signal.aborted) return;
      this.#draw(image);
      this.#image = image;
      this.dispatchEvent(new Event("load"));
    } catch (error) {
      if (signal.aborted) return;
      this.#showAlt();
      this.dispatchEvent(new ErrorEvent("error", { error, message: error.message }));
    }
  }

  async #fetched(signal) {
    const credentials = this.getAttribute("crossorigin") === "use-credentials" ? "include" : "same-origin";
    const response = await fetch(this.getAttribute("src"), { credentials, signal });
    if (!response.ok) throw new KmqError("file", `the server answered ${response.status}`);
    const maxPixels = this.hasAttribute("max-pixels") ? Number(this.getAttribute("max-pixels")) : undefined;
    return decodeInWorkers(new Uint8Array(await response.arrayBuffer()), { maxPixels });
  }

  #draw(image) {
    this.#canvas.width = image.width;
    this.#canvas.height = image.height;
    this.#canvas.getContext("2d").putImageData(image.toImageData(), 0, 0);
    this.#root.replaceChildren(this.#root.firstChild, this.#canvas);
    this.#resize();
  }

  #showAlt() {
    const text = document.createElement("span");
    text.textContent = this.getAttribute("alt") ?? "";
    this.#root.replaceChildren(this.#root.firstChild, text);
  }

  /** Give the element its size; a dimension that is not given follows from the picture. */
  #resize() {
    const [width, height] = ["width", "height"].map((name) => parseInt(this.getAttribute(name), 10) || 0);
    const { style } = this.#canvas;
    const ratio = width && height ? width / height : this.#canvas.width / this.#canvas.height;
    style.aspectRatio = String(ratio);
    style.width = width ? `${width}px` : height ? `${height * ratio}px` : `min(100%, ${this.#canvas.width}px)`;
  }
}

customElements.define("kmq-image", KmqImageElement);
