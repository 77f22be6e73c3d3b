// A small picture of a tag for the list: a picture, a line, points, or the number itself.

import { colour, el } from "./dom.js";
import { arePoints } from "./kinds.js";
import { paint } from "./paint.js";
import { bounds, statistics, usual } from "./range.js";
import { number } from "./text.js";

const WIDTH = 96;
const HEIGHT = 60;

/** A value is looked at no more often than this, in milliseconds. */
const PAUSE = 400;

export class Thumb {
  #canvas = el("canvas", { class: "thumb", "aria-hidden": "true" });
  #asker;
  #tag;
  #cursor = null;
  #seen = false;
  #timer = 0;
  #past = [];
  #last = null;

  constructor(socket, tag) {
    this.#asker = socket.asker();
    this.#tag = tag;
    this.node = this.#canvas;
    [this.#canvas.width, this.#canvas.height] = [WIDTH, HEIGHT].map((length) => length * Math.min(2, Math.ceil(devicePixelRatio)));
  }

  /** Whether it is on the screen: else nothing is asked for. */
  set seen(seen) {
    if (seen === this.#seen) return;
    this.#seen = seen;
    clearTimeout(this.#timer);
    if (seen) this.#ask();
    else this.#asker.stop();
  }

  redraw() {
    if (this.#last) this.#draw(this.#last);
  }

  #ask() {
    if (!this.#seen) return;
    const room = [this.#canvas.width, this.#canvas.height];
    const wanted = this.#last && arePoints(this.#last.value.shape) ? { region: [0, 0, 3, 2000] } : { room };
    this.#asker.ask({ ask: "view", tag: this.#tag, after: this.#cursor, wanted, jpeg: "always" }, (answer) => {
      if (!answer.error) {
        this.#last = answer;
        // The mean of points is none of them: they are asked for themselves.
        const isReduced = answer.view.step > 1 && arePoints(answer.value.shape);
        this.#cursor = isReduced ? null : answer.cursor;
        if (isReduced) return this.#ask();
        if (answer.view.kind === "line" && answer.view.data.length === 1) this.#past = [...this.#past.slice(-60), answer.view.data[0]];
        // A hidden page draws nothing, and asks for nothing.
        requestAnimationFrame(() => {
          this.#draw(answer);
          this.#timer = setTimeout(() => this.#ask(), PAUSE);
        });
      } else {
        this.#timer = setTimeout(() => this.#ask(), 2000);
      }
    });
  }

  #draw({ view, value }) {
    const context = this.#canvas.getContext("2d");
    const { width, height } = this.#canvas;
    context.clearRect(0, 0, width, height);
    if (value.shape.includes(0)) this.#text(context, ["empty"]);
    else if (view.data && !view.data.some((one) => !Number.isNaN(one))) this.#text(context, ["NaN"]);
    else if (view.kind === "plane" && arePoints(value.shape)) this.#points(context, view);
    else if (view.kind === "plane") this.#plane(context, view, value);
    else if (view.kind === "elements") this.#text(context, [view.element.fields ? "{…}" : "abc"]);
    else if (view.data.length === 1 && this.#past.length > 2) this.#single(context, view);
    else if (view.data.length <= 4) this.#text(context, Array.from(view.exact ?? view.data, (value) => number(value)));
    else this.#line(context, view);
  }

  #plane(context, view, value) {
    if (view.columns === 0 || view.rows === 0) return;
    const image = paint(view, bounds(view, value.dtype, usual(view, value.dtype), statistics(view)), usual(view, value.dtype).map);
    const source = document.createElement("canvas");
    [source.width, source.height] = [image.width, image.height];
    source.getContext("2d").putImageData(image, 0, 0);
    const { width, height } = this.#canvas;
    const scale = Math.min(width / view.columns, height / view.rows);
    // A long strip is stretched: a line of a pixel shows nothing.
    const size = [view.columns, view.rows].map((length, axis) => Math.max(length * scale, 0.3 * [width, height][axis]));
    context.imageSmoothingEnabled = scale < 1;
    context.drawImage(source, (width - size[0]) / 2, (height - size[1]) / 2, ...size);
  }

  #line(context, { data, kind }) {
    const [low, high] = [Math.min(...finite(data)), Math.max(...finite(data))];
    const { width, height } = this.#canvas;
    const top = (value) => 4 + (height - 8) * (high > low ? 1 - (value - low) / (high - low) : 0.5);
    context.strokeStyle = colour("--series-1");
    context.lineWidth = width / WIDTH;
    context.beginPath();
    const each = kind === "envelope" ? 2 : 1;
    data.forEach((value, at) => {
      const left = 3 + ((width - 6) * Math.floor(at / each)) / Math.max(1, data.length / each - 1);
      if (Number.isFinite(value)) context[at === 0 ? "moveTo" : "lineTo"](left, top(value));
    });
    context.stroke();
  }

  #single(context, view) {
    this.#line(context, { data: this.#past, kind: "line" });
    this.#text(context, [number((view.exact ?? view.data)[0])]);
  }

  #points(context, { data, columns, rows }) {
    const { width, height } = this.#canvas;
    const ends = [0, 1].map((axis) => {
      const values = finite(Array.from({ length: rows }, (_, row) => data[row * columns + axis]));
      return [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
    });
    const scale = Math.min(...ends.map(([low, high], axis) => ([width, height][axis] - 8) / (high - low || 1)));
    const place = (value, axis) => (value - (ends[axis][0] + ends[axis][1]) / 2) * scale;
    context.fillStyle = colour("--series-1");
    for (let row = 0; row < rows; row += 1) {
      context.fillRect(width / 2 + place(data[row * columns], 0), height / 2 - place(data[row * columns + 1], 1), 1, 1);
    }
  }

  #text(context, texts) {
    const { width, height } = this.#canvas;
    const size = ((texts.length > 3 ? 11 : 13) * width) / WIDTH;
    context.font = `600 ${size}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineWidth = (4 * width) / WIDTH;
    context.lineJoin = "round";
    context.strokeStyle = colour("--back");
    context.fillStyle = colour("--text");
    texts.forEach((text, at) => {
      const top = height / 2 + (at - (texts.length - 1) / 2) * size * 1.3;
      context.strokeText(text, width / 2, top, width - 8);
      context.fillText(text, width / 2, top, width - 8);
    });
  }
}

function finite(data) {
  const found = Array.from(data).filter(Number.isFinite);
  return found.length ? found : [0];
}
