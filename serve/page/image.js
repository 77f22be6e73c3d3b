// A picture on a canvas: zoom, pan, the element under the pointer, and a rectangle that is selected.

import { colour, el } from "./dom.js";

const LARGEST = 64;

export class Picture {
  #canvas = el("canvas", { tabindex: "0", role: "img", "aria-describedby": "image-keys" });
  #source = document.createElement("canvas");
  #view = null;
  #size = [1, 1];
  /** In pixels of the page for each element; null: all of it is seen. */
  #zoom = null;
  #centre = [0, 0];
  /** The element that is pointed at, and whether by key. */
  #pointer = null;
  /** Where the mouse is on the canvas. */
  #mouse = null;
  #rectangle = null;
  #selecting = false;
  #fingers = new Map();
  #drag = null;
  #heard;

  /** `heard`: what is called when something happens: `pointed(x, y, byKey)`, `left()`, `selected(rectangle)`, `moved()`. */
  constructor(heard) {
    this.#heard = heard;
    const keys = "Arrow keys move the pointer, with Shift the picture; plus and minus zoom, 0 fits.";
    const hint = el("p", { id: "image-keys", class: "unseen" }, keys);
    this.node = el("div", { class: "picture" }, this.#canvas, hint);
    const on = (name, listener, options) => this.#canvas.addEventListener(name, listener.bind(this), options);
    on("wheel", this.#wheel, { passive: false });
    // One finger scrolls the page past a picture that is seen whole; two zoom it.
    for (const name of ["touchstart", "touchmove"]) on(name, (event) => { if (event.touches.length > 1) event.preventDefault(); }, { passive: false });
    on("pointerdown", this.#down);
    on("pointermove", this.#move);
    on("pointerup", this.#up);
    on("pointercancel", this.#up);
    on("pointerleave", () => { if (!this.#drag) { [this.#pointer, this.#mouse] = [null, null]; heard.left(); } });
    on("dblclick", () => this.fit());
    on("keydown", this.#key);
    new ResizeObserver(() => { this.draw(); heard.moved(); }).observe(this.node);
  }

  /** Shows another picture: that of a view of a plane of this width and height. */
  show(view, image, size, label) {
    if (size[0] !== this.#size[0] || size[1] !== this.#size[1]) {
      const isOther = this.#view !== null;
      this.#size = size;
      if (isOther) {
        [this.#zoom, this.#rectangle, this.#pointer] = [null, null, null];
        this.#heard.left();
        this.#heard.selected();
        this.#heard.moved();
      }
    }
    this.#view = view;
    // Setting its size makes a canvas anew, even if it has that size.
    if (this.#source.width !== image.width || this.#source.height !== image.height) [this.#source.width, this.#source.height] = [image.width, image.height];
    this.#source.getContext("2d").putImageData(image, 0, 0);
    this.#canvas.setAttribute("aria-label", label);
    this.draw();
    if (this.#pointer) this.#point(...this.#pointer, false);
  }

  /** What is seen: zoom and centre; null if all is. */
  get place() {
    return this.#zoom === null ? null : { zoom: this.#zoom, x: this.#centre[0], y: this.#centre[1] };
  }

  set place(place) {
    this.#zoom = place?.zoom ?? null;
    this.#centre = [place?.x ?? 0, place?.y ?? 0];
  }

  get rectangle() {
    return this.#rectangle;
  }

  set rectangle(rectangle) {
    this.#rectangle = rectangle;
    this.draw();
  }

  /** Whether dragging selects a rectangle instead of moving the picture. */
  set selecting(selecting) {
    this.#selecting = selecting;
    this.#canvas.classList.toggle("selecting", selecting);
    this.draw();
  }

  /** The part that is seen, and the room for it, as the server wants them. */
  wanted() {
    const [wide, high] = this.#room();
    const pixels = devicePixelRatio;
    const scale = this.#scale() * pixels;
    // As many elements as make at least one for each pixel: a step of 2 is too coarse for 1.9 elements a pixel.
    const step = Math.max(1, Math.floor(1 / scale));
    if (this.#zoom === null) {
      return { room: this.#view ? this.#size.map((length) => Math.ceil(length / step)) : [wide * pixels, high * pixels].map(Math.ceil) };
    }
    const [x, y] = this.#origin();
    const part = (from, length, size) => {
      const first = Math.max(0, Math.min(size, Math.floor(-from / this.#scale()) - step));
      const last = Math.min(size, Math.ceil((length - from) / this.#scale()) + step);
      return [first, Math.max(0, last - first)];
    };
    const [[left, width], [top, height]] = [part(x, wide, this.#size[0]), part(y, high, this.#size[1])];
    return { region: [left, top, width, height], room: [Math.ceil(width / step), Math.ceil(height / step)] };
  }

  /** The elements that are seen, if only in part: x, y, width and height. */
  seen() {
    const [x, y] = this.#origin();
    const room = this.#room();
    const part = (from, length, size) => {
      const first = Math.max(0, Math.min(size, Math.floor(-from / this.#scale() + 1e-6)));
      return [first, Math.max(0, Math.min(size, Math.ceil((length - from) / this.#scale() - 1e-6)) - first)];
    };
    const [[left, width], [top, height]] = [part(x, room[0], this.#size[0]), part(y, room[1], this.#size[1])];
    return [left, top, width, height];
  }

  fit() {
    this.#zoom = null;
    this.#changed();
  }

  zoomBy(factor, [x, y] = this.#room().map((length) => length / 2)) {
    const before = this.#element(x, y);
    const least = Math.min(1, this.#fitting());
    const zoom = Math.min(LARGEST, Math.max(least, this.#scale() * factor));
    if (zoom <= this.#fitting() && factor < 1) return this.fit();
    this.#fix();
    this.#zoom = zoom;
    const after = this.#element(x, y);
    this.#centre = [this.#centre[0] + before[0] - after[0], this.#centre[1] + before[1] - after[1]];
    this.#changed();
  }

  /** One element for each pixel of the screen. */
  actual() {
    this.#fix();
    this.#zoom = 1 / devicePixelRatio;
    this.#changed();
  }

  moveBy(x, y) {
    this.#fix();
    const scale = this.#scale();
    this.#centre = [this.#centre[0] + x / scale, this.#centre[1] + y / scale];
    this.#changed();
  }

  draw() {
    const [wide, high] = this.#room();
    const pixels = devicePixelRatio;
    const [width, height] = [Math.max(1, Math.round(wide * pixels)), Math.max(1, Math.round(high * pixels))];
    if (this.#canvas.width !== width || this.#canvas.height !== height) {
      [this.#canvas.width, this.#canvas.height] = [width, height];
    }
    const context = this.#canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    this.#canvas.classList.toggle("whole", this.#zoom === null && !this.#selecting);
    if (!this.#view) return;
    const scale = this.#scale() * pixels;
    const [x, y] = this.#origin().map((at) => Math.round(at * pixels));
    const { region, step, columns, rows } = this.#view;
    const [left, top, across, down] = region;
    context.save();
    context.beginPath();
    context.rect(x + left * scale, y + top * scale, across * scale, down * scale);
    context.clip();
    // Elements are squares; only what is made smaller is smoothed.
    context.imageSmoothingEnabled = scale * step < 1;
    context.imageSmoothingQuality = scale * step < 0.5 ? "high" : "low";
    const [to, size] = [[x + left * scale, y + top * scale], [columns * step * scale, rows * step * scale]];
    if (columns > 0 && rows > 0) context.drawImage(this.#source, 0, 0, columns, rows, ...to, ...size);
    context.restore();
    this.#outline(context, x, y, scale);
  }

  #outline(context, x, y, scale) {
    const mark = (at, width, shade) => {
      context.lineWidth = width * devicePixelRatio;
      context.strokeStyle = shade;
      context.strokeRect(x + at[0] * scale, y + at[1] * scale, at[2] * scale, at[3] * scale);
    };
    const both = (at) => {
      mark(at, 3, "#000a");
      mark(at, 1, colour("--mark") || "#fff");
    };
    if (this.#rectangle) both(this.#rectangle);
    if (this.#pointer && (scale >= 6 || this.#pointer[2])) both([this.#pointer[0], this.#pointer[1], 1, 1]);
  }

  #room() {
    return [this.node.clientWidth, this.node.clientHeight];
  }

  #fitting() {
    const [wide, high] = this.#room();
    return Math.min(wide / this.#size[0], high / this.#size[1], LARGEST) || 1;
  }

  #scale() {
    return this.#zoom ?? this.#fitting();
  }

  /** Where the first element is, in pixels of the page. */
  #origin() {
    const centre = this.#zoom === null ? this.#size.map((length) => length / 2) : this.#centre;
    return this.#room().map((length, axis) => length / 2 - centre[axis] * this.#scale());
  }

  /** The element at a place of the page, with its fraction. */
  #element(x, y) {
    const [left, top] = this.#origin();
    return [(x - left) / this.#scale(), (y - top) / this.#scale()];
  }

  /** From now on zoom and centre are chosen. */
  #fix() {
    if (this.#zoom !== null) return;
    this.#zoom = this.#fitting();
    this.#centre = this.#size.map((length) => length / 2);
  }

  #changed() {
    this.#centre = this.#centre.map((at, axis) => Math.min(this.#size[axis], Math.max(0, at)));
    // Another element is under the mouse now.
    if (this.#mouse) this.#point(...this.#element(...this.#mouse).map(Math.floor), false);
    this.draw();
    this.#heard.moved();
  }

  #at(event) {
    const box = this.#canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  #wheel(event) {
    event.preventDefault();
    this.zoomBy(Math.exp(-event.deltaY * (event.deltaMode === 1 ? 0.05 : 0.0015)), this.#at(event));
  }

  #down(event) {
    if (event.button !== 0) return;
    this.#canvas.setPointerCapture(event.pointerId);
    this.#fingers.set(event.pointerId, this.#at(event));
    const at = this.#at(event);
    const selects = (this.#selecting || event.shiftKey) && this.#fingers.size === 1;
    this.#drag = { at, from: this.#element(...at), selects, moved: false };
  }

  #move(event) {
    const at = this.#at(event);
    const before = this.#fingers.get(event.pointerId);
    if (event.pointerType === "mouse") this.#mouse = at;
    if (!before) return this.#point(...this.#element(...at).map(Math.floor), false);
    if (this.#fingers.size === 2) this.#pinch(event.pointerId, at);
    else if (this.#drag?.selects) this.#select(at);
    else if (this.#drag && (this.#drag.moved || Math.hypot(at[0] - this.#drag.at[0], at[1] - this.#drag.at[1]) > 3)) {
      this.#drag.moved = true;
      this.moveBy(before[0] - at[0], before[1] - at[1]);
    } else return;
    this.#fingers.set(event.pointerId, at);
  }

  #pinch(id, at) {
    const [[, other]] = [...this.#fingers].filter(([finger]) => finger !== id);
    const before = this.#fingers.get(id);
    const distance = (point) => Math.max(1, Math.hypot(point[0] - other[0], point[1] - other[1]));
    const middle = (point) => [(point[0] + other[0]) / 2, (point[1] + other[1]) / 2];
    this.moveBy(middle(before)[0] - middle(at)[0], middle(before)[1] - middle(at)[1]);
    this.zoomBy(distance(at) / distance(before), middle(at));
  }

  #select(at) {
    const clamp = (value, axis) => Math.min(this.#size[axis], Math.max(0, value));
    const to = this.#element(...at);
    const ends = [0, 1].map((axis) => [clamp(this.#drag.from[axis], axis), clamp(to[axis], axis)].sort((a, b) => a - b));
    const [[left, right], [top, bottom]] = ends.map(([first, last]) => [Math.floor(first), Math.ceil(last)]);
    this.#rectangle = [left, top, Math.max(1, right - left), Math.max(1, bottom - top)];
    this.#drag.moved = true;
    this.draw();
    this.#heard.selected(this.#rectangle);
  }

  #up(event) {
    this.#fingers.delete(event.pointerId);
    if (this.#drag && !this.#drag.moved && event.type === "pointerup") {
      this.#point(...this.#element(...this.#at(event)).map(Math.floor), false);
    }
    if (this.#fingers.size === 0) this.#drag = null;
  }

  #key(event) {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const step = steps[event.key];
    if (!step || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.shiftKey) return this.moveBy(step[0] * 60, step[1] * 60);
    const middle = this.#element(...this.#room().map((length) => length / 2)).map(Math.floor);
    const from = this.#pointer ?? middle;
    const clamp = (value, axis) => Math.min(this.#size[axis] - 1, Math.max(0, value));
    this.#mouse = null;
    this.#point(clamp(from[0] + step[0], 0), clamp(from[1] + step[1], 1), true);
  }

  #point(x, y, byKey) {
    if (x < 0 || y < 0 || x >= this.#size[0] || y >= this.#size[1]) {
      this.#pointer = null;
      this.#heard.left();
    } else {
      const shown = byKey || Boolean(this.#pointer?.[2] && this.#pointer[0] === x && this.#pointer[1] === y);
      this.#pointer = [x, y, shown];
      this.#heard.pointed(x, y, byKey);
    }
    this.draw();
  }
}
