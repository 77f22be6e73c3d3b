// A value as a picture: the canvas, and what is chosen and told beside it.

import { choice, el, field, pairs, say, tick } from "./dom.js";
import { Histogram } from "./histogram.js";
import { Picture } from "./image.js";
import { NAMES } from "./maps.js";
import { paint } from "./paint.js";
import { RANGES, bounds, fullRange, statistics, usual } from "./range.js";
import { count, number, visible } from "./text.js";

/** Histogram and statistics are made anew no more often than this, in milliseconds. */
const COUNT_EACH = 150;

export class ImageShow {
  #page;
  #picture;
  #histogram = new Histogram();
  #answer = null;
  #known = null;
  #readout = el("output", { class: "readout" });
  #spoken = el("p", { class: "unseen", "aria-live": "polite" });
  #reduced = el("span", { class: "muted" });
  #figures = el("dl", { class: "facts" });
  #figuresTitle = el("h2", {}, "Statistics");
  #regionInputs;
  #selectButton;
  #clearButton;
  #later = 0;

  /** `page`: the page of the tag, with its `settings`, `set(changes)` and `ask()`. */
  constructor(page) {
    this.#page = page;
    this.#picture = new Picture({
      pointed: (x, y, byKey) => this.#point(x, y, byKey),
      left: () => say(this.#readout, "Move the pointer over the picture"),
      selected: () => this.#select(),
      moved: () => this.#moved(),
    });
    say(this.#readout, "Move the pointer over the picture");
    const { settings } = page;
    if (settings.zoom) this.#picture.place = { zoom: settings.zoom, x: settings.x ?? 0, y: settings.y ?? 0 };
    if (settings.region?.length === 4) this.#picture.rectangle = settings.region;
    this.node = el("div", { class: "show" }, this.#tools(), this.#picture.node,
      el("div", { class: "under" }, this.#readout, this.#reduced), this.#spoken);
    this.side = [el("section", { class: "panel" }, el("h2", {}, "Colours"), this.#controls(), this.#histogram.node),
      el("section", { class: "panel" }, this.#figuresTitle, this.#figures, this.#regionFields())];
  }

  fits(view) {
    return view.kind === "plane";
  }

  wanted() {
    return this.#page.settings.whole ? {} : this.#picture.wanted();
  }

  update(answer) {
    this.#answer = answer;
    const { value, view } = answer;
    const settings = this.#settings();
    const isDue = performance.now() - this.#counted >= COUNT_EACH;
    // The full range needs none, so that a fast camera costs less.
    if (isDue || settings.range !== "full" || settings.log) this.#known = statistics(view);
    const range = bounds(view, value.dtype, settings, this.#known);
    const size = [value.shape[view.leading + 1], value.shape[view.leading]];
    this.#picture.show(view, paint(view, range, settings.map), size, `${visible(answer.tag)}: ${size[0]} by ${size[1]} picture`);
    this.#showControls(settings, range);
    clearTimeout(this.#dueTimer);
    if (isDue) this.#figure(range, settings.map);
    else this.#dueTimer = setTimeout(() => this.#figure(range, settings.map), COUNT_EACH);
    const notes = [view.step > 1 && `each pixel is the mean of ${view.step} × ${view.step}`, view.lossy && "JPEG"];
    say(this.#reduced, notes.filter(Boolean).join(", "));
  }

  #counted = -Infinity;
  #dueTimer = 0;

  /** Histogram and statistics of the last value. */
  #figure(range, map) {
    // A timer may come when that was counted already, or not yet.
    if (performance.now() - this.#counted >= COUNT_EACH) this.#known = statistics(this.#answer.view);
    this.#counted = performance.now();
    this.#histogram.show(this.#answer.view, range, this.#known, map);
    this.#count();
  }

  actions() {
    const { settings } = this.#page;
    const next = (list, at) => list[(list.indexOf(at) + 1) % list.length];
    const now = () => this.#settings();
    return {
      "+": () => this.#picture.zoomBy(1.5), "=": () => this.#picture.zoomBy(1.5), "-": () => this.#picture.zoomBy(1 / 1.5),
      0: () => this.#picture.fit(), 1: () => this.#picture.actual(),
      m: () => this.#set({ map: next(NAMES, now().map) }),
      r: () => this.#set({ range: next(this.#ranges(), now().range) }),
      l: () => this.#set({ log: !settings.log }),
      s: () => this.#selectButton.click(), c: () => this.#clear(),
      ArrowLeft: () => this.#picture.moveBy(-60, 0), ArrowRight: () => this.#picture.moveBy(60, 0),
      ArrowUp: () => this.#picture.moveBy(0, -60), ArrowDown: () => this.#picture.moveBy(0, 60),
    };
  }

  themed() {
    if (this.#answer) this.update(this.#answer);
  }

  #settings() {
    const { settings } = this.#page;
    const first = this.#answer ? usual(this.#answer.view, this.#answer.value.dtype) : { map: "gray", range: "minmax" };
    const range = this.#ranges().includes(settings.range) ? settings.range : first.range;
    return { ...settings, map: NAMES.includes(settings.map) ? settings.map : first.map, range };
  }

  #ranges() {
    const has = this.#answer && fullRange(this.#answer.value.dtype);
    return RANGES.map(([key]) => key).filter((key) => key !== "full" || has);
  }

  #set(changes) {
    this.#page.set(changes);
    this.#counted = -Infinity;
    if (this.#answer) this.update(this.#answer);
  }

  #tools() {
    const button = (text, title, act) => el("button", { type: "button", title, "aria-label": `${text} ${title}`, onclick: act }, text);
    this.#selectButton = el("button", { type: "button", "aria-pressed": "false", title: "Drag a rectangle over the picture (s)" }, "Select region");
    this.#selectButton.addEventListener("click", () => {
      const on = this.#selectButton.getAttribute("aria-pressed") !== "true";
      this.#selectButton.setAttribute("aria-pressed", String(on));
      this.#picture.selecting = on;
    });
    return el("div", { class: "tools", role: "group", "aria-label": "Zoom" },
      button("−", "zoom out", () => this.#picture.zoomBy(1 / 1.5)), button("+", "zoom in", () => this.#picture.zoomBy(1.5)),
      button("Fit", "all of it", () => this.#picture.fit()), button("1:1", "one element for each pixel of the screen", () => this.#picture.actual()),
      this.#selectButton);
  }

  #controls() {
    const map = choice(NAMES.map((name) => [name, name]), "gray", (value) => this.#set({ map: value }));
    const range = choice(RANGES, "minmax", (value) => this.#set({ range: value, ...this.#held(value) }));
    const numeric = (key) => {
      const input = el("input", { type: "number", step: "any" });
      input.addEventListener("change", () => {
        const value = input.value === "" ? undefined : Number(input.value);
        this.#set(key === "percent" ? { percent: value } : { ...this.#held("fixed"), range: "fixed", [key]: value });
      });
      return input;
    };
    const [low, high, percent] = ["low", "high", "percent"].map(numeric);
    [percent.min, percent.max] = ["0", "49"];
    const log = tick("Logarithmic", false, (value) => this.#set({ log: value }));
    const whole = tick("Every element, not reduced", Boolean(this.#page.settings.whole), (value) => {
      this.#set({ whole: value });
      this.#page.ask();
    });
    const fields = { map: field("Map", map), range: field("Range", range), low: field("Low", low), high: field("High", high),
      percent: field("Percent at each end", percent) };
    this.#fields = { map, range, low, high, percent, log, nodes: fields };
    return el("div", { class: "controls" }, fields.map, fields.range, el("div", { class: "pair" }, fields.low, fields.high), fields.percent, log, whole);
  }

  #fields;

  /** A fixed range begins as the range that there is. */
  #held(range) {
    if (range !== "fixed" || !this.#answer || this.#settings().range === "fixed") return {};
    const { low, high } = bounds(this.#answer.view, this.#answer.value.dtype, this.#settings(), this.#known);
    return { low, high };
  }

  #showControls(settings, range) {
    const { map, range: kind, low, high, percent, log, nodes } = this.#fields;
    nodes.map.hidden = this.#answer.view.channels >= 3;
    map.value = settings.map;
    [...kind.options].forEach((option) => { option.hidden = option.disabled = !this.#ranges().includes(option.value); });
    kind.value = settings.range;
    nodes.percent.hidden = settings.range !== "percent";
    const put = (input, value) => { if (document.activeElement !== input) input.value = value; };
    put(percent, settings.percent ?? 1);
    put(low, Number(range.low.toPrecision(6)));
    put(high, Number(range.high.toPrecision(6)));
    log.firstChild.checked = Boolean(settings.log);
  }

  #regionFields() {
    this.#regionInputs = ["x", "y", "width", "height"].map((name) => {
      const input = el("input", { type: "number", min: "0", step: "1" });
      input.addEventListener("change", () => this.#typed());
      return [name, input];
    });
    this.#clearButton = el("button", { type: "button", hidden: true, onclick: () => this.#clear() }, "No region");
    return el("fieldset", { class: "region" }, el("legend", {}, "Region"),
      ...this.#regionInputs.map(([name, input]) => field(name, input)), this.#clearButton);
  }

  #typed() {
    const [x, y, width, height] = this.#regionInputs.map(([, input]) => Math.max(0, Math.floor(Number(input.value))));
    if (width > 0 && height > 0) {
      this.#picture.rectangle = [x, y, width, height];
      this.#select();
    }
  }

  #select() {
    this.#page.set({ region: this.#picture.rectangle });
    this.#count();
  }

  #clear() {
    this.#picture.rectangle = null;
    this.#select();
  }

  /** Statistics of the region, or of what is seen. */
  #count() {
    if (!this.#answer) return;
    const { view } = this.#answer;
    const rectangle = this.#picture.rectangle;
    const part = rectangle && inside(view, rectangle);
    const known = part ? statistics(view, part) : this.#known;
    this.#clearButton.hidden = !rectangle;
    say(this.#figuresTitle, rectangle ? "Statistics of the region" : "Statistics of what is seen");
    const facts = [["mean", number(known.mean)], ["deviation", number(known.deviation)], ["least", known.count ? number(known.least) : "–"],
      ["greatest", known.count ? number(known.greatest) : "–"], ["numbers", count(known.count)]];
    if (known.nan) facts.push(["NaN", count(known.nan)]);
    if (known.infinite) facts.push(["infinite", count(known.infinite)]);
    pairs(this.#figures, facts);
    this.#regionInputs.forEach(([, input], at) => {
      if (document.activeElement !== input) input.value = rectangle ? rectangle[at] : "";
    });
  }

  #point(x, y, byKey) {
    if (!this.#answer) return;
    const text = `x ${x}  y ${y}  ${valueAt(this.#answer.view, x, y)}`;
    say(this.#readout, text);
    if (byKey) say(this.#spoken, text);
  }

  #moved() {
    const { place } = this.#picture;
    const round = (value) => Number(value.toFixed(3));
    this.#page.set(place ? { zoom: Number(place.zoom.toPrecision(4)), x: round(place.x), y: round(place.y) } : { zoom: undefined, x: undefined, y: undefined });
    if (this.#page.settings.whole || !this.#answer) return;
    // What is seen now, once it stays so for a moment.
    clearTimeout(this.#later);
    this.#later = setTimeout(() => this.#page.refresh(), 120);
  }
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

/** What stands at an element, as text. */
function valueAt(view, x, y) {
  const [left, top] = view.region;
  const [column, row] = [Math.floor((x - left) / view.step), Math.floor((y - top) / view.step)];
  if (column < 0 || row < 0 || column >= view.columns || row >= view.rows) return "";
  const at = (row * view.columns + column) * view.channels;
  const value = (channel) => number((view.exact ?? view.data)[at + channel]);
  if (view.channels < 3) return Array.from({ length: view.channels }, (_, channel) => value(channel)).join(" ");
  return ["R", "G", "B", "A"].slice(0, view.channels).map((name, channel) => `${name} ${value(channel)}`).join("  ");
}
