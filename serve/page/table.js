// Values as a table: records with a column for each field, and numbers as they are.

import { el, field, say } from "./dom.js";
import { decode } from "./element.js";
import { count, number, visible } from "./text.js";

/** So many rows and columns are shown at once. */
const ROWS = 100;
const COLUMNS = 32;

export class TableShow {
  #page;
  #head = el("tr");
  #body = el("tbody");
  #note = el("span", { class: "muted" });
  #from;
  #total = 0;
  #earlier = el("button", { type: "button", onclick: () => this.#go(-ROWS) }, "Earlier rows");
  #later = el("button", { type: "button", onclick: () => this.#go(ROWS) }, "Later rows");

  constructor(page) {
    this.#page = page;
    this.#from = el("input", { type: "number", min: "0", step: "1" });
    this.#from.addEventListener("change", () => this.#set(Number(this.#from.value)));
    const grid = el("table", { class: "grid" }, el("caption", { class: "unseen" }, "Elements"), el("thead", {}, this.#head), this.#body);
    this.node = el("div", { class: "show" }, el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Table" }, grid),
      el("div", { class: "under" }, this.#note));
    this.side = [el("section", { class: "panel" }, el("h2", {}, "Rows"),
      el("div", { class: "controls" }, field("From row", this.#from), el("div", { class: "pair" }, this.#earlier, this.#later)))];
  }

  fits(view) {
    return view.step === 1 && view.channels === 1 && (view.kind !== "plane" || view.rows <= ROWS);
  }

  axes = 2;

  /** `view`: the last view, if there was one. */
  wanted(view) {
    const from = this.#page.settings.row ?? 0;
    return view?.kind === "plane" ? { region: [0, from, COLUMNS, ROWS], colour: false } : { region: [from, ROWS] };
  }

  update(answer) {
    const { view, value } = answer;
    const { names, rows, first } = view.kind === "elements" ? records(view) : numbers(view);
    const header = ["", ...names];
    fill(this.#head, header.length, (at) => el("th", { scope: "col" }), (cell, at) => say(cell, header[at]));
    fill(this.#body, rows.length, () => el("tr"), (row, at) => {
      const texts = rows[at];
      fill(row, texts.length + 1, (column) => (column === 0 ? el("th", { scope: "row" }) : el("td")),
        (cell, column) => say(cell, column === 0 ? String(first + at) : texts[column - 1]));
    });
    this.#total = view.kind === "plane" ? value.shape[view.leading] : value.shape.slice(view.leading).reduce((product, axis) => product * axis, 1);
    const hidden = view.kind === "plane" && value.shape[view.leading + 1] > view.columns ? `, the first ${view.columns} of ${value.shape[view.leading + 1]} columns` : "";
    say(this.#note, rows.length ? `Rows ${count(first)} to ${count(first + rows.length - 1)} of ${count(this.#total)}${hidden}` : "No rows");
    if (document.activeElement !== this.#from) this.#from.value = String(first);
    this.#earlier.disabled = first === 0;
    this.#later.disabled = first + rows.length >= this.#total;
  }

  themed() {}

  actions() {
    return {};
  }

  #go(rows) {
    this.#set((this.#page.settings.row ?? 0) + rows);
  }

  #set(row) {
    const last = Math.max(0, this.#total - 1);
    this.#page.set({ row: Math.min(last, Math.max(0, Math.floor(row) || 0)) || undefined });
    this.#page.ask();
  }
}

/** Makes and removes children until there are so many, and sets each. */
function fill(node, length, make, set) {
  while (node.children.length > length) node.lastChild.remove();
  for (let at = 0; at < length; at += 1) {
    if (node.children.length <= at) node.append(make(at));
    set(node.children[at], at);
  }
}

function records(view) {
  const { element, bytes } = view;
  const elements = Array.from({ length: Math.min(view.shape[0], ROWS) }, (_, at) => decode(element, bytes, at * element.size));
  const fields = element.fields;
  const names = fields ? fields.map((field) => visible(field.name)) : ["value"];
  const rows = elements.map((value) => (fields ? fields.map((field) => text(value[field.name])) : [text(value)]));
  return { names, rows, first: view.region[0] };
}

function numbers(view) {
  const data = view.exact ?? view.data;
  const across = view.kind === "plane" ? view.columns * view.channels : 1;
  const columns = Math.min(across, COLUMNS);
  const rows = Array.from({ length: Math.min(ROWS, view.kind === "plane" ? view.rows : data.length) }, (_, row) =>
    Array.from({ length: columns }, (_, column) => number(data[row * across + column])));
  const names = view.kind === "plane" ? Array.from({ length: columns }, (_, column) => String(column)) : ["value"];
  return { names, rows, first: view.region[view.kind === "plane" ? 1 : 0] };
}

/** A decoded value as text. */
function text(value) {
  if (typeof value === "number" || typeof value === "bigint") return number(value);
  if (typeof value === "boolean") return value ? "true" : "false";
  if (typeof value === "string") return visible(value);
  if (Array.isArray(value)) return `[${value.map(text).join(", ")}]`;
  return `{${Object.entries(value).map(([name, inner]) => `${visible(name)}: ${text(inner)}`).join(", ")}}`;
}
