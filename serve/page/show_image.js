// A value as a picture: the canvas, and what is chosen and told beside it.

import { choice, el, field, say, tick } from "./dom.js";
import { Figures } from "./figures.js";
import { Histogram } from "./histogram.js";
import { Picture } from "./image.js";
import { NAMES } from "./maps.js";
import { paint } from "./paint.js";
import { RANGES, bounds, fullRange, statistics, usual } from "./range.js";
import { digits, number, visible } from "./text.js";

/** Histogram and statistics are made anew no more often than this, in milliseconds. */
const COUNT_EACH = 150;

const POINT = "Point at an element";

export class ImageShow {
  #page;
  #picture;
  #histogram = new Histogram();
  #figures = new Figures((region) => { this.#picture.rectangle = region; this.#select(); });
  #answer = null;
  #known = null;
  #readout = el("output", { class: "readout" }, POINT);
  #spoken = el("p", { class: "unseen", "aria-live": "polite" });
  #reduced = el("span", { class: "muted" });
  #selectButton;
  #fields;
  #later = 0;
  #counted = -Infinity;
  #countTimer = 0;

  /** `page`: the page of the tag, with its `settings`, `set(changes)` and `ask()`. */
  constructor(page) {
    this.#page = page;
    this.#picture = new Picture({
      pointed: (x, y, byKey) => this.#point(x, y, byKey),
      left: () => say(this.#readout, POINT),
      selected: () => this.#select(),
      moved: () => this.#moved(),
    });
    const { settings } = page;
    if (settings.zoom > 0) this.#picture.place = { zoom: settings.zoom, x: settings.x ?? 0, y: settings.y ?? 0 };
    if (settings.region?.length === 4 && settings.region[2] * settings.region[3] > 0) this.#picture.rectangle = settings.region;
    this.node = el("div", { class: "show" }, this.#tools(), this.#picture.node,
      el("div", { class: "under" }, this.#readout, this.#reduced), this.#spoken);
    this.side = [el("section", { class: "panel" }, el("h2", {}, "Colours"), this.#controls(), this.#histogram.node), this.#figures.node];
  }

  fits(view) {
    return view.kind === "plane";
  }

  wanted() {
    const wanted = this.#page.settings.whole ? {} : this.#picture.wanted();
    // The page can tell them itself from elements that are all there.
    const view = this.#answer?.view;
    const isDue = performance.now() - this.#counted >= COUNT_EACH || this.#between >= COUNT_EACH || !this.#hasFigures;
    if (view && (view.step > 1 || view.lossy) && isDue) wanted.figures = this.#part();
    return wanted;
  }

  #hasFigures = true;
  /** The time of the last value, and since the one before, in milliseconds. */
  #drawn = 0;
  #between = Infinity;

  update(answer) {
    if (answer !== this.#answer) [this.#between, this.#drawn] = [performance.now() - this.#drawn, performance.now()];
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
    clearTimeout(this.#countTimer);
    if (isDue || view.figures) this.#count(range, settings.map);
    else this.#countTimer = setTimeout(() => this.#count(range, settings.map), COUNT_EACH);
    const notes = [size.includes(0) && "there are no elements", view.step > 1 && `each pixel is the mean of ${view.step} × ${view.step}`, view.lossy && "JPEG"];
    say(this.#reduced, notes.filter(Boolean).join(", "));
  }

  /** Histogram and statistics of the last value. */
  #count(range, map) {
    // A timer may come when that was counted already, or not yet.
    if (performance.now() - this.#counted >= COUNT_EACH) this.#known = statistics(this.#answer.view);
    this.#counted = performance.now();
    const { view, value } = this.#answer;
    const isAll = view.region[2] === value.shape[view.leading + 1] && view.region[3] === value.shape[view.leading];
    this.#histogram.show(view, range, this.#known, map, isAll);
    this.#figure();
  }

  #figure() {
    const hadFigures = this.#hasFigures;
    this.#hasFigures = this.#figures.show(this.#answer.view, this.#part(), this.#picture.rectangle !== null);
    // A value that stays is asked for once more, with its figures.
    if (hadFigures && !this.#hasFigures) this.#soon();
  }

  /** The elements that figures are of: the region, or what is seen. */
  #part() {
    const { rectangle } = this.#picture;
    if (!rectangle) return this.#picture.seen();
    const { shape } = this.#answer.value;
    const { leading } = this.#answer.view;
    const inside = (from, length, size) => [Math.min(from, size), Math.max(0, Math.min(length, size - from))];
    const [[x, width], [y, height]] = [inside(rectangle[0], rectangle[2], shape[leading + 1]), inside(rectangle[1], rectangle[3], shape[leading])];
    return [x, y, width, height];
  }

  actions() {
    const { settings } = this.#page;
    const next = (list, at) => list[(list.indexOf(at) + 1) % list.length];
    const now = () => this.#settings();
    const move = (x, y) => () => this.#picture.moveBy(60 * x, 60 * y);
    return {
      "+": () => this.#picture.zoomBy(1.5), "=": () => this.#picture.zoomBy(1.5), "-": () => this.#picture.zoomBy(1 / 1.5),
      0: () => this.#picture.fit(), 1: () => this.#picture.actual(),
      m: () => this.#set({ map: next(NAMES, now().map) }),
      r: () => this.#set({ range: next(this.#ranges(), now().range), ...this.#held(next(this.#ranges(), now().range)) }),
      l: () => this.#set({ log: !settings.log }),
      s: () => this.#selectButton.click(), c: () => { this.#picture.rectangle = null; this.#select(); },
      // A picture that is seen whole need not be moved: the page can be.
      ...(this.#picture.place && { ArrowLeft: move(-1, 0), ArrowRight: move(1, 0), ArrowUp: move(0, -1), ArrowDown: move(0, 1) }),
    };
  }

  themed() {
    if (this.#answer) this.update(this.#answer);
  }

  paused(paused) {
    this.#fields.whole.firstChild.disabled = paused;
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
    const nodes = { map: field("Map", map), range: field("Range", range), low: field("Low", low), high: field("High", high),
      percent: field("Percent at each end", percent) };
    this.#fields = { map, range, low, high, percent, log, whole, nodes };
    return el("div", { class: "controls" }, nodes.map, nodes.range, nodes.percent, nodes.low, nodes.high, log, whole);
  }

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
    const fitting = digits(range.low, range.high);
    put(low, Number(range.low.toPrecision(fitting)));
    put(high, Number(range.high.toPrecision(fitting)));
    log.firstChild.checked = Boolean(settings.log);
  }

  #select() {
    this.#page.set({ region: this.#picture.rectangle });
    if (this.#answer) this.#figure();
  }

  #point(x, y, byKey) {
    if (!this.#answer) return;
    const text = valueAt(this.#answer, this.#page.settings.index ?? [], x, y);
    say(this.#readout, text);
    if (byKey) say(this.#spoken, text);
  }

  #moved() {
    const { place } = this.#picture;
    const round = (value) => Number(value.toFixed(3));
    this.#page.set(place ? { zoom: Number(place.zoom.toPrecision(4)), x: round(place.x), y: round(place.y) } : { zoom: undefined, x: undefined, y: undefined });
    if (!this.#answer) return;
    this.#figure();
    if (!this.#page.settings.whole) this.#soon();
  }

  /** Asks for what is seen now, once it stays so for a moment. */
  #soon() {
    clearTimeout(this.#later);
    this.#later = setTimeout(() => this.#page.ask(), 120);
  }
}

/** What stands at an element, with its index in the array, as text. */
function valueAt({ view, value }, index, x, y) {
  const [left, top, width, height] = view.region;
  const [column, row] = [Math.floor((x - left) / view.step), Math.floor((y - top) / view.step)];
  const first = Array.from({ length: view.leading }, (_, axis) => Math.max(0, Math.min(index[axis] ?? 0, value.shape[axis] - 1)));
  const span = (at, start, length) => {
    const from = start + at * view.step;
    return view.step === 1 ? String(from) : `${from}:${Math.min(from + view.step, start + length)}`;
  };
  const isSeen = column >= 0 && row >= 0 && column < view.columns && row < view.rows;
  const place = isSeen ? [...first, span(row, top, height), span(column, left, width)] : [...first, y, x];
  if (!isSeen) return `[${place.join(", ")}]`;
  const at = (row * view.columns + column) * view.channels;
  const of = (channel) => number((view.exact ?? view.data)[at + channel]);
  const values = view.channels < 3 ? [of(0)] : ["R", "G", "B", "A"].slice(0, view.channels).map((name, channel) => `${name} ${of(channel)}`);
  const kind = view.step > 1 ? "mean " : view.lossy ? "about " : "";
  return `[${place.join(", ")}]  ${kind}${values.join("  ")}`;
}
