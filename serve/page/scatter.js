// Points: rows of two or three numbers, those of three seen from a side that one can turn.

import { choice, colour, el, field } from "./dom.js";
import { NAMES, packed } from "./maps.js";
import { edges, flat, frame, letters, limits, told, turned } from "./projection.js";
import { count, visible } from "./text.js";

/** So many points are drawn. */
const MOST_POINTS = 200000;

const SIZES = ["1", "2", "3", "5", "8"];

export class ScatterShow {
  #page;
  #canvas = el("canvas", { tabindex: "0", role: "img" });
  #stage = el("div", { class: "picture points" }, this.#canvas);
  #note = el("span", { class: "readout" });
  #hint = el("span", { class: "muted" });
  #answer = null;
  #turn;
  #zoom;
  #shift;
  #size;
  #fingers = new Map();
  axes = 2;

  constructor(page) {
    this.#page = page;
    const { settings } = page;
    this.#turn = settings.turn?.length === 2 ? settings.turn : [-35, 30];
    this.#zoom = Math.min(100, Math.max(0.2, settings.zoom ?? 1));
    this.#shift = [settings.x ?? 0, settings.y ?? 0];
    const map = choice(NAMES.map((name) => [name, name]), NAMES.includes(settings.map) ? settings.map : "viridis", (value) => this.#set({ map: value }));
    this.#mapField = field("Map", map, { class: "field", hidden: true });
    this.#size = choice(SIZES.map((size) => [size, size]), "2", (value) => this.#set({ dot: Number(value) }));
    const button = (name, title, act) => el("button", { type: "button", title, "aria-label": `${name} ${title}`, onclick: act }, name);
    const tools = el("div", { class: "tools", role: "group", "aria-label": "Zoom" }, button("−", "zoom out", () => this.#zoomBy(1 / 1.3)),
      button("+", "zoom in", () => this.#zoomBy(1.3)), button("Fit", "all of it", () => this.#fit()));
    this.node = el("div", { class: "show" }, tools, this.#stage, el("div", { class: "under" }, this.#note, this.#hint));
    this.side = [el("section", { class: "panel" }, el("h2", {}, "Points"), el("div", { class: "controls" }, this.#mapField, field("Point size", this.#size)))];
    new ResizeObserver(() => this.#draw()).observe(this.#stage);
    const on = (name, listener, options) => this.#canvas.addEventListener(name, listener, options);
    on("pointerdown", (event) => { this.#fingers.set(event.pointerId, [event.clientX, event.clientY]); this.#canvas.setPointerCapture(event.pointerId); });
    on("pointerup", (event) => this.#fingers.delete(event.pointerId));
    on("pointercancel", (event) => this.#fingers.delete(event.pointerId));
    on("pointermove", (event) => this.#move(event));
    on("wheel", (event) => { event.preventDefault(); this.#zoomBy(Math.exp(-event.deltaY * 0.0015), this.#at(event.clientX, event.clientY)); }, { passive: false });
    on("dblclick", () => this.#fit());
  }

  #mapField;

  fits(view) {
    return view.kind === "plane" && view.channels === 1 && view.step === 1 && (view.columns === 2 || view.columns === 3);
  }

  wanted() {
    return { colour: false, region: [0, 0, 3, MOST_POINTS] };
  }

  update(answer) {
    this.#answer = answer;
    this.#draw();
  }

  themed() {
    this.#draw();
  }

  paused() {}

  actions() {
    const move = (x, y) => () => (this.#isSolid ? this.#turnBy(10 * x, 10 * y) : this.#shiftBy(-40 * x, 40 * y));
    return { "+": () => this.#zoomBy(1.3), "=": () => this.#zoomBy(1.3), "-": () => this.#zoomBy(1 / 1.3), 0: () => this.#fit(),
      ArrowLeft: move(-1, 0), ArrowRight: move(1, 0), ArrowUp: move(0, 1), ArrowDown: move(0, -1) };
  }

  get #isSolid() {
    return this.#answer?.view.columns === 3;
  }

  #set(changes) {
    this.#page.set(changes);
    this.#draw();
  }

  #fit() {
    [this.#zoom, this.#shift] = [1, [0, 0]];
    this.#set({ zoom: undefined, x: undefined, y: undefined });
  }

  #keep() {
    const [x, y] = this.#shift.map(Math.round);
    const isWhole = this.#zoom === 1 && x === 0 && y === 0;
    this.#set(isWhole ? { zoom: undefined, x: undefined, y: undefined } : { zoom: Number(this.#zoom.toPrecision(4)), x, y });
  }

  /** Zooms about a place, from the middle of the canvas. */
  #zoomBy(factor, [x, y] = [0, 0]) {
    const zoom = Math.min(100, Math.max(0.2, this.#zoom * factor));
    const change = zoom / this.#zoom;
    this.#shift = [x - (x - this.#shift[0]) * change, y - (y - this.#shift[1]) * change];
    this.#zoom = zoom;
    this.#keep();
  }

  #shiftBy(x, y) {
    this.#shift = [this.#shift[0] + x, this.#shift[1] + y];
    this.#keep();
  }

  #at(x, y) {
    const box = this.#canvas.getBoundingClientRect();
    return [x - box.left - box.width / 2, y - box.top - box.height / 2];
  }

  #move(event) {
    const before = this.#fingers.get(event.pointerId);
    if (!before) return;
    const now = [event.clientX, event.clientY];
    const by = [now[0] - before[0], now[1] - before[1]];
    this.#fingers.set(event.pointerId, now);
    const other = [...this.#fingers].find(([finger]) => finger !== event.pointerId)?.[1];
    if (other) {
      // Two fingers: half of the way of one is that of their middle.
      const distance = (point) => Math.max(1, Math.hypot(point[0] - other[0], point[1] - other[1]));
      this.#zoomBy(distance(now) / distance(before), this.#at((now[0] + other[0]) / 2, (now[1] + other[1]) / 2));
      this.#shiftBy(by[0] / 2, by[1] / 2);
    } else if (this.#isSolid && !event.shiftKey) this.#turnBy(by[0] / 2, by[1] / 2);
    else this.#shiftBy(...by);
  }

  #turnBy(x, y) {
    this.#turn = [(this.#turn[0] + x) % 360, Math.max(-90, Math.min(90, this.#turn[1] + y))];
    this.#set({ turn: this.#turn.map(Math.round) });
  }

  #draw() {
    if (!this.#answer) return;
    const { view, value } = this.#answer;
    const rows = Math.min(view.rows, MOST_POINTS);
    const solid = this.#isSolid;
    const box = limits(view);
    const pixels = devicePixelRatio;
    const [width, height] = [this.#stage.clientWidth, this.#stage.clientHeight].map((length) => Math.max(1, Math.round(length * pixels)));
    [this.#canvas.width, this.#canvas.height] = [width, height];
    const context = this.#canvas.getContext("2d", { willReadFrequently: true });
    const shift = this.#shift.map((length) => length * pixels);
    const place = solid ? turned(box, this.#turn, [width, height], this.#zoom, shift) : flat(box, [width, height], this.#zoom, shift, pixels);
    (solid ? frame : edges)(context, box, place, pixels);
    const dot = this.#page.settings.dot ?? (rows <= 200 ? 5 : rows <= 2000 ? 3 : 2);
    const drawn = this.#dots(context, view, rows, place, box[2], Math.max(1, Math.round(dot * pixels)));
    if (solid) letters(context, box, place, pixels);
    const total = value.shape[view.leading];
    const notes = [rows < total ? `The first ${count(rows)} of ${count(total)} points` : `${count(total)} points`, drawn < rows && `${count(rows - drawn)} not finite`];
    this.#note.textContent = `${notes.filter(Boolean).join(", ")}   ${told(box)}`;
    this.#hint.textContent = solid ? "Drag or arrow keys turn; colour is z" : "Drag or arrow keys move, wheel zooms";
    this.#size.value = SIZES.includes(String(dot)) ? String(dot) : "2";
    this.#mapField.hidden = !solid;
    this.#canvas.setAttribute("aria-label", `${visible(this.#answer.tag)}: ${total} points, ${told(box)}`);
  }

  /** Draws points. Returns how many are finite. */
  #dots(context, view, rows, place, [low, high] = [0, 1], dot) {
    const { width, height } = this.#canvas;
    const image = context.getImageData(0, 0, width, height);
    const out = new Uint32Array(image.data.buffer);
    const shades = packed(this.#page.settings.map ?? "viridis");
    const single = one(colour("--series-1"));
    const depths = view.columns === 3 ? new Float32Array(width * height).fill(-Infinity) : null;
    let drawn = 0;
    for (let row = 0; row < rows; row += 1) {
      const at = row * view.columns;
      const [x, y, z] = [view.data[at], view.data[at + 1], view.columns === 3 ? view.data[at + 2] : 0];
      if (!Number.isFinite(x) || !Number.isFinite(y) || !Number.isFinite(z)) continue;
      drawn += 1;
      const [left, top, depth] = place(x, y, z);
      const shade = depths ? shades[Math.min(255, Math.max(0, Math.floor(((z - low) / (high - low || 1)) * 256)))] : single;
      for (let down = 0; down < dot; down += 1) {
        for (let across = 0; across < dot; across += 1) {
          const [column, line] = [Math.round(left - dot / 2) + across, Math.round(top - dot / 2) + down];
          if (column < 0 || line < 0 || column >= width || line >= height) continue;
          const pixel = line * width + column;
          if (depths && depths[pixel] > depth) continue;
          if (depths) depths[pixel] = depth;
          out[pixel] = shade;
        }
      }
    }
    context.putImageData(image, 0, 0);
    return drawn;
  }
}

/** A colour as pixels have it, from rgb(…). */
function one(text) {
  const [red, green, blue] = text.match(/\d+/g).map(Number);
  return (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0;
}
