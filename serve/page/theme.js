// Light or dark: as the system has it, or as the reader chose.

const KEY = "ndsharray-theme";
const CHOICES = ["auto", "light", "dark"];

/** Has the button change the theme; `changed` is called when colours are other ones. */
export function start(button, changed) {
  let chosen = stored();
  const show = () => {
    const root = document.documentElement;
    if (chosen === "auto") root.removeAttribute("data-theme");
    else root.setAttribute("data-theme", chosen);
    button.textContent = { auto: "Theme: auto", light: "Theme: light", dark: "Theme: dark" }[chosen];
  };
  button.addEventListener("click", () => {
    chosen = CHOICES[(CHOICES.indexOf(chosen) + 1) % CHOICES.length];
    store(chosen);
    show();
    changed();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
  show();
}

function stored() {
  try {
    const found = localStorage.getItem(KEY);
    return CHOICES.includes(found) ? found : "auto";
  } catch {
    return "auto";
  }
}

function store(chosen) {
  try {
    localStorage.setItem(KEY, chosen);
  } catch {
    // A browser may keep nothing: the choice holds until the page goes.
  }
}
