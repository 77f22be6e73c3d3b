// The page of one tag: asks for its values, one after the other, and has them shown.

import { Axes } from "./axes.js";
import { Details } from "./details.js";
import { choice, el, field, say } from "./dom.js";
import { possible, usual } from "./kinds.js";
import * as link from "./link.js";
import { LineShow, TimeShow } from "./plot.js";
import { ScatterShow } from "./scatter.js";
import { format, parse } from "./settings.js";
import { ImageShow } from "./show_image.js";
import { TableShow } from "./table.js";
import { age, dtype, rate, shape, visible } from "./text.js";

const SHOWS = { image: ImageShow, plot: LineShow, time: TimeShow, table: TableShow, points: ScatterShow };
const NAMES = { image: "Picture", plot: "Plot", time: "Against time", table: "Table", points: "Points" };
const RETRY = 1000;

export class TagPage {
  #tag;
  #asker;
  #tags;
  #show = null;
  #kind = null;
  #last = null;
  #layout = "";
  #tries = 0;
  #paused = false;
  #left = false;
  #timers = [];
  #seen = { drawn: 0, skipped: 0, at: 0 };
  #keeping = 0;

  #axes = new Axes((index) => { this.set({ index }); this.ask(); });
  #details;
  #type = el("span", { class: "muted" });
  #rate = el("span");
  #age = el("span");
  #notice = el("p", { class: "notice", role: "status", hidden: true });
  #stage = el("section", { class: "stage", "aria-label": "Value" });
  #side = el("aside", { class: "side", "aria-label": "Settings and facts" });
  #pause = el("button", { type: "button", "aria-pressed": "false", "aria-keyshortcuts": "Space" }, "Pause");
  #as;
  #part;
  #colour;

  constructor(socket, tags, state) {
    this.#tag = state.tag;
    this.settings = parse(state);
    this.#asker = socket.asker();
    this.#tags = tags;
    this.#details = new Details(this.#tag);
    this.#pause.addEventListener("click", () => this.#setPaused(!this.#paused));
    this.#as = choice([], "", (show) => this.#showAs(show));
    this.#part = choice([["magnitude", "magnitude"], ["phase", "phase"], ["real", "real"], ["imaginary", "imaginary"]], this.settings.part ?? "magnitude",
      (part) => { this.set({ part }); this.ask(); });
    this.#colour = choice([["", "as usual"], ["yes", "colours"], ["no", "an axis"]], this.settings.colour ?? "",
      (value) => { this.set({ colour: value || undefined, index: undefined }); this.ask(); });
    this.#partField = field("Complex", this.#part, { class: "field", hidden: true });
    this.#colourField = field("Last axis", this.#colour, { class: "field", hidden: true });
    const head = el("div", { class: "head" }, el("a", { href: "#", class: "back" }, "All tags"), el("h1", {}, visible(this.#tag)), this.#type,
      el("span", { class: "live" }, this.#rate, this.#age),
      el("div", { class: "tools" }, field("Show as", this.#as), this.#partField, this.#colourField, this.#pause));
    this.node = el("div", { class: "tagpage" }, head, this.#notice, el("div", { class: "body" }, this.#stage, this.#side));
    tags.tell((found) => this.#described(found));
    this.#timers = [setInterval(() => this.#second(), 250)];
    this.ask();
  }

  #partField;
  #colourField;

  leave() {
    this.#left = true;
    this.#asker.stop();
    this.#tags.tell(null);
    this.#timers.forEach(clearInterval);
    clearTimeout(this.#keeping);
    this.#keep();
  }

  themed() {
    this.#show?.themed();
  }

  actions() {
    const neighbour = (by) => () => {
      const all = this.#tags.latest.map(({ tag }) => tag);
      const next = all[(all.indexOf(this.#tag) + by + all.length) % all.length];
      if (next !== undefined) location.hash = link.to({ tag: next });
    };
    const kinds = [...this.#as.options].map(({ value }) => value);
    return {
      Escape: () => { location.hash = "#"; },
      " ": () => this.#setPaused(!this.#paused), "[": neighbour(-1), "]": neighbour(1),
      v: () => { if (kinds.length) this.#showAs(kinds[(kinds.indexOf(this.#kind) + 1) % kinds.length]); },
      ...this.#show?.actions(),
    };
  }

  /** Changes settings, and keeps them in the address. */
  set(changes) {
    Object.assign(this.settings, changes);
    clearTimeout(this.#keeping);
    this.#keeping = setTimeout(() => this.#keep(), 200);
  }

  #keep() {
    if (link.read().tag === this.#tag) link.keep({ tag: this.#tag, ...format(this.settings) });
  }

  /** Asks for another part of the value, unless what is shown is to stay. */
  refresh() {
    if (!this.#paused) this.ask();
  }

  /** Asks for the latest value, or for the next one after a cursor. */
  ask(after = null) {
    if (this.#left) return;
    const { settings } = this;
    const wanted = this.#show ? this.#show.wanted(this.#last?.view) : { room: [1000, 1000] };
    const leading = this.#last && this.#show?.axes ? Math.max(0, this.#last.value.shape.length - this.#show.axes) : null;
    const index = settings.index ?? [];
    wanted.index = leading === null ? index : Array.from({ length: leading }, (_, axis) => index[axis] ?? 0);
    if (settings.part) wanted.part = settings.part;
    if (settings.colour && wanted.colour === undefined) wanted.colour = settings.colour === "yes";
    this.#asker.ask({ ask: "view", tag: this.#tag, after, wanted, jpeg: settings.whole || this.#kind !== "image" ? "never" : "auto" }, (answer) => this.#take(answer));
  }

  #take(answer) {
    if (this.#left) return;
    if (answer.error) {
      this.#tell(visible(answer.error));
      setTimeout(() => this.ask(), RETRY);
      return;
    }
    // What was not drawn yet is not asked for: a slow browser skips values, and a hidden page asks for none.
    requestAnimationFrame(() => {
      if (this.#left) return;
      const again = this.#draw(answer);
      if (again) this.ask();
      else if (!this.#paused) this.ask(answer.cursor);
    });
  }

  /** Shows a value; whether it is to be asked for in another way instead. */
  #draw(answer) {
    const { value, view } = answer;
    this.#tell("");
    const layout = `${value.dtype} ${value.shape.join()}`;
    if (layout !== this.#layout) this.#relayout(layout, value, view);
    const before = this.#last;
    this.#last = answer;
    if (!this.#show.fits(view)) {
      this.#tries += 1;
      // Twice in vain: it cannot be shown so.
      if (this.#tries > 2) this.#choose(usual(value, view));
      return this.#tries < 6;
    }
    this.#tries = 0;
    this.#axes.show(value.shape.slice(0, view.leading), this.settings.index ?? []);
    this.#show.update(answer);
    this.#count(before, answer);
    return false;
  }

  #relayout(layout, value, view) {
    this.#layout = layout;
    this.#tries = 0;
    const kinds = possible(value, view);
    this.#as.replaceChildren(...kinds.map((kind) => el("option", { value: kind }, NAMES[kind])));
    this.#partField.hidden = !/complex|c8|c16/.test(value.dtype);
    const channels = value.shape.at(-1);
    this.#colourField.hidden = !(value.shape.length >= 3 && channels >= 1 && channels <= 4) || view.kind === "elements";
    say(this.#type, `${dtype(value.dtype)} · ${shape(value.shape)}`);
    this.#type.title = visible(value.dtype);
    this.#choose(kinds.includes(this.settings.show) ? this.settings.show : usual(value, view));
  }

  #showAs(show) {
    if (!this.#last) return;
    this.set({ show: show === usual(this.#last.value, this.#last.view) ? undefined : show, index: undefined });
    this.#choose(show);
    this.#tries = 0;
    this.ask();
  }

  #choose(kind) {
    this.#as.value = kind;
    if (kind === this.#kind) return;
    this.#kind = kind;
    this.#show = new SHOWS[kind](this);
    this.#stage.replaceChildren(this.#axes.node, this.#show.node);
    this.#side.replaceChildren(...this.#show.side, ...this.#details.nodes);
  }

  #count(before, { value }) {
    const now = performance.now();
    const seen = this.#seen;
    if (before && before.value.version < value.version) {
      seen.skipped += value.version - before.value.version - 1;
      const each = now - seen.at;
      if (seen.at) seen.drawn = seen.drawn ? seen.drawn * 0.9 + (0.1 * 1000) / each : 1000 / each;
    }
    if (before?.cursor !== undefined) seen.at = now;
    this.#last.at = now;
  }

  #described(found) {
    this.#found = found.find(({ tag }) => tag === this.#tag);
    if (!this.#found && this.#last) this.#tell("This tag was removed. It is shown again when somebody writes it.");
    if (this.#found && !this.#found.value && !this.#found.error) this.#tell("Nothing was written yet.");
  }

  #found = null;

  #second() {
    const value = this.#last?.value;
    const old = this.#last?.at ? value.age_seconds + (performance.now() - this.#last.at) / 1000 : null;
    say(this.#age, old === null ? "" : this.#paused ? "paused" : `${age(old)} old`);
    say(this.#rate, this.#found ? rate(this.#found.rate) : "");
    if (this.#seen.at && performance.now() - this.#seen.at > 2000) this.#seen.drawn = 0;
    this.#details.show(value, this.#found, this.#seen);
    document.title = `${visible(this.#tag)} · ndsharray`;
  }

  #setPaused(paused) {
    this.#paused = paused;
    this.#pause.setAttribute("aria-pressed", String(paused));
    say(this.#pause, paused ? "Go on" : "Pause");
    if (!paused) this.ask();
  }

  #tell(text) {
    say(this.#notice, text);
    this.#notice.hidden = text === "";
  }
}
