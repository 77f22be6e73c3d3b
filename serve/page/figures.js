// What the numbers of a picture are like: of a region, or of what is seen.

import { el, field, pairs, say } from "./dom.js";
import { statistics } from "./range.js";
import { count, number } from "./text.js";

const NAMES = ["x", "y", "width", "height"];

export class Figures {
  #heading = el("h2", {}, "Statistics");
  #of = el("p", { class: "muted small" });
  #list = el("dl", { class: "facts" });
  #inputs;
  #clear;
  /** The last figures that the server sent, and the view that they came with. */
  #told = null;

  /** `changed`: called with a region that was typed, or null for none. */
  constructor(changed) {
    this.#inputs = NAMES.map((name) => el("input", { type: "number", min: "0", step: "1" }));
    this.#inputs.forEach((input) => input.addEventListener("change", () => {
      const [x, y, width, height] = this.#inputs.map(({ value }) => Math.max(0, Math.floor(Number(value))));
      if (width > 0 && height > 0) changed([x, y, width, height]);
    }));
    this.#clear = el("button", { type: "button", disabled: true, onclick: () => changed(null) }, "No region");
    const fields = el("fieldset", { class: "region" }, el("legend", {}, "Region"), ...NAMES.map((name, at) => field(name, this.#inputs[at])), this.#clear);
    this.node = el("section", { class: "panel" }, this.#heading, this.#of, this.#list, fields);
  }

  /** Shows those of a part `[x, y, width, height]` of a view. Returns whether they are of this value, and of all of its elements. */
  show(view, part, isRegion) {
    if (view.figures) this.#told = { ...read(view.figures, view), view };
    const all = view.step === 1 && !view.lossy && contains(view.region, part);
    const told = this.#told && this.#told.region.join() === part.join() ? this.#told : null;
    const known = all || !told ? statistics(view, inside(view, part)) : told;
    say(this.#heading, isRegion ? "Statistics of the region" : "Statistics of what is seen");
    const [x, y, width, height] = part;
    const coarse = view.step > 1 ? `means of ${view.step} × ${view.step} elements` : "JPEG, not of the elements";
    say(this.#of, `[${y}:${y + height}, ${x}:${x + width}]${all || told ? "" : `, of ${coarse}`}`);
    const or = (value) => (known.count ? number(value) : "–");
    const facts = [["mean", or(known.mean)], ["deviation", or(known.deviation)], ["least", or(known.least)], ["greatest", or(known.greatest)],
      ["numbers", count(known.count)]];
    if (/^float/.test(view.dtype)) facts.push(["NaN", count(known.nan)], ["infinite", count(known.infinite)]);
    pairs(this.#list, facts);
    this.#clear.disabled = !isRegion;
    this.#inputs.forEach((input, at) => {
      if (document.activeElement !== input) input.value = isRegion ? part[at] : "";
    });
    return all || told?.view === view;
  }
}

/** Figures of the server: whole numbers of 64 bits come as texts. */
function read({ least, greatest, mean, deviation, ...rest }, view) {
  const parse = /^u?int64$/.test(view.dtype) ? BigInt : Number;
  return { ...rest, least: least === null ? NaN : parse(least), greatest: greatest === null ? NaN : parse(greatest), mean: mean ?? NaN, deviation: deviation ?? NaN };
}

function contains([left, top, width, height], [x, y, wide, high]) {
  return x >= left && y >= top && x + wide <= left + width && y + high <= top + height;
}

/** The pixels of a view that a rectangle of elements covers. */
function inside(view, [x, y, width, height]) {
  const [left, top] = view.region;
  const part = (from, length, start, size) => {
    const first = Math.min(size, Math.max(0, Math.floor((from - start) / view.step)));
    return [first, Math.max(0, Math.min(size, Math.ceil((from + length - start) / view.step)) - first)];
  };
  const [[column, columns], [row, rows]] = [part(x, width, left, view.columns), part(y, height, top, view.rows)];
  return [column, row, columns, rows];
}
