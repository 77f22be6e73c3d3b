// The numbers along one axis. Of many, the least and the greatest for each pixel.

import { el, field, tick } from "./dom.js";
import { reduced } from "./envelope.js";
import { Lines, along, finite, rangeOf, shades, upright } from "./plot.js";
import { count, number, visible } from "./text.js";

export class LineShow extends Lines {
  /** How many axes are shown. */
  axes = 1;
  #length = 0;
  /** The first and the last place that there is of the axis. */
  #places = [0, 1];
  #ends;
  #all;
  #hint = el("span", { class: "muted" });

  constructor(page) {
    const ends = ["first", "last"].map(() => el("input", { type: "number", min: "0", step: "1" }));
    super(page, [field("From", ends[0]), field("To", ends[1]), tick("Logarithmic", Boolean(page.settings.log), (log) => this.set({ log }))]);
    this.#ends = ends;
    ends.forEach((input) => input.addEventListener("change", () => {
      const [from, to] = ends.map(({ value }, at) => (value === "" ? [0, this.#length - 1][at] : Math.floor(Number(value))));
      this.#show(from, to);
    }));
    const button = (name, title, act) => el("button", { type: "button", title, "aria-label": `${name} ${title}`, onclick: act }, name);
    this.#all = button("All", "of the axis", () => this.#show(0, this.#length - 1));
    this.node.prepend(el("div", { class: "tools", role: "group", "aria-label": "Part of the axis" },
      button("−", "more of the axis", () => this.#zoom(2)), button("+", "less of the axis", () => this.#zoom(0.5)),
      button("←", "earlier", () => this.#move(-0.5)), button("→", "later", () => this.#move(0.5)), this.#all));
    this.under.append(this.#hint);
  }

  fits(view) {
    return view.kind === "line" || view.kind === "envelope";
  }

  #room() {
    return Math.max(100, Math.ceil(this.width * devicePixelRatio) || 1000);
  }

  wanted() {
    const { span } = this.page.settings;
    return span?.length === 2 ? { region: span, room: [this.#room(), 1] } : { room: [this.#room(), 1] };
  }

  update(answer) {
    this.last = answer;
    this.#length = answer.value.shape.at(-1) ?? 1;
    const { log, span } = this.page.settings;
    // All of a paused value may be there.
    const view = answer.view.kind === "line" ? reduced(answer.view, span?.length === 2 ? span : undefined, this.#room()) : answer.view;
    const both = view.kind === "envelope";
    const length = both ? view.shape[0] : view.data.length;
    const [from, wide] = view.region;
    const places = Float64Array.from({ length }, (_, at) => from + at * view.step);
    this.#places = [from, places.at(-1) ?? from];
    const column = (which) => Array.from({ length }, (_, at) => finite(view.data[both ? 2 * at + which : at], log));
    const data = both ? [places, column(1), column(0)] : [places, column(0)];
    const [shade] = shades();
    const told = (plot, value) => (value === null || value === undefined ? "–" : number(value));
    const line = (label) => ({ label, stroke: shade, width: 1.25, points: { show: length <= 100, size: 5, fill: shade }, value: told });
    const options = {
      scales: { x: { time: false, range: () => this.#across() }, y: { distr: log ? 3 : 1, range: rangeOf(log) } },
      axes: [along(), upright()],
      series: [{ label: "index", value: told }, ...(both ? [line("greatest"), line("least")] : [line("value")])],
      bands: both ? [{ series: [1, 2], fill: shade.replace("rgb(", "rgba(").replace(")", ", 0.2)") }] : [],
      cursor: { drag: { x: true, y: false, setScale: false } },
      hooks: { setSelect: [(plot) => this.#selected(plot)] },
    };
    this.#all.disabled = !span;
    this.#ends.forEach((input, at) => { if (document.activeElement !== input) input.value = String([from, Math.max(from, from + wide - 1)][at]); });
    const lost = data.slice(1).reduce((sum, one) => sum + one.reduce((found, value) => found + (value === null), 0), 0);
    const notes = [both && `least and greatest of each ${count(view.step)}`, lost > 0 && (log ? `${count(lost)} not shown: not above 0` : `${count(lost)} not finite`)];
    this.#hint.textContent = [...notes.filter(Boolean), "drag to see a part"].join(", ");
    this.draw(`${view.kind} ${log} ${length <= 100}`, data, options, `${visible(answer.tag)}: ${wide} of ${this.#length} numbers along the axis`);
  }

  /** What is seen of the axis: the part that was chosen, also where a paused value has less of it. */
  #across() {
    const { span } = this.page.settings;
    const [from, to] = span?.length === 2 ? [span[0], span[0] + span[1] - 1] : this.#places;
    return to > from ? [from, to] : [from - 0.5, from + 0.5];
  }

  #selected(plot) {
    if (plot.select.width < 3) return;
    const from = Math.floor(plot.posToVal(plot.select.left, "x"));
    const to = Math.ceil(plot.posToVal(plot.select.left + plot.select.width, "x"));
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.#show(from, to);
  }

  #zoom(factor) {
    const [from, length] = this.#span();
    const wide = Math.max(2, Math.round(length * factor));
    const first = Math.round(from + (length - wide) / 2);
    this.#show(first, first + wide - 1);
  }

  #move(share) {
    const [from, length] = this.#span();
    const first = Math.max(0, Math.min(this.#length - length, from + Math.round(length * share)));
    this.#show(first, first + length - 1);
  }

  #span() {
    const { span } = this.page.settings;
    return span?.length === 2 ? [Math.min(span[0], this.#length), Math.min(span[1], this.#length)] : [0, this.#length];
  }

  /** Shows the numbers from one index to another. */
  #show(from, to) {
    const first = Math.max(0, Math.min(from, this.#length - 2));
    const last = Math.min(this.#length - 1, Math.max(to, first + 1));
    this.page.set({ span: first === 0 && last === this.#length - 1 ? undefined : [first, last - first + 1] });
    this.page.ask();
  }

  actions() {
    return { ...super.actions(), "+": () => this.#zoom(0.5), "=": () => this.#zoom(0.5), "-": () => this.#zoom(2), 0: () => this.#all.click(),
      ArrowLeft: () => this.#move(-0.5), ArrowRight: () => this.#move(0.5) };
  }
}
