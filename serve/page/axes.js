// A slider for each of the first axes of an array that has more than a screen can show.

import { el, say } from "./dom.js";

export class Axes {
  #changed;
  #lengths = "";
  #rows = [];

  /** `changed`: called with the index along each of the axes. */
  constructor(changed) {
    this.#changed = changed;
    this.node = el("div", { class: "axes", role: "group", "aria-label": "Index of the first axes", hidden: true });
  }

  /** Has sliders for axes of these lengths. */
  show(lengths, index) {
    if (lengths.join() !== this.#lengths) {
      this.#lengths = lengths.join();
      this.#rows = lengths.map((length, axis) => this.#row(length, axis));
      this.node.replaceChildren(...this.#rows.map((row) => row.node));
      // An axis of one index has nothing to choose.
      this.#rows.forEach((row, axis) => { row.node.hidden = lengths[axis] <= 1; });
      this.node.hidden = lengths.every((length) => length <= 1);
    }
    this.#rows.forEach(({ slider, text }, axis) => {
      const last = Math.max(0, lengths[axis] - 1);
      const at = Math.min(index[axis] ?? 0, last);
      if (document.activeElement !== slider || Number(slider.value) !== at) slider.value = at;
      say(text, `${at} of 0–${last}`);
    });
  }

  /** A value that is paused has one index. */
  paused(paused) {
    this.#rows.forEach(({ slider }) => { slider.disabled = paused; });
  }

  #row(length, axis) {
    const slider = el("input", { type: "range", min: "0", max: String(Math.max(0, length - 1)), step: "1", "aria-label": `Axis ${axis}` });
    const text = el("output");
    slider.addEventListener("input", () => this.#changed(this.#rows.map((row) => Number(row.slider.value))));
    return { slider, text, node: el("div", { class: "axis" }, el("span", { "aria-hidden": "true" }, `axis ${axis}`), slider, text) };
  }
}
