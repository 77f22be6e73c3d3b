// Numbers, sizes, times and names as text.

const GROUPED = new Intl.NumberFormat("en");

/** A number of an array, with at most six digits; whole numbers have all of theirs, up to those that float64 cannot tell apart. */
export function number(value, most = 6) {
  if (typeof value === "bigint") return value.toString();
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (Number.isSafeInteger(value)) return String(value);
  return String(Number(value.toPrecision(most)));
}

/** The number of digits with which numbers between two bounds can be told apart. */
export function digits(low, high) {
  const ratio = Math.max(Math.abs(low), Math.abs(high)) / Math.abs(high - low);
  return Number.isFinite(ratio) ? Math.min(17, Math.max(6, Math.ceil(Math.log10(ratio)) + 4)) : 6;
}

/** A count, in groups of three digits. */
export function count(value) {
  return GROUPED.format(value);
}

/** A size in bytes. */
export function bytes(value) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${three(value, unit === 0)} ${units[unit]}`;
}

/** Values per second. */
export function rate(value) {
  if (value === null || value === undefined) return "–";
  return `${value === 0 ? "0" : three(value, false)} /s`;
}

function three(value, whole) {
  if (whole || value >= 99.95) return GROUPED.format(Math.round(value));
  return value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}

/** How long something took, or how old it is. */
export function age(seconds) {
  if (seconds < 0.9995) return `${Math.max(0, Math.round(seconds * 1000))} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

/** A point in time, from seconds since 1970, in the time of this browser; the day, unless it is today. */
export function moment(seconds) {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return "–";
  const pad = (value, length = 2) => String(value).padStart(length, "0");
  const day = `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
  const isToday = date.toDateString() === new Date().toDateString();
  return `${isToday ? "" : `${day} `}${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}.${pad(date.getMilliseconds(), 3)}`;
}

/** A shape, as 1080 × 1920. */
export function shape(lengths) {
  return lengths.length === 0 ? "single" : lengths.join(" × ");
}

/** A dtype; of a record, how many fields it has. */
export function dtype(text) {
  if (!text.startsWith("{")) return visible(text);
  let [depth, fields] = [0, 0];
  for (const character of text) {
    if ("{[(".includes(character)) depth += 1;
    else if ("}])".includes(character)) depth -= 1;
    else if (character === ":" && depth === 1) fields += 1;
  }
  return `record of ${fields} ${fields === 1 ? "field" : "fields"}`;
}

/** A text of others with its control characters made visible: such as turn the writing around or have no width. */
export function visible(text) {
  const hidden = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
  return text.replace(hidden, (character) => `\\u{${character.codePointAt(0).toString(16)}}`);
}

/** A value of an attribute. */
export function attribute(value) {
  return visible(typeof value === "string" ? value : JSON.stringify(value));
}
