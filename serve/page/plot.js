// A plot of uPlot that fills its room: what lines along an axis and against time share.

import uPlot from "./uplot.js";
import { colour, el } from "./dom.js";
import { number } from "./text.js";

const text = (value) => (value === null || value === undefined ? "" : Math.abs(value) >= 1e7 ? value.toExponential().replace("e+", "e") : number(value));

/** The room that the longest number of an axis needs, in pixels; it never shrinks, so that the plot does not jump. */
const fitting = (plot, ticks, at) => {
  const longest = Math.max(...(ticks ?? [""]).map((tick) => tick.length));
  plot.widest = Math.max(plot.widest ?? 48, 24 + 7.2 * longest, plot.axes[at]._size ?? 0);
  return Math.ceil(plot.widest);
};

const base = () => ({ stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 } });

/** The axis along the bottom. `values`: makes texts of its ticks. */
export const along = (values = (plot, ticks) => ticks.map(text)) => ({ ...base(), values });

/** The axis at the left. */
export const upright = () => ({ ...base(), values: (plot, ticks) => ticks.map(text), size: fitting });

/** The colours of lines. */
export const shades = () => Array.from({ length: 8 }, (_, at) => colour(`--series-${at + 1}`));

/** uPlot leaves a gap where null is: a logarithm is of positive numbers alone. */
export function finite(value, log) {
  return Number.isFinite(value) && (!log || value > 0) ? value : null;
}

/** A range for numbers that may be none, or all the same; uPlot has its own for others. */
export function rangeOf(log) {
  return (plot, low, high) => {
    if (low === null) return log ? [1, 10] : [0, 1];
    return log ? uPlot.rangeLog(low, high, 10, false) : uPlot.rangeNum(low, high, 0.1, true);
  };
}

export class Lines {
  #plot = null;
  #key = "";
  #stage = el("div", { class: "plot" });

  /** `page`: the page of the tag, with its `settings`, `set(changes)` and `ask()`. */
  constructor(page, controls) {
    this.page = page;
    this.under = el("div", { class: "under" });
    this.node = el("div", { class: "show" }, this.#stage, this.under);
    this.side = [el("section", { class: "panel" }, el("h2", {}, "Plot"), el("div", { class: "controls" }, ...controls))];
    new ResizeObserver(() => this.#plot?.setSize(this.#size())).observe(this.#stage);
  }

  /** Draws data as a plot with these options; `key` says when another plot is needed. */
  draw(key, data, options, label) {
    if (this.#key !== key) {
      this.#plot?.destroy();
      this.#key = key;
      this.#plot = new uPlot({ ...this.#size(), ...options }, data, this.#stage);
      this.#stage.firstChild.setAttribute("role", "img");
      // The legend is there now, and takes its room.
      this.#plot.setSize(this.#size());
    } else {
      this.#plot.setData(data);
    }
    this.#stage.firstChild.setAttribute("aria-label", label);
  }

  /** Colours are other ones. */
  themed() {
    this.#key = "";
    if (this.last) this.update(this.last);
  }

  paused() {}

  get width() {
    return this.#stage.clientWidth;
  }

  #size() {
    const legend = this.#stage.querySelector(".u-legend")?.offsetHeight ?? 0;
    return { width: Math.max(120, this.#stage.clientWidth), height: Math.max(120, this.#stage.clientHeight - legend - 12) };
  }

  set(changes) {
    this.page.set(changes);
    this.themed();
  }

  actions() {
    return { l: () => this.side[0].querySelector("input[type=checkbox]").click() };
  }
}
