// How a tag is shown, as the address of the page has it.

const NUMBERS = ["zoom", "x", "y", "low", "high", "percent", "seconds", "row", "column", "dot"];
const LISTS = ["index", "region", "span", "turn"];
const FLAGS = ["log", "whole"];
const WORDS = { show: ["image", "plot", "time", "table", "points"], part: ["magnitude", "phase", "real", "imaginary"], colour: ["yes", "no"],
  map: ["gray", "viridis", "turbo"], range: ["full", "minmax", "percent", "fixed"] };

/** Settings from the texts of an address. What makes no sense is left out. */
export function parse(state) {
  const settings = {};
  for (const key of NUMBERS) if (state[key] !== undefined && Number.isFinite(Number(state[key]))) settings[key] = Number(state[key]);
  for (const key of LISTS) {
    const list = state[key]?.split(",").map(Number);
    if (list?.every((value) => Number.isSafeInteger(value) && (key === "turn" || value >= 0))) settings[key] = list;
  }
  for (const key of FLAGS) if (state[key] === "1") settings[key] = true;
  for (const [key, words] of Object.entries(WORDS)) if (words.includes(state[key])) settings[key] = state[key];
  return settings;
}

/** Texts for an address, of settings. */
export function format(settings) {
  const state = {};
  for (const [key, value] of Object.entries(settings)) {
    if (value === undefined || value === null || value === false || value.length === 0) continue;
    state[key] = value === true ? "1" : Array.isArray(value) ? value.join(",") : String(value);
  }
  return state;
}
