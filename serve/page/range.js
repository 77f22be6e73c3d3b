// Which numbers get the first and the last colour, and what the numbers of a view are like. Pictures of the server have the same.

import { LEVELS, levels } from "./levels.js";

const FULL = {
  bool: [0, 1], uint8: [0, 255], uint16: [0, 65535], uint32: [0, 4294967295], int8: [-128, 127], int16: [-32768, 32767],
  int32: [-2147483648, 2147483647],
};

/** So many numbers are sorted at most for a percentile. */
const MOST_SORTED = 65536;

/** How the range is found: names and what they are called. */
export const RANGES = [["full", "Full range"], ["minmax", "Least to greatest"], ["percent", "Percentiles"], ["fixed", "Fixed"]];

/** The usual settings for a view. `dtype`: of the array. */
export function usual(view, dtype) {
  const whole = /^(uint8|bool)$/.test(dtype) || (view.channels > 1 && dtype in FULL);
  return { map: /^(uint8|uint16|bool)$/.test(dtype) ? "gray" : "viridis", range: whole ? "full" : "minmax" };
}

/** The full range of a type; null for those that have none. */
export function fullRange(dtype) {
  return FULL[dtype] ?? null;
}

/** What the numbers of a part of a view are like. `rectangle`: [x, y, width, height] in its pixels; all of it without. */
export function statistics(view, rectangle = [0, 0, view.columns, view.rows]) {
  const counts = levels(view, rectangle);
  // An alpha channel does not count.
  if (counts) return ofLevels(counts.slice(0, 3));
  const [x, y, width, height] = rectangle;
  const { data, channels, columns } = view;
  // Whole numbers of 64 bits are compared with all their digits.
  const exact = view.exact ?? data;
  const colours = channels === 4 ? 3 : channels;
  const found = { count: 0, nan: 0, infinite: 0, least: Infinity, greatest: -Infinity, positive: Infinity, mean: NaN, deviation: NaN };
  // Sums of what is above the first number, so that no digits are lost to a large mean.
  let first = NaN;
  let sum = 0;
  let squares = 0;
  for (let row = y; row < y + height; row += 1) {
    for (let column = x; column < x + width; column += 1) {
      const at = (row * columns + column) * channels;
      for (let channel = 0; channel < colours; channel += 1) {
        const value = data[at + channel];
        if (!Number.isFinite(value)) {
          if (Number.isNaN(value)) found.nan += 1;
          else found.infinite += 1;
          continue;
        }
        if (found.count === 0) first = value;
        found.count += 1;
        const own = exact[at + channel];
        if (own < found.least) found.least = own;
        if (own > found.greatest) found.greatest = own;
        if (value > 0 && value < found.positive) found.positive = value;
        const above = value - first;
        sum += above;
        squares += above * above;
      }
    }
  }
  if (found.count > 0) {
    found.mean = first + sum / found.count;
    found.deviation = Math.sqrt(Math.max(0, squares / found.count - (sum / found.count) ** 2));
  }
  return found;
}

/** The same, from how often each byte is in each channel. */
function ofLevels(counts) {
  const sum = (of) => LEVELS.reduce((total, level) => total + of(level) * counts.reduce((often, channel) => often + channel[level], 0), 0);
  const present = [...LEVELS].filter((level) => counts.some((channel) => channel[level] > 0));
  const count = sum(() => 1);
  const mean = sum((level) => level) / count;
  return { count, nan: 0, infinite: 0, least: present[0] ?? Infinity, greatest: present.at(-1) ?? -Infinity, positive: present.find((level) => level > 0) ?? Infinity,
    mean, deviation: Math.sqrt(sum((level) => (level - mean) ** 2) / count) };
}

/** The numbers that get the first and the last colour. */
export function bounds(view, dtype, settings, known) {
  let [low, high] = [Number(known.least), Number(known.greatest)];
  if (known.count === 0) [low, high] = [0, 1];
  if (settings.range === "fixed") {
    low = settings.low ?? low;
    high = settings.high ?? high;
  } else if (settings.range === "full") {
    [low, high] = fullRange(dtype) ?? [low, high];
  } else if (settings.range === "percent" && known.count > 0) {
    [low, high] = percentiles(view, settings.percent ?? 1);
  }
  const log = Boolean(settings.log) && Math.max(low, high) > 0;
  if (log) [low, high] = [low, high].map((end) => (end > 0 ? end : known.positive < Math.max(low, high) ? known.positive : Math.max(low, high) / 1e6));
  return { low, high, log };
}

function percentiles(view, percent) {
  const { data } = view;
  const stride = Math.max(1, Math.ceil(data.length / MOST_SORTED));
  const sample = [];
  for (let at = 0; at < data.length; at += stride) if (Number.isFinite(data[at])) sample.push(data[at]);
  if (sample.length === 0) return [0, 1];
  const sorted = Float64Array.from(sample).sort();
  percent = Math.min(49, Math.max(0, percent));
  const at = (share) => sorted[Math.round((sorted.length - 1) * share)];
  return [at(percent / 100), at(1 - percent / 100)];
}
