// All tags: a row for each.

import { choice, el, field, say } from "./dom.js";
import { Fresh } from "./fresh.js";
import * as link from "./link.js";
import { age, attribute, bytes, count, dtype, rate, shape, visible } from "./text.js";
import { Thumb } from "./thumb.js";

/** Without news of the tags for so many seconds, what is shown of them is old. */
const MISSED = 3;

const COLUMNS = [["tag", "Tag"], ["type", "Type and shape"], ["rate", "Rate"], ["age", "Age"], ["writer", "Writer"], ["memory", "Memory"], ["version", "Values"]];
const SORTS = {
  tag: (a, b) => compare(a.tag, b.tag),
  rate: (a, b) => (b.rate ?? -1) - (a.rate ?? -1),
  age: (a, b) => (a.value?.age_seconds ?? Infinity) - (b.value?.age_seconds ?? Infinity) || 0,
  memory: (a, b) => (b.storage_bytes ?? 0) - (a.storage_bytes ?? 0),
  version: (a, b) => (b.value?.version ?? 0) - (a.value?.version ?? 0),
};
const { compare } = new Intl.Collator("en", { numeric: true });

export class ListPage {
  #socket;
  #tags;
  #rows = new Map();
  #state;
  #summary = el("p", { class: "muted summary" });
  #find = el("input", { type: "search", autocomplete: "off", spellcheck: "false", "aria-keyshortcuts": "/" });
  #body = el("tbody");
  #heads;
  #empty = el("p", { class: "notice", hidden: true });
  #seen;
  #timer;

  #keep;

  /** `keep`: called with the address of the list as it is. */
  constructor(socket, tags, state, keep) {
    this.#keep = keep;
    this.#socket = socket;
    this.#tags = tags;
    this.#state = { find: state.find, sort: SORTS[state.sort] ? state.sort : undefined };
    this.#find.value = state.find ?? "";
    this.#find.addEventListener("input", () => this.#set({ find: this.#find.value }));
    this.#heads = COLUMNS.map(([key, name]) => this.#headOf(key, name));
    const narrow = choice(Object.keys(SORTS).map((key) => [key, COLUMNS.find(([of]) => of === key)[1]]), this.#state.sort ?? "tag", (sort) => this.#set({ sort }));
    const table = el("table", { class: "tags" }, el("caption", { class: "unseen" }, "All tags"),
      el("thead", {}, el("tr", {}, el("td", {}), ...this.#heads.map(([, node]) => node))), this.#body);
    this.node = el("div", { class: "list" }, el("h1", { class: "unseen" }, "All tags"),
      el("div", { class: "tools" }, field("Find", this.#find), field("Sort by", narrow, { class: "field narrow" }), this.#summary), table, this.#empty);
    this.#seen = new IntersectionObserver((entries) => entries.forEach(({ target, isIntersecting }) => {
      const row = [...this.#rows.values()].find(({ node }) => node === target);
      if (row) row.thumb.seen = isIntersecting;
    }), { rootMargin: "100px" });
    say(this.#empty, "Asking for the tags");
    this.#empty.hidden = false;
    keep(this.#address());
    tags.tell((found, at) => this.#show(found, at));
    this.#timer = setInterval(() => this.#ages(), 250);
  }

  leave() {
    this.#tags.tell(null);
    this.#seen.disconnect();
    clearInterval(this.#timer);
    for (const { thumb } of this.#rows.values()) thumb.seen = false;
  }

  /** Whether there is a connection to the server. */
  connected(connected) {
    this.node.classList.toggle("lost", !connected);
  }

  themed() {
    for (const { thumb } of this.#rows.values()) thumb.redraw();
  }

  actions() {
    const move = (by) => {
      const links = [...this.#body.querySelectorAll("a")];
      const at = links.indexOf(document.activeElement);
      links[at < 0 ? (by > 0 ? 0 : links.length - 1) : Math.min(links.length - 1, Math.max(0, at + by))]?.focus();
    };
    return {
      "/": () => this.#find.focus(), j: () => move(1), k: () => move(-1), ArrowDown: () => move(1), ArrowUp: () => move(-1),
      Escape: (target) => { if (target === this.#find) { this.#find.value = ""; this.#set({ find: "" }); this.#find.blur(); } },
    };
  }

  #headOf(key, name) {
    if (!SORTS[key]) return [key, el("th", { scope: "col", class: key }, name)];
    const button = el("button", { type: "button", class: "sort", onclick: () => this.#set({ sort: key }) }, name);
    return [key, el("th", { scope: "col", class: key }, button)];
  }

  #set(changes) {
    Object.assign(this.#state, changes);
    if (this.#state.sort === "tag") this.#state.sort = undefined;
    link.keep(this.#state);
    this.#keep(this.#address());
    this.#tags.tell((found, at) => this.#show(found, at));
  }

  #address() {
    return link.to(this.#state);
  }

  #show(found, at) {
    const sort = this.#state.sort ?? "tag";
    const wanted = (this.#state.find ?? "").toLowerCase();
    const shown = found.filter(({ tag, source }) => `${tag} ${source ?? ""}`.toLowerCase().includes(wanted));
    shown.sort((a, b) => SORTS[sort](a, b) || compare(a.tag, b.tag));
    for (const [tag, row] of this.#rows) if (!shown.some((one) => one.tag === tag)) this.#remove(tag, row);
    shown.forEach((description, place) => {
      const row = this.#rows.get(description.tag) ?? this.#add(description.tag);
      row.set(description, at);
      if (this.#body.children[place] !== row.node) this.#body.insertBefore(row.node, this.#body.children[place] ?? null);
    });
    this.#heads.forEach(([key, node]) => { if (SORTS[key]) node.setAttribute("aria-sort", key === sort ? (key === "tag" || key === "age" ? "ascending" : "descending") : "none"); });
    say(this.#summary, summary(found, shown.length));
    this.#empty.hidden = shown.length > 0;
    say(this.#empty, found.length === 0 ? "No tags. Write an array, and it appears here." : "No tag fits.");
  }

  #add(tag) {
    const row = new Row(tag, new Thumb(this.#socket, tag));
    this.#rows.set(tag, row);
    this.#seen.observe(row.node);
    return row;
  }

  #remove(tag, row) {
    this.#seen.unobserve(row.node);
    row.thumb.seen = false;
    row.node.remove();
    this.#rows.delete(tag);
  }

  #ages() {
    for (const row of this.#rows.values()) row.grow();
  }
}

class Row {
  #cells = {};
  #age = null;
  #fresh = new Fresh();

  constructor(tag, thumb) {
    this.thumb = thumb;
    const cell = (key) => {
      const [main, more] = [el("span", { class: "main" }), el("span", { class: "more" })];
      this.#cells[key] = { main, more };
      return el("td", { class: key, "data-name": COLUMNS.find(([of]) => of === key)[1] }, main, more);
    };
    const name = el("a", { href: link.to({ tag }) }, visible(tag));
    const more = el("span", { class: "more" });
    this.#cells.tag = { more };
    this.node = el("tr", {}, el("td", { class: "picture-cell" }, thumb.node), el("th", { scope: "row", class: "tag" }, name, more),
      ...COLUMNS.slice(1).map(([key]) => cell(key)));
  }

  /** What was found of the tag, and when. */
  set(found, at) {
    const { value, error } = found;
    // While values come, the age does not grow from one look to the next: others come meanwhile.
    const flows = found.rate > 0 && value?.age_seconds < 2 / found.rate;
    this.#age = value ? { seconds: value.age_seconds, at, flows } : null;
    this.#fresh.see(found);
    const set = (key, main, more) => {
      if (main !== undefined) say(this.#cells[key].main, main);
      say(this.#cells[key].more, more);
    };
    this.node.classList.toggle("stopped", !found.writer_alive);
    const notes = Object.entries(value?.attributes ?? {}).map(([key, text]) => `${visible(key)} ${attribute(text)}`).join(", ");
    set("tag", undefined, error ? visible(error) : notes);
    set("type", value ? dtype(value.dtype) : "–", value ? `${shape(value.shape)} · ${bytes(value.bytes)}` : error ? "cannot be read" : "nothing written yet");
    set("rate", rate(found.rate), found.rate > 0 && value ? `${bytes(found.rate * value.bytes)}/s` : "");
    set("writer", error ? "–" : found.writer_alive ? `pid ${found.pid}` : "none", [found.source && visible(found.source), found.ephemeral && "ephemeral"].filter(Boolean).join(", "));
    set("memory", error ? "–" : bytes(found.storage_bytes), found.slots ? `${found.slots.held} of ${found.slots.allocated} slots held` : "");
    set("version", value ? count(value.version) : "–", found.gaps > 0 ? `${count(found.gaps)} ${found.gaps === 1 ? "gap" : "gaps"}` : "");
    this.grow();
  }

  grow() {
    if (!this.#age) return say(this.#cells.age.main, "–");
    const passed = Math.max(0, performance.now() - this.#age.at) / 1000;
    const seconds = this.#age.seconds + (this.#age.flows && passed < MISSED ? 0 : passed);
    const why = this.#fresh.why(seconds);
    say(this.#cells.age.main, age(seconds));
    say(this.#cells.age.more, why === "late" ? why : "");
    this.node.classList.toggle("old", why !== "" || passed >= MISSED);
  }
}

function summary(found, shown) {
  const live = found.filter((tag) => tag.writer_alive).length;
  const flow = found.reduce((sum, tag) => sum + (tag.rate ?? 0) * (tag.value?.bytes ?? 0), 0);
  const memory = found.reduce((sum, tag) => sum + (tag.storage_bytes ?? 0), 0);
  const tags = shown === found.length ? `${count(found.length)} ${found.length === 1 ? "tag" : "tags"}` : `${count(shown)} of ${count(found.length)} tags`;
  return `${tags}, ${live} with a writer, ${bytes(flow)}/s, ${bytes(memory)} of memory`;
}
