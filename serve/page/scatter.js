// Points: rows of two or three numbers, those of three seen from a side that one can turn.

import { choice, colour, el, field } from "./dom.js";
import { MAPS, NAMES } from "./maps.js";
import { count, number, visible } from "./text.js";

/** So many points are drawn. */
const MOST_POINTS = 200000;

export class ScatterShow {
  #page;
  #canvas = el("canvas", { tabindex: "0", role: "img" });
  #stage = el("div", { class: "picture points" }, this.#canvas);
  #note = el("span", { class: "muted" });
  #hint = el("span", { class: "muted" });
  #answer = null;
  #turn;
  #zoom = 1;
  #drag = null;
  axes = 2;

  constructor(page) {
    this.#page = page;
    const { settings } = page;
    this.#turn = settings.turn?.length === 2 ? settings.turn : [-35, 30];
    const map = choice(NAMES.map((name) => [name, name]), NAMES.includes(settings.map) ? settings.map : "viridis", (value) => this.#set({ map: value }));
    const size = choice([["1", "1"], ["2", "2"], ["3", "3"], ["5", "5"]], String(settings.dot ?? 2), (value) => this.#set({ dot: Number(value) }));
    this.node = el("div", { class: "show" }, this.#stage, el("div", { class: "under" }, this.#note, this.#hint));
    this.side = [el("section", { class: "panel" }, el("h2", {}, "Points"), el("div", { class: "controls" }, field("Map", map), field("Point size", size)))];
    new ResizeObserver(() => this.#draw()).observe(this.#stage);
    this.#canvas.addEventListener("pointerdown", (event) => { this.#drag = [event.clientX, event.clientY]; this.#canvas.setPointerCapture(event.pointerId); });
    this.#canvas.addEventListener("pointerup", () => { this.#drag = null; });
    this.#canvas.addEventListener("pointercancel", () => { this.#drag = null; });
    this.#canvas.addEventListener("pointermove", (event) => this.#move(event));
    this.#canvas.addEventListener("wheel", (event) => { event.preventDefault(); this.#zoomBy(Math.exp(-event.deltaY * 0.0015)); }, { passive: false });
  }

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

  actions() {
    const turn = (x, y) => () => this.#turnBy(x, y);
    return { "+": () => this.#zoomBy(1.3), "=": () => this.#zoomBy(1.3), "-": () => this.#zoomBy(1 / 1.3), 0: () => { this.#zoom = 1; this.#draw(); },
      ArrowLeft: turn(-10, 0), ArrowRight: turn(10, 0), ArrowUp: turn(0, 10), ArrowDown: turn(0, -10) };
  }

  #set(changes) {
    this.#page.set(changes);
    this.#draw();
  }

  #zoomBy(factor) {
    this.#zoom = Math.min(100, Math.max(0.2, this.#zoom * factor));
    this.#draw();
  }

  #move(event) {
    if (!this.#drag) return;
    this.#turnBy((event.clientX - this.#drag[0]) / 2, (event.clientY - this.#drag[1]) / 2);
    this.#drag = [event.clientX, event.clientY];
  }

  #turnBy(x, y) {
    this.#turn = [(this.#turn[0] + x) % 360, Math.max(-90, Math.min(90, this.#turn[1] + y))];
    this.#page.set({ turn: this.#turn.map(Math.round) });
    this.#draw();
  }

  #draw() {
    if (!this.#answer) return;
    const { view, value } = this.#answer;
    const solid = view.columns === 3;
    const box = limits(view);
    const pixels = devicePixelRatio;
    const [width, height] = [this.#stage.clientWidth, this.#stage.clientHeight].map((length) => Math.max(1, Math.round(length * pixels)));
    [this.#canvas.width, this.#canvas.height] = [width, height];
    const context = this.#canvas.getContext("2d", { willReadFrequently: true });
    const place = solid ? turned(box, this.#turn, [width, height], this.#zoom) : flat(box, [width, height], this.#zoom, pixels);
    if (solid) frame(context, box, place, pixels);
    else edges(context, box, place, pixels);
    this.#dots(context, view, place, box);
    if (solid) names(context, box, place, pixels);
    const total = value.shape[view.leading];
    this.#note.textContent = view.rows < total ? `The first ${count(view.rows)} of ${count(total)} points` : `${count(total)} points`;
    this.#hint.textContent = solid ? "Drag or arrow keys turn; colour is the third number" : "Wheel zooms";
    this.#canvas.setAttribute("aria-label", `${visible(this.#answer.tag)}: ${total} points`);
  }

  #dots(context, view, place, box) {
    const { width, height } = this.#canvas;
    const image = context.getImageData(0, 0, width, height);
    const out = new Uint32Array(image.data.buffer);
    const { settings } = this.#page;
    const map = MAPS[settings.map] ?? MAPS.viridis;
    const shades = Uint32Array.from({ length: 256 }, (_, at) => (0xff000000 | (map[3 * at + 2] << 16) | (map[3 * at + 1] << 8) | map[3 * at]) >>> 0);
    const single = packed(colour("--series-1"));
    const dot = Math.max(1, Math.round((settings.dot ?? 2) * devicePixelRatio));
    const depths = view.columns === 3 ? new Float32Array(width * height).fill(-Infinity) : null;
    const [low, high] = box[2] ?? [0, 1];
    for (let row = 0; row < view.rows; row += 1) {
      const at = row * view.columns;
      const [x, y, z] = [view.data[at], view.data[at + 1], view.columns === 3 ? view.data[at + 2] : 0];
      if (!Number.isFinite(x + y + z)) continue;
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
  }
}

/** The least and the greatest of each column. */
function limits(view) {
  const box = Array.from({ length: view.columns }, () => [Infinity, -Infinity]);
  for (let at = 0; at < view.data.length; at += 1) {
    const value = view.data[at];
    if (!Number.isFinite(value)) continue;
    const ends = box[at % view.columns];
    if (value < ends[0]) ends[0] = value;
    if (value > ends[1]) ends[1] = value;
  }
  return box.map(([low, high]) => (low > high ? [0, 1] : low === high ? [low - 0.5, high + 0.5] : [low, high]));
}

/** Places of points of two numbers: both axes have the same scale. */
function flat(box, [width, height], zoom, pixels) {
  const [[left, right], [low, high]] = box;
  const margin = 56 * pixels;
  const scale = Math.min((width - 2 * margin) / (right - left), (height - 2 * margin) / (high - low)) * zoom;
  return (x, y) => [width / 2 + (x - (left + right) / 2) * scale, height / 2 - (y - (low + high) / 2) * scale, 0];
}

/** Places of points of three numbers, turned about the vertical axis and tilted, without perspective. */
function turned(box, [turn, tilt], [width, height], zoom) {
  const middle = box.map(([low, high]) => (low + high) / 2);
  const radius = Math.hypot(...box.map(([low, high]) => high - low)) / 2;
  const scale = (Math.min(width, height) / 2 / radius) * 0.9 * zoom;
  const [a, b] = [turn, tilt].map((degrees) => (degrees * Math.PI) / 180);
  const [sinA, cosA, sinB, cosB] = [Math.sin(a), Math.cos(a), Math.sin(b), Math.cos(b)];
  return (x, y, z) => {
    const [u, v, w] = [x - middle[0], y - middle[1], z - middle[2]];
    const [right, back] = [u * cosA - v * sinA, u * sinA + v * cosA];
    return [width / 2 + right * scale, height / 2 - (w * cosB + back * sinB) * scale, w * sinB - back * cosB];
  };
}

function pen(context, pixels) {
  context.strokeStyle = colour("--line");
  context.fillStyle = colour("--muted");
  context.lineWidth = pixels;
  context.font = `${11 * pixels}px system-ui, sans-serif`;
}

/** The box about points of three numbers. */
function frame(context, box, place, pixels) {
  pen(context, pixels);
  const corner = (at) => box.map((ends, axis) => ends[(at >> axis) & 1]);
  for (let at = 0; at < 8; at += 1) {
    for (const axis of [1, 2, 4]) {
      if (at & axis) continue;
      context.beginPath();
      context.moveTo(...place(...corner(at)).slice(0, 2));
      context.lineTo(...place(...corner(at | axis)).slice(0, 2));
      context.stroke();
    }
  }
}

/** The numbers at the ends of the box, over the points. */
function names(context, box, place, pixels) {
  pen(context, pixels);
  context.fillStyle = colour("--text");
  context.strokeStyle = colour("--panel");
  context.lineWidth = 4 * pixels;
  context.lineJoin = "round";
  context.textAlign = "center";
  const corner = (axis) => place(...box.map((ends, at) => ends[at === axis ? 1 : 0]));
  const first = place(...box.map(([low]) => low));
  ["x", "y", "z"].forEach((name, axis) => {
    const last = corner(axis);
    const text = `${name} ${number(box[axis][0])} … ${number(box[axis][1])}`;
    const half = context.measureText(text).width / 2 + 6 * pixels;
    const middle = Math.min(context.canvas.width - half, Math.max(half, (first[0] + last[0]) / 2));
    const at = [middle, (first[1] + last[1]) / 2 + 14 * pixels];
    context.strokeText(text, ...at);
    context.fillText(text, ...at);
  });
}

/** The rectangle about points of two numbers, with the numbers at its ends. */
function edges(context, box, place, pixels) {
  pen(context, pixels);
  const [left, bottom] = place(box[0][0], box[1][0]);
  const [right, top] = place(box[0][1], box[1][1]);
  context.strokeRect(left, top, right - left, bottom - top);
  context.textAlign = "left";
  context.fillText(number(box[0][0]), left, bottom + 16 * pixels);
  context.textAlign = "right";
  context.fillText(number(box[0][1]), right, bottom + 16 * pixels);
  context.fillText(number(box[1][0]), left - 6 * pixels, bottom);
  context.fillText(number(box[1][1]), left - 6 * pixels, top + 8 * pixels);
}

function packed(text) {
  const [red, green, blue] = (text.match(/[0-9a-f]{2}/gi) ?? []).map((two) => parseInt(two, 16));
  return (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0;
}
