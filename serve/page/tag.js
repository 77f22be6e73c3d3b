// The page of one tag: asks for its values, one after the other, and has them shown.

import { Axes } from "./axes.js";
import { Details } from "./details.js";
import { choice, el, field, say } from "./dom.js";
import { Fresh } from "./fresh.js";
import { possible, usual } from "./kinds.js";
import * as link from "./link.js";
import { needed } from "./pause.js";
import { LineShow } from "./plot_line.js";
import { TimeShow } from "./plot_time.js";
import { ScatterShow } from "./scatter.js";
import { format, parse } from "./settings.js";
import { ImageShow } from "./show_image.js";
import { TableShow } from "./table.js";
import { age, bytes, dtype, rate, shape, visible } from "./text.js";

const SHOWS = { image: ImageShow, plot: LineShow, time: TimeShow, table: TableShow, points: ScatterShow };
const NAMES = { image: "Picture", plot: "Plot", time: "Against time", table: "Table", points: "Points" };
const RETRY = 1000;

export class TagPage {
  #tag;
  #asker;
  #tags;
  #back;
  #show = null;
  #kind = null;
  #last = null;
  #layout = "";
  #tries = 0;
  #isAsked = false;
  #paused = false;
  /** What a paused page has of the value, in words. */
  #kept = "";
  #connected = true;
  #left = false;
  #timer;
  #retry = 0;
  #seen = { drawn: 0, skipped: 0, at: 0 };
  #keeping = 0;
  #found = null;
  #fresh = new Fresh();

  #axes = new Axes((index) => { this.set({ index }); this.ask(); });
  #details;
  #type = el("span", { class: "muted" });
  #rate = el("span");
  #age = el("span", { class: "age" });
  #state = el("span", { class: "state", role: "status", hidden: true });
  #notice = el("p", { class: "notice", role: "status", hidden: true });
  #stage = el("section", { class: "stage", "aria-label": "Value" });
  #side = el("aside", { class: "side", "aria-label": "Settings and facts" });
  #body = el("div", { class: "body", hidden: true }, this.#stage, this.#side);
  #pause = el("button", { type: "button", "aria-pressed": "false", "aria-keyshortcuts": "Space" }, "Pause");
  #tools;
  #as;
  #part;
  #colour;

  /** `back`: the address of the list of tags, as it was seen last. */
  constructor(socket, tags, state, back) {
    this.#tag = state.tag;
    this.settings = parse(state);
    this.#asker = socket.asker();
    this.#tags = tags;
    this.#back = back;
    this.#details = new Details(this.#tag);
    this.#pause.addEventListener("click", () => this.#setPaused(!this.#paused));
    this.#as = choice([], "", (show) => this.#showAs(show));
    this.#part = choice([["magnitude", "magnitude"], ["phase", "phase"], ["real", "real"], ["imaginary", "imaginary"]], this.settings.part ?? "magnitude",
      (part) => { this.set({ part }); this.ask(); });
    this.#colour = choice([["", "as usual"], ["yes", "colours"], ["no", "an axis"]], this.settings.colour ?? "",
      (value) => { this.set({ colour: value || undefined, index: undefined }); this.ask(); });
    this.#tools = el("div", { class: "tools", hidden: true }, field("Show as", this.#as), this.#pause,
      field("Complex", this.#part, { class: "field", hidden: true }), field("Last axis", this.#colour, { class: "field", hidden: true }));
    const head = el("div", { class: "head" }, el("a", { href: back, class: "back" }, "All tags"), el("h1", {}, visible(this.#tag)), this.#type,
      el("span", { class: "live" }, this.#rate, this.#age, this.#state), this.#tools);
    this.node = el("div", { class: "tagpage" }, head, this.#notice, this.#body);
    this.#tell("Waiting for the value");
    tags.tell((found) => this.#described(found));
    this.#timer = setInterval(() => this.#second(), 250);
    document.title = `${visible(this.#tag)} · ndsharray`;
    this.#ask();
  }

  leave() {
    this.#left = true;
    this.#asker.stop();
    this.#tags.tell(null);
    clearInterval(this.#timer);
    clearTimeout(this.#retry);
    clearTimeout(this.#keeping);
    this.#keep();
  }

  themed() {
    this.#show?.themed();
  }

  /** Whether there is a connection to the server. */
  connected(connected) {
    this.#connected = connected;
    // What comes later is another value than that which was paused.
    if (!connected && this.#kept === "asked") this.#hold("only what is on the screen is kept");
  }

  actions() {
    const neighbour = (by) => () => {
      const all = this.#tags.latest.map(({ tag }) => tag);
      const next = all[(all.indexOf(this.#tag) + by + all.length) % all.length];
      if (next !== undefined) location.hash = link.to({ tag: next });
    };
    const kinds = [...this.#as.options].map(({ value }) => value);
    return {
      Escape: () => { location.hash = this.#back; },
      " ": () => this.#setPaused(!this.#paused), "[": neighbour(-1), "]": neighbour(1),
      v: () => { if (kinds.length && !this.#paused) this.#showAs(kinds[(kinds.indexOf(this.#kind) + 1) % kinds.length]); },
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

  /** Asks for another part of the value. A value that is paused stays as it is: what there is of it is shown. */
  ask() {
    if (this.#paused) this.#show?.update(this.#last);
    else this.#ask();
  }

  /** Asks for the latest value, or for the next one after a cursor; `whole`: for all that is seen of its axes. */
  #ask(after = null, whole = false) {
    if (this.#left) return;
    clearTimeout(this.#retry);
    const { settings } = this;
    const wanted = this.#show ? this.#show.wanted(this.#last?.view) : { room: [1000, 1000] };
    if (whole) for (const key of ["region", "room", "figures"]) delete wanted[key];
    const leading = this.#last && this.#show?.axes ? Math.max(0, this.#last.value.shape.length - this.#show.axes) : null;
    const index = settings.index ?? [];
    wanted.index = leading === null ? index : Array.from({ length: leading }, (_, axis) => index[axis] ?? 0);
    if (settings.part) wanted.part = settings.part;
    if (settings.colour && wanted.colour === undefined) wanted.colour = settings.colour === "yes";
    const jpeg = whole || settings.whole || this.#kind !== "image" ? "never" : "auto";
    this.#asker.ask({ ask: "view", tag: this.#tag, after, wanted, jpeg }, (answer) => this.#take(answer, whole));
  }

  #take(answer, whole) {
    if (this.#left || this.#paused !== whole) return;
    if (answer.error && whole) this.#hold("only what is on the screen is kept");
    else if (answer.error) {
      this.#tell(visible(answer.error));
      this.#retry = setTimeout(() => this.#ask(), RETRY);
    } else {
      // What was not drawn yet is not asked for: a slow browser skips values, and a hidden page asks for none.
      requestAnimationFrame(() => this.#drawn(answer, whole));
    }
  }

  #drawn(answer, whole) {
    // A page that was paused meanwhile takes the value that it asked for then.
    if (this.#left || this.#paused !== whole) return;
    this.#isAsked = true;
    const again = this.#draw(answer);
    if (again || !this.#isAsked) this.#ask(null, whole);
    else if (whole) this.#setKept();
    else this.#ask(answer.cursor);
  }

  /** Shows a value. Returns whether it must be asked for again in another way. */
  #draw(answer) {
    const { value, view } = answer;
    this.#tell("");
    this.#body.hidden = this.#tools.hidden = false;
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
    this.#part.parentNode.hidden = !/complex|c8|c16/.test(value.dtype);
    const channels = value.shape.at(-1);
    this.#colour.parentNode.hidden = !(value.shape.length >= 3 && [1, 3, 4].includes(channels)) || view.kind === "elements";
    say(this.#type, `${dtype(value.dtype)} · ${shape(value.shape)}`);
    this.#type.title = visible(value.dtype);
    this.#choose(kinds.includes(this.settings.show) ? this.settings.show : usual(value, view));
  }

  #showAs(show) {
    if (!this.#last) return;
    const isUsual = show === usual(this.#last.value, this.#last.view);
    this.set({ show: isUsual ? undefined : show, index: undefined, zoom: undefined, x: undefined, y: undefined });
    this.#choose(show);
    this.#tries = 0;
    this.#ask();
  }

  #choose(kind) {
    this.#as.value = kind;
    if (kind === this.#kind) return;
    this.#kind = kind;
    // As it is shown from now on, another part of it is wanted.
    this.#isAsked = false;
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
    this.#fresh.see(this.#found);
    if (!this.#found && this.#last) this.#tell("This tag was removed. It is shown again when somebody writes it.");
    if (this.#found && !this.#found.value && !this.#found.error) this.#tell("Nothing was written yet. The first value appears here.");
  }

  #second() {
    const value = this.#last?.value;
    const old = this.#last?.at ? value.age_seconds + (performance.now() - this.#last.at) / 1000 : null;
    const why = this.#paused ? "paused" : !this.#connected ? "not connected" : old === null ? "" : this.#fresh.why(old);
    say(this.#age, old === null ? "" : `${age(old)} old`);
    say(this.#state, this.#paused ? `paused: ${this.#kept === "asked" ? "asking for all of it" : this.#kept}` : why);
    this.#state.hidden = why === "";
    for (const name of ["paused", "old"]) this.node.classList.toggle(name, why !== "" && (name === "paused") === this.#paused);
    say(this.#rate, this.#found ? rate(this.#found.rate) : "");
    if (this.#seen.at && performance.now() - this.#seen.at > 2000) this.#seen.drawn = 0;
    this.#details.show(this.#last, this.#found, this.#seen);
  }

  #setPaused(paused) {
    if (!this.#last) return;
    this.#paused = paused;
    this.#pause.setAttribute("aria-pressed", String(paused));
    say(this.#pause, paused ? "Go on" : "Pause");
    // These need more than there is of the value.
    for (const control of [this.#as, this.#part, this.#colour]) control.disabled = paused;
    this.#axes.paused(paused);
    this.#show.paused(paused);
    if (paused) this.#pauseValue();
    else this.#ask();
    this.#second();
  }

  /** Keeps all of the value that is seen, so that one can look at it closely, if it is not too large. */
  #pauseValue() {
    const { missing, isTooLarge } = needed(this.#last);
    if (missing > 0 && !isTooLarge && this.#kind !== "points" && this.#connected) {
      this.#kept = "asked";
      this.#ask(null, true);
    } else {
      this.#asker.stop();
      this.#setKept();
    }
  }

  #setKept() {
    const { missing, isTooLarge } = needed(this.#last);
    const why = isTooLarge ? `, ${bytes(missing)} are too many` : "";
    this.#hold(missing === 0 || this.#kind === "points" ? "all of it is kept" : `only what is on the screen is kept${why}`);
  }

  #hold(kept) {
    this.#kept = kept;
    this.#asker.stop();
    this.#second();
  }

  #tell(text) {
    say(this.#notice, text);
    this.#notice.hidden = text === "";
  }
}
