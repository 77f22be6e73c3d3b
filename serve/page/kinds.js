// As what a value can be shown, told by its shape.

/** So many lines are drawn at most against time. */
export const MOST_LINES = 16;

/** Whether an array of this shape is taken for points of two or three numbers. */
export function arePoints(lengths) {
  const [rows, columns] = lengths;
  return lengths.length === 2 && (columns === 2 || columns === 3) && rows > 3;
}

/** How a value can be shown. */
export function possible({ shape: lengths }, view) {
  if (view.kind === "elements") return ["table"];
  const last = lengths.at(-1);
  const kinds = [];
  if (lengths.length >= 2) kinds.push("image");
  if (lengths.length >= 2 && (last === 2 || last === 3)) kinds.push("points");
  if (lengths.length >= 1) kinds.push("plot");
  if (lengths.length === 0 || last <= MOST_LINES) kinds.push("time");
  kinds.push("table");
  return kinds;
}

/** How a value is shown if nobody chose. */
export function usual({ shape: lengths }, view) {
  if (view.kind === "elements") return "table";
  const last = lengths.at(-1);
  if (lengths.length <= 1) return lengths.length === 0 || last <= MOST_LINES ? "time" : "plot";
  if (arePoints(lengths)) return "points";
  // A picture that is one pixel wide shows little.
  if (lengths.length === 2 && (last === 1 || lengths[0] * last <= 64)) return "table";
  return lengths.length === 2 && lengths[0] === 1 ? "plot" : "image";
}
