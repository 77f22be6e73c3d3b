// Numbers become colours: the same as in the pictures that the server makes (view/picture.rs).

import { packed } from "./maps.js";

/** The pixel of NaN: transparent. */
const NOTHING = 0;

/** A function from numbers to places 0 to 255 between two bounds. With the first above the second, the colours are turned around. */
export function places({ low, high, log }) {
  if (low === high) return (value) => (value > high ? 255 : 0);
  const scaled = log ? (value) => (value > 0 ? Math.log(value) : -Infinity) : (value) => value;
  // Halved: the difference of two large numbers would be infinite.
  const first = scaled(low) / 2;
  const wide = scaled(high) / 2 - first;
  return (value) => {
    const at = ((scaled(value) / 2 - first) / wide) * 256;
    return at >= 255 ? 255 : at >= 0 ? at | 0 : 0;
  };
}

/** A table for all numbers of a small type, so that each is computed once; null for other types. */
function tabled(data, of) {
  const spans = [[Uint8Array, 0, 256], [Int8Array, -128, 256], [Uint16Array, 0, 65536], [Int16Array, -32768, 65536]];
  const [, first, size] = spans.find(([type]) => data instanceof type) ?? [];
  if (size === undefined || data.length < size) return null;
  const table = Array.from({ length: size }, (_, at) => of(at + first));
  return { table, first };
}

/** The picture of a view. */
export function paint(view, bounds, map) {
  const { data, columns, rows, channels } = view;
  const image = new ImageData(Math.max(1, columns), Math.max(1, rows));
  const out = new Uint32Array(image.data.buffer);
  if (channels >= 3) colours(data, channels, bounds, out);
  else grays(data, bounds, packed(map), out);
  return image;
}

function grays(data, bounds, map, out) {
  const place = places(bounds);
  const found = tabled(data, (value) => map[place(value)]);
  if (found) {
    const table = Uint32Array.from(found.table);
    for (let at = 0; at < data.length; at += 1) out[at] = table[data[at] - found.first];
    return;
  }
  for (let at = 0; at < data.length; at += 1) {
    const value = data[at];
    out[at] = Number.isNaN(value) ? NOTHING : map[place(value)];
  }
}

function colours(data, channels, bounds, out) {
  const place = places(bounds);
  const found = tabled(data, place);
  if (found) {
    const table = Uint8Array.from(found.table);
    const { first } = found;
    for (let from = 0, to = 0; to < out.length && from + 2 < data.length; from += channels, to += 1) {
      const [red, green, blue] = [table[data[from] - first], table[data[from + 1] - first], table[data[from + 2] - first]];
      out[to] = red | (green << 8) | (blue << 16) | 0xff000000;
    }
    return;
  }
  for (let from = 0, to = 0; to < out.length && from + 2 < data.length; from += channels, to += 1) {
    const [red, green, blue] = [data[from], data[from + 1], data[from + 2]];
    const nothing = Number.isNaN(red + green + blue) && (Number.isNaN(red) || Number.isNaN(green) || Number.isNaN(blue));
    // Red is the lowest byte, alpha the highest. An alpha channel is not shown: cameras leave it at any value.
    out[to] = nothing ? NOTHING : place(red) | (place(green) << 8) | (place(blue) << 16) | 0xff000000;
  }
}
