// Lines: the numbers along one axis, and short values against time.

import uPlot from "./uplot.js";
import { choice, colour, el, field, tick } from "./dom.js";
import { MOST_LINES } from "./kinds.js";
import { number, visible } from "./text.js";

/** So many values are kept for a line. */
const MOST_KEPT = 20000;

const SPANS = [["10", "10 s"], ["30", "30 s"], ["60", "1 min"], ["300", "5 min"], ["1800", "30 min"]];

const axis = (more) => ({ stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 }, ...more });
const values = (plot, ticks) => ticks.map((tick) => (tick === null ? "" : number(tick)));
const shades = () => Array.from({ length: 8 }, (_, at) => colour(`--series-${at + 1}`));

/** What both kinds of plots share: a plot of uPlot that fills its room. */
class Lines {
  #plot = null;
  #key = "";
  #stage = el("div", { class: "plot" });

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
    } else {
      this.#plot.setData(data, options.resets ?? true);
    }
    this.#stage.firstChild.setAttribute("aria-label", label);
  }

  /** Colours are other ones. */
  themed() {
    this.#key = "";
    if (this.last) this.update(this.last);
  }

  get plot() {
    return this.#plot;
  }

  #size() {
    const legend = this.#stage.querySelector(".u-legend")?.offsetHeight ?? (this.legend ? 30 : 0);
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

/** The numbers along one axis. Of many, the least and the greatest for each pixel. */
export class LineShow extends Lines {
  constructor(page) {
    super(page, [tick("Logarithmic", Boolean(page.settings.log), (log) => this.set({ log }))]);
    this.back = el("button", { type: "button", hidden: true, onclick: () => this.#span(undefined) }, "All of it");
    this.hint = el("span", { class: "muted" }, "Drag to see a part");
    this.under.append(this.hint, this.back);
  }

  fits(view) {
    return view.kind === "line" || view.kind === "envelope";
  }

  /** How many axes are shown. */
  axes = 1;

  legend = true;

  wanted() {
    const { span } = this.page.settings;
    const room = [Math.max(100, Math.ceil(this.node.clientWidth * devicePixelRatio) || 1000), 1];
    return span?.length === 2 ? { region: span, room } : { room };
  }

  update(answer) {
    this.last = answer;
    const { view } = answer;
    const both = view.kind === "envelope";
    const length = both ? view.shape[0] : view.data.length;
    const [from] = view.region;
    const places = Float64Array.from({ length }, (_, at) => from + at * view.step);
    const column = (which) => Array.from({ length }, (_, at) => finite(view.data[both ? 2 * at + which : at], this.page.settings.log));
    const data = both ? [places, column(1), column(0)] : [places, column(0)];
    const [shade] = shades();
    const line = (label) => ({ label, stroke: shade, width: 1.25, points: { show: length <= 100, size: 5, fill: shade }, value: (plot, value) => (value === null || value === undefined ? "–" : number(value)) });
    const options = {
      scales: { x: { time: false }, y: this.page.settings.log ? { distr: 3 } : {} },
      axes: [axis({ values }), axis({ values, size: 64 })],
      series: [{ label: "index", value: (plot, value) => (value === null || value === undefined ? "–" : String(value)) }, ...(both ? [line("greatest"), line("least")] : [line("value")])],
      bands: both ? [{ series: [1, 2], fill: `${shade}33` }] : [],
      cursor: { drag: { x: true, y: false, setScale: false } },
      hooks: { setSelect: [(plot) => this.#selected(plot)] },
    };
    this.back.hidden = !this.page.settings.span;
    this.hint.textContent = both ? `Least and greatest of each ${view.step}. Drag to see a part` : "Drag to see a part";
    this.draw(`${view.kind} ${this.page.settings.log} ${length <= 100}`, data, options, `${visible(answer.tag)}: ${answer.value.shape.join(" × ")} numbers along the axis`);
  }

  #selected(plot) {
    if (plot.select.width < 3) return;
    const from = Math.max(0, Math.floor(plot.posToVal(plot.select.left, "x")));
    const to = Math.ceil(plot.posToVal(plot.select.left + plot.select.width, "x"));
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.#span([from, Math.max(2, to - from + 1)]);
  }

  #span(span) {
    this.page.set({ span });
    this.page.ask();
  }

  actions() {
    return { ...super.actions(), 0: () => this.#span(undefined) };
  }
}

/** Short values against the time at which they were written. */
export class TimeShow extends Lines {
  #times = [];
  #lines = [];
  #now = el("div", { class: "numbers" });

  constructor(page) {
    super(page, [field("Time", choice(SPANS, String(page.settings.seconds ?? 30), (seconds) => this.set({ seconds: Number(seconds) }))),
      tick("Logarithmic", Boolean(page.settings.log), (log) => this.set({ log }))]);
    this.node.prepend(this.#now);
    this.under.remove();
  }

  fits(view) {
    return view.kind === "line";
  }

  axes = 1;

  wanted() {
    return { region: [0, MOST_LINES] };
  }

  update(answer) {
    const isNew = this.last !== answer;
    this.last = answer;
    const { data, exact } = answer.view;
    const count = Math.min(data.length, MOST_LINES);
    if (count !== this.#lines.length) {
      this.#times = [];
      this.#lines = Array.from({ length: count }, () => []);
    }
    if (isNew) this.#add(answer.value.written_at, data);
    this.#show(exact ?? data, count);
    const seconds = this.page.settings.seconds ?? 30;
    const last = this.#times.at(-1) ?? 0;
    const colours = shades();
    const { log } = this.page.settings;
    const lines = log ? this.#lines.map((line) => line.map((value) => finite(value, log))) : this.#lines;
    const options = {
      scales: { x: { time: true, range: () => { const end = this.#times.at(-1) ?? last; return [end - (this.page.settings.seconds ?? 30), end]; } }, y: this.page.settings.log ? { distr: 3 } : {} },
      axes: [axis({ values: (plot, ticks) => ticks.map(clock) }), axis({ values, size: 64 })],
      series: [{}, ...this.#lines.map((_, at) => ({ label: String(at), stroke: colours[at % 8], width: 1.25, points: { show: false } }))],
      legend: { show: false },
      cursor: { drag: { x: false, y: false } },
    };
    this.draw(`${count} ${seconds} ${this.page.settings.log}`, [this.#times, ...lines], options, `${visible(answer.tag)}: ${count} ${count === 1 ? "number" : "numbers"} in the last ${seconds} seconds`);
  }

  #add(time, data) {
    // A clock that was set back begins anew.
    if (time < (this.#times.at(-1) ?? 0)) {
      this.#times = [];
      this.#lines = this.#lines.map(() => []);
    }
    this.#times.push(time);
    this.#lines.forEach((line, at) => line.push(finite(data[at], false)));
    const longest = Number(SPANS.at(-1)[0]);
    let old = 0;
    while (this.#times.length - old > MOST_KEPT || this.#times[old] < time - longest) old += 1;
    // Now and then, for many at once: it moves all others.
    if (old > 1000 || this.#times.length > MOST_KEPT + 1000) [this.#times, ...this.#lines].forEach((line) => line.splice(0, old));
  }

  #show(data, count) {
    while (this.#now.children.length > count) this.#now.lastChild.remove();
    for (let at = 0; at < count; at += 1) {
      if (this.#now.children.length <= at) {
        this.#now.append(el("span", { class: `entry series-${(at % 8) + 1}` }, el("i", { "aria-hidden": "true" }), el("small", {}), el("b", {})));
      }
      const [, name, value] = this.#now.children[at].children;
      name.textContent = count > 1 ? String(at) : "";
      value.textContent = number(data[at]);
    }
  }
}

/** The time of day, of seconds since 1970. */
function clock(seconds) {
  return new Date(seconds * 1000).toTimeString().slice(0, 8);
}

/** uPlot leaves a gap where null is: a logarithm is of positive numbers alone. */
function finite(value, log) {
  return Number.isFinite(value) && (!log || value > 0) ? value : null;
}
