// Values as a table: records with a column for each field, and numbers as they are.

import { el, field, say } from "./dom.js";
import { decodePart, parts } from "./element.js";
import { count, number, visible } from "./text.js";

/** So many rows and columns are shown at once. */
const ROWS = 100;
const COLUMNS = 32;

export class TableShow {
  #page;
  #head = el("tr");
  #body = el("tbody");
  #note = el("span", { class: "muted" });
  #rows;
  #columns;
  axes = 2;

  constructor(page) {
    this.#page = page;
    this.#rows = new Stretch("row", "rows", ROWS, (row) => this.#set({ row }));
    this.#columns = new Stretch("column", "columns", COLUMNS, (column) => this.#set({ column }));
    const grid = el("table", { class: "grid" }, el("caption", { class: "unseen" }, "Elements"), el("thead", {}, this.#head), this.#body);
    this.node = el("div", { class: "show" }, el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Table" }, grid),
      el("div", { class: "under" }, this.#note));
    this.side = [el("section", { class: "panel" }, el("h2", {}, "Part"), el("div", { class: "controls" }, ...this.#rows.nodes, ...this.#columns.nodes))];
  }

  fits(view) {
    return view.step === 1 && view.channels === 1;
  }

  /** `view`: the last view, if there was one. */
  wanted(view) {
    const { row = 0, column = 0 } = this.#page.settings;
    return view?.kind === "plane" ? { region: [column, row, COLUMNS, ROWS], colour: false } : { region: [row, ROWS] };
  }

  update(answer) {
    const { view, value } = answer;
    const isPlane = view.kind === "plane";
    const shape = value.shape.slice(view.leading);
    const height = isPlane ? shape[0] : shape.reduce((product, axis) => product * axis, 1);
    const [left, top, across, down] = isPlane ? view.region : [0, view.region[0], 1, view.region[1]];
    // All of a paused value may be there, of which a part is shown.
    const part = (wanted, start, length, most) => {
      const first = Math.min(Math.max(wanted ?? 0, start), start + Math.max(0, length - 1));
      return [first, Math.min(most, start + length - first)];
    };
    const [first, rows] = part(this.#page.settings.row, top, down, ROWS);
    const [column, columns] = part(this.#page.settings.column, left, across, COLUMNS);
    const { names, cells } = view.kind === "elements" ? records(view, first - top, rows) : numbers(view, first - top, rows, column - left, columns, column);
    const header = ["", ...names];
    fill(this.#head, header.length, () => el("th", { scope: "col" }), (cell, at) => put(cell, header[at]));
    fill(this.#body, rows, () => el("tr"), (row, at) => {
      fill(row, names.length + 1, (place) => (place === 0 ? el("th", { scope: "row" }) : el("td")),
        (cell, place) => put(cell, place === 0 ? String(first + at) : cells[at][place - 1]));
    });
    const width = isPlane ? shape[1] : 1;
    const aside = width > columns ? `, columns ${count(column)} to ${count(column + columns - 1)} of ${count(width)}` : "";
    say(this.#note, rows > 0 ? `Rows ${count(first)} to ${count(first + rows - 1)} of ${count(height)}${aside}` : "No rows");
    this.#rows.show(first, rows, height);
    this.#columns.show(column, columns, width);
    this.side[0].hidden = [this.#rows, this.#columns].every(({ nodes }) => nodes[0].hidden);
  }

  themed() {}

  paused() {}

  actions() {
    return {};
  }

  #set(changes) {
    this.#page.set(changes);
    this.#page.ask();
  }
}

/** Controls for a part of an axis: where it begins, the part before, and the part behind. */
class Stretch {
  #from = el("input", { type: "number", min: "0", step: "1" });
  #earlier;
  #later;
  #first = 0;
  #total = 0;
  #changed;

  constructor(one, many, length, changed) {
    this.#changed = changed;
    this.#from.addEventListener("change", () => this.#go(Number(this.#from.value)));
    this.#earlier = el("button", { type: "button", onclick: () => this.#go(this.#first - length) }, `Earlier ${many}`);
    this.#later = el("button", { type: "button", onclick: () => this.#go(this.#first + length) }, `Later ${many}`);
    this.nodes = [field(`From ${one}`, this.#from), el("div", { class: "pair" }, this.#earlier, this.#later)];
  }

  show(first, length, total) {
    [this.#first, this.#total] = [first, total];
    if (document.activeElement !== this.#from) this.#from.value = String(first);
    this.#earlier.disabled = first === 0;
    this.#later.disabled = first + length >= total;
    const fits = first === 0 && length >= total;
    for (const node of this.nodes) node.hidden = fits;
  }

  #go(first) {
    this.#changed(Math.max(0, Math.min(this.#total - 1, Math.floor(first) || 0)) || undefined);
  }
}

/** Sets the text of a cell: a long one has several lines. */
function put(cell, text) {
  say(cell, text);
  cell.classList.toggle("long", text.length > 40);
}

/** Makes and removes children until there are so many, and sets each. */
function fill(node, length, make, set) {
  while (node.children.length > length) node.lastChild.remove();
  for (let at = 0; at < length; at += 1) {
    if (node.children.length <= at) node.append(make(at));
    set(node.children[at], at);
  }
}

function records({ element, bytes }, first, rows) {
  const columns = parts(element);
  const names = columns.map(({ name }) => visible(name) || "value");
  const cells = Array.from({ length: rows }, (_, at) => columns.map((part) => text(decodePart(part, bytes, (first + at) * element.size + part.offset))));
  return { names, cells };
}

/** Rows and columns of a view, from a place in it; `name`: that of the first column. */
function numbers(view, first, rows, column, columns, name) {
  const data = view.exact ?? view.data;
  const across = view.kind === "plane" ? view.columns : 1;
  const cells = Array.from({ length: rows }, (_, row) => Array.from({ length: columns }, (_, at) => number(data[(first + row) * across + column + at])));
  const names = view.kind === "plane" ? Array.from({ length: columns }, (_, at) => String(name + at)) : ["value"];
  return { names, cells };
}

/** A decoded value as text. */
function text(value) {
  if (typeof value === "number" || typeof value === "bigint") return number(value);
  if (typeof value === "boolean") return value ? "true" : "false";
  if (typeof value === "string") return visible(value);
  if (Array.isArray(value)) return `[${value.map(text).join(", ")}]`;
  return `{${Object.entries(value).map(([name, inner]) => `${visible(name)}: ${text(inner)}`).join(", ")}}`;
}
