// How often each number is in a view, over the colours that they get.

import { colour, el, say } from "./dom.js";
import { LEVELS, levels } from "./levels.js";
import { MAPS } from "./maps.js";
import { count, digits, number } from "./text.js";

const BINS = 128;

export class Histogram {
  #canvas = el("canvas", { role: "img", width: "256", height: "64", "aria-label": "Histogram" });
  #scale = el("canvas", { "aria-hidden": "true", width: "256", height: "1", class: "scale" });
  #low = el("span");
  #high = el("span");
  #of = el("figcaption", { class: "muted small" });
  #rest = el("p", { class: "muted small" });

  constructor() {
    const ends = el("div", { class: "ends" }, this.#low, this.#high);
    this.node = el("figure", { class: "histogram" }, this.#of, this.#canvas, this.#scale, ends, this.#rest);
  }

  /** Shows the numbers of a view between two bounds; `isAll`: the view is that of the whole picture. */
  show(view, bounds, known, map, isAll) {
    const coloured = view.channels >= 3;
    const often = levels(view);
    const counts = (coloured ? [0, 1, 2] : [0]).map((channel) => often ? counted(LEVELS, 1, 0, bounds, often[channel]) : counted(view.data, view.channels, channel, bounds));
    this.#bars(counts, coloured ? ["#e5484d", "#30a46c", "#3e8be0"] : [colour("--bars")]);
    this.#ramp(coloured ? "gray" : map);
    const fitting = digits(bounds.low, bounds.high);
    say(this.#low, number(bounds.low, fitting));
    say(this.#high, number(bounds.high, fitting));
    const means = view.step > 1 ? `, of means of ${view.step} × ${view.step}` : "";
    say(this.#of, `Histogram of ${isAll ? "all of it" : "what is seen"}${means}`);
    // The lines are there also for 0 of them: else the page would jump when one comes.
    const rest = [/^float/.test(view.dtype) && `${count(known.nan)} NaN, ${count(known.infinite)} infinite: not counted`,
      bounds.log && "Logarithmic: what is 0 or less has the first colour"];
    say(this.#rest, rest.filter(Boolean).join(". "));
    this.#rest.hidden = this.#rest.textContent === "";
    this.#canvas.setAttribute("aria-label", `Histogram from ${number(bounds.low, fitting)} to ${number(bounds.high, fitting)}`);
  }

  #bars(counts, shades) {
    const context = this.#canvas.getContext("2d");
    const { width, height } = this.#canvas;
    context.clearRect(0, 0, width, height);
    // Of the square root, so that rare numbers are seen beside frequent ones.
    const most = Math.sqrt(Math.max(1, ...counts.map((bins) => Math.max(...bins))));
    context.globalAlpha = shades.length > 1 ? 0.6 : 1;
    counts.forEach((bins, index) => {
      context.fillStyle = shades[index];
      bins.forEach((count, at) => {
        const high = count === 0 ? 0 : Math.max(1, (Math.sqrt(count) / most) * height);
        context.fillRect((at * width) / BINS, height - high, width / BINS, high);
      });
    });
  }

  #ramp(map) {
    const image = new ImageData(256, 1);
    for (let at = 0; at < 256; at += 1) image.data.set([...MAPS[map].subarray(3 * at, 3 * at + 3), 255], 4 * at);
    this.#scale.getContext("2d").putImageData(image, 0, 0);
  }
}

/** How many numbers are in each bin; those beyond the bounds are in the first and the last. `often`: how often each of them is there, if not once. */
function counted(data, channels, channel, { low, high, log }, often = null) {
  const bins = new Array(BINS).fill(0);
  const [first, last] = log ? [Math.log(low), Math.log(high)] : [low, high];
  const wide = last / 2 - first / 2;
  for (let at = channel; at < data.length; at += channels) {
    const value = data[at];
    if (!Number.isFinite(value)) continue;
    const scaled = log ? (value > 0 ? Math.log(value) : -Infinity) : value;
    const place = wide === 0 ? 0 : ((scaled / 2 - first / 2) / wide) * BINS;
    bins[place >= BINS ? BINS - 1 : place > 0 ? place | 0 : 0] += often ? often[at] : 1;
  }
  return bins;
}
