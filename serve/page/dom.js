// Makes elements. Data becomes text or attributes, never markup.

/** An element with these attributes; those named on… are listeners, and those that are false or undefined are left out. */
export function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}

/** Sets the text of an element, if it is another one: a selection in it stays. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** A control with its label. */
export function field(label, control, extra = {}) {
  return el("label", { class: "field", ...extra }, el("span", {}, label), control);
}

/** A list to choose from. `choices`: pairs of a value and its text. */
export function choice(choices, value, changed) {
  const options = choices.map(([key, text]) => el("option", { value: key, selected: key === value }, text));
  const node = el("select", {}, ...options);
  node.addEventListener("change", () => changed(node.value));
  return node;
}

/** A box to tick, with its label. */
export function tick(label, value, changed) {
  const box = el("input", { type: "checkbox" });
  box.checked = value;
  box.addEventListener("change", () => changed(box.checked));
  return el("label", { class: "tick" }, box, el("span", {}, label));
}

const probe = el("span", { hidden: true });
const colours = new Map();

/** The colour that the style has for a name in the present theme, such as "--line", as canvases take it: rgb(…). */
export function colour(name) {
  if (!colours.has(name)) {
    probe.style.color = `var(${name})`;
    document.body.append(probe);
    colours.set(name, getComputedStyle(probe).color);
    probe.remove();
  }
  return colours.get(name);
}

/** The theme is another one. */
export function forgetColours() {
  colours.clear();
}

/** Puts pairs of a name and a text into a list. */
export function pairs(list, facts) {
  while (list.children.length > 2 * facts.length) list.lastChild.remove();
  facts.forEach(([name, text], at) => {
    if (list.children.length <= 2 * at) list.append(el("dt"), el("dd"));
    say(list.children[2 * at], name);
    say(list.children[2 * at + 1], text);
  });
}
