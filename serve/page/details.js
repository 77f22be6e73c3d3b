// What is known of a tag beside its numbers.

import { el, pairs } from "./dom.js";
import { age, attribute, bytes, count, dtype, moment, shape, visible } from "./text.js";

export class Details {
  #facts = el("dl", { class: "facts" });
  #attributes = el("dl", { class: "facts" });
  #attributesPanel;
  #picture;

  constructor(tag) {
    const file = (kind) => el("a", { href: `/tag/${encodeURIComponent(tag)}/latest.${kind}`, download: "" }, `latest.${kind}`);
    this.#picture = file("png");
    this.#attributesPanel = el("section", { class: "panel", hidden: true }, el("h2", {}, "Attributes"), this.#attributes);
    this.nodes = [this.#attributesPanel,
      el("section", { class: "panel" }, el("h2", {}, "About"), this.#facts, el("p", { class: "files" }, file("npy"), file("json"), this.#picture))];
  }

  /** `answer`: the last, if there is one; `found`: what the list has of the tag; `seen`: what this page has seen of it. */
  show(answer, found, seen) {
    const { value, view } = answer ?? {};
    const facts = [];
    if (value) {
      facts.push(["type", dtype(value.dtype)], ["shape", shape(value.shape)], ["size", bytes(value.bytes)], ["value", count(value.version)],
        ["written", moment(value.written_at)]);
      if (value.acquired_at !== null) facts.push(["acquired", `${age(Math.max(0, value.written_at - value.acquired_at))} before`]);
      if (value.source_written_at !== null) facts.push(["at the source", moment(value.source_written_at)]);
    }
    facts.push(["drawn", `${seen.drawn.toFixed(1)} /s`], ["not shown", count(seen.skipped)]);
    if (found?.storage_bytes !== undefined) {
      facts.push(["writer", found.writer_alive ? `pid ${found.pid}` : "none"]);
      if (found.source) facts.push(["source", visible(found.source)]);
      facts.push(["kept", found.ephemeral ? "until its writer goes" : "until it is removed"], ["memory", bytes(found.storage_bytes)]);
      if (found.slots) facts.push(["slots", `${found.slots.allocated} of ${bytes(found.slots.bytes)}, ${found.slots.held} held`]);
    }
    pairs(this.#facts, facts);
    this.#picture.hidden = !value || value.shape.length < 2 || value.shape.includes(0) || view.kind === "elements";
    const attributes = Object.entries(value?.attributes ?? {});
    this.#attributesPanel.hidden = attributes.length === 0;
    pairs(this.#attributes, attributes.map(([key, text]) => [visible(key), attribute(text)]));
  }
}
