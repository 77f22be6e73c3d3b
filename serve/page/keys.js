// Keys: what each does, and a list of them on the screen.

import { el } from "./dom.js";

const KEYS = [
  ["Everywhere", [["?", "this list"], ["Esc", "back to all tags"], ["t", "light or dark"]]],
  ["All tags", [["/", "find"], ["j k", "next and previous tag"], ["Enter", "open the tag"]]],
  ["A tag", [["Space", "pause and go on"], ["[ ]", "previous and next tag"], ["v", "shown as something else"], ["m", "next colour map"],
    ["r", "next kind of range"], ["l", "logarithm"], ["s", "select a region by dragging"], ["c", "no region"]]],
  ["A picture", [["+ −", "zoom"], ["0", "all of it"], ["1", "one element for each pixel"], ["arrows", "move the picture; when it has the focus, the pointer, and with Shift the picture"]]],
  ["Plots and points", [["+ −", "less and more of the axis, or zoom"], ["0", "all of it"], ["arrows", "move, or turn points of three numbers"]]],
];

/** Calls what belongs to a key. `actions`: gives the present functions by key. */
export function listen(actions) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
    if (document.querySelector("dialog[open]")) return;
    const { target } = event;
    const types = target.matches("input:not([type=checkbox]):not([type=range]), textarea, select");
    if (types && event.key !== "Escape") return;
    // Out of a field first.
    if (types && target.type !== "search") return target.blur();
    // A slider has keys of its own.
    if (target.matches("input[type=range]") && /^(Arrow|Home|End|Page)/.test(event.key)) return;
    // Space presses a button that has the focus.
    if (event.key === " " && target.matches("button, a, input, summary")) return;
    const action = actions()[event.key];
    if (!action) return;
    event.preventDefault();
    action(target);
  });
}

/** Shows the list of keys. */
export function help() {
  const close = el("button", { type: "button", autofocus: true }, "Close");
  const groups = KEYS.map(([title, keys]) => el("section", {}, el("h3", {}, title),
    el("dl", { class: "facts" }, ...keys.flatMap(([key, what]) => [el("dt", {}, ...key.split(" ").flatMap((part) => [el("kbd", {}, part), " "])), el("dd", {}, what)]))));
  const dialog = el("dialog", { "aria-labelledby": "keys-title" }, el("h2", { id: "keys-title" }, "Keys"), el("div", { class: "keys" }, ...groups), close);
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
