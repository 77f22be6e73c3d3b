// Numbers along an axis, reduced as the server reduces them: of each few, the least and the greatest, so that no peak is lost.

/** A part `[from, length]` of a view that has all numbers of a line, for so many pixels. Without a part: all of it. */
export function reduced(view, span, room) {
  const [start, length] = view.region;
  const from = Math.min(length, Math.max(0, (span?.[0] ?? start) - start));
  const count = Math.min(length - from, span?.[1] ?? length);
  const data = view.data.subarray(from, from + count);
  const region = [start + from, count];
  if (count <= 2 * room) return { ...view, data, region, step: 1, kind: "line" };
  const step = 2 * Math.ceil(count / (2 * room));
  const pairs = Math.ceil(count / step);
  const out = new Float64Array(2 * pairs).fill(NaN);
  for (let at = 0; at < count; at += 1) {
    const to = 2 * Math.floor(at / step);
    const value = data[at];
    // NaN is neither the least nor the greatest.
    if (Number.isNaN(value)) continue;
    if (!(out[to] <= value)) out[to] = value;
    if (!(out[to + 1] >= value)) out[to + 1] = value;
  }
  return { ...view, data: out, region, step, kind: "envelope", shape: [pairs, 2] };
}
