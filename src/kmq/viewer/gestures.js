/* Pointer, touch, wheel and keyboard input on the stage. */

const CLICK = 5;
const KEY_STEP = 4;
const SHIFT_STEPS = 8;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Gestures {
  /** `onPick(x, y)` is called when a pixel of the picture is chosen. */
  constructor(stage, onPick) {
    Object.assign(this, { stage, onPick, pointers: new Map() });
    const { canvas } = stage;
    const listen = (kind, react) =>
      canvas.addEventListener(kind, (event) => stage.picture && react.call(this, event), {
        passive: false,
      });
    listen("pointerdown", this.press);
    listen("pointermove", this.move);
    listen("pointerup", this.release);
    listen("pointercancel", this.release);
    listen("pointerleave", () => stage.point(null));
    listen("blur", () => stage.point(null));
    listen("wheel", this.turn);
    listen("keydown", this.key);
  }

  place(event) {
    const box = this.stage.canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  press(event) {
    if (event.button > 0) return;
    this.stage.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, this.place(event));
    this.isClick = this.pointers.size === 1;
    this.pressed = this.place(event);
  }

  move(event) {
    const at = this.place(event);
    const before = this.pointers.get(event.pointerId);
    if (before === undefined) this.stage.point(this.stage.pixelAt(at));
    else if (this.pointers.size === 1) this.drag(event.pointerId, before, at);
    else this.pinch(event.pointerId, at);
  }

  drag(pointer, before, at) {
    if (this.isClick && Math.hypot(at.x - this.pressed.x, at.y - this.pressed.y) < CLICK) return;
    this.isClick = false;
    this.stage.canvas.classList.add("is-dragged");
    this.stage.panBy(at.x - before.x, at.y - before.y);
    this.pointers.set(pointer, at);
  }

  pinch(pointer, at) {
    const spread = () => {
      const [a, b] = [...this.pointers.values()];
      return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, apart: Math.hypot(a.x - b.x, a.y - b.y) };
    };
    const before = spread();
    this.pointers.set(pointer, at);
    const after = spread();
    this.stage.panBy(after.x - before.x, after.y - before.y);
    if (before.apart > 0 && after.apart > 0) this.stage.zoomBy(after.apart / before.apart, after);
  }

  release(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    this.stage.canvas.classList.remove("is-dragged");
    if (event.type === "pointercancel" || !this.isClick) return;
    const pixel = this.stage.pixelAt(this.place(event));
    this.stage.point(pixel);
    if (pixel) this.onPick(pixel.x, pixel.y);
  }

  turn(event) {
    event.preventDefault();
    const turned = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1);
    // With Ctrl, the event comes from pinching on a touchpad, which moves less.
    const speed = event.ctrlKey ? 0.01 : 0.002;
    this.stage.zoomBy(Math.exp(-speed * Math.max(-200, Math.min(200, turned))), this.place(event));
    this.stage.point(this.stage.pixelAt(this.place(event)));
  }

  key(event) {
    const { stage } = this;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in ARROWS) {
      event.preventDefault();
      const step =
        Math.max(1, Math.round(KEY_STEP / stage.view.zoom)) * (event.shiftKey ? SHIFT_STEPS : 1);
      this.step(...ARROWS[event.key].map((direction) => direction * step));
    } else if ((event.key === "Enter" || event.key === " ") && stage.pixel) {
      event.preventDefault();
      this.onPick(stage.pixel.x, stage.pixel.y);
    }
  }

  /** Move to another pixel; the first key press only shows the current one. */
  step(across, down) {
    const { stage } = this;
    const { width, height } = stage.picture;
    const start = stage.pixel ?? {
      x: Math.floor(stage.view.x) - across,
      y: Math.floor(stage.view.y) - down,
    };
    const within = (value, length) => Math.max(0, Math.min(length - 1, value));
    const pixel = { x: within(start.x + across, width), y: within(start.y + down, height) };
    stage.reveal(pixel);
    stage.point(pixel, true);
  }
}
