// Short values against the time at which they were written.

import { choice, el, field, tick } from "./dom.js";
import { MOST_LINES } from "./kinds.js";
import { Lines, along, finite, rangeOf, shades, upright } from "./plot.js";
import { number, visible } from "./text.js";

/** So many values are kept for a line. */
const MOST_KEPT = 20000;

/** So few values are seen as points: a line needs two. */
const FEW = 50;

const SPANS = [["10", "10 s"], ["30", "30 s"], ["60", "1 min"], ["300", "5 min"], ["1800", "30 min"]];

export class TimeShow extends Lines {
  axes = 1;
  #times = [];
  #lines = [];
  #wasPaused = false;
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

  wanted() {
    return { region: [0, MOST_LINES] };
  }

  /** What was written meanwhile is not known: the line has a gap there. */
  paused(paused) {
    this.#wasPaused ||= paused;
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
    const { log, seconds = 30 } = this.page.settings;
    const colours = shades();
    const lines = log ? this.#lines.map((line) => line.map((value) => finite(value, log))) : this.#lines;
    const end = () => this.#times.at(-1) ?? 0;
    const few = () => this.#times.length <= FEW || this.#times[this.#times.length - FEW] < end() - (this.page.settings.seconds ?? 30);
    const options = {
      scales: { x: { time: true, range: () => [end() - (this.page.settings.seconds ?? 30), end()] }, y: { distr: log ? 3 : 1, range: rangeOf(log) } },
      axes: [along((plot, ticks) => ticks.map(clock)), upright()],
      series: [{}, ...this.#lines.map((_, at) => ({ label: String(at), stroke: colours[at % 8], width: 1.25, points: { show: few, size: 6, fill: colours[at % 8] } }))],
      legend: { show: false },
      cursor: { drag: { x: false, y: false } },
    };
    this.draw(`${count} ${seconds} ${log}`, [this.#times, ...lines], options, `${visible(answer.tag)}: ${count} ${count === 1 ? "number" : "numbers"} in the last ${seconds} seconds`);
  }

  #add(time, data) {
    // A clock that was set back begins anew.
    if (time < (this.#times.at(-1) ?? 0)) {
      this.#times = [];
      this.#lines = this.#lines.map(() => []);
    }
    const isAgain = time === this.#times.at(-1);
    if (this.#wasPaused && this.#times.length > 0 && !isAgain) this.#push((this.#times.at(-1) + time) / 2, () => null);
    this.#wasPaused = false;
    if (!isAgain) this.#push(time, (at) => finite(data[at], false));
    const longest = Number(SPANS.at(-1)[0]);
    let old = 0;
    while (this.#times.length - old > MOST_KEPT || this.#times[old] < time - longest) old += 1;
    // Now and then, for many at once: it moves all others.
    if (old > 1000 || this.#times.length > MOST_KEPT + 1000) [this.#times, ...this.#lines].forEach((line) => line.splice(0, old));
  }

  #push(time, of) {
    this.#times.push(time);
    this.#lines.forEach((line, at) => line.push(of(at)));
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
