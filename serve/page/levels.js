// How often each number is in a view of bytes: one quick pass, and all else that is told of them follows from 256 counts.

/** The numbers that are counted. */
export const LEVELS = Uint8Array.from({ length: 256 }, (_, level) => level);

/** How often each of them is in each channel of a rectangle of pixels [x, y, width, height]; null if the numbers are no bytes. */
export function levels(view, rectangle = [0, 0, view.columns, view.rows]) {
  if (!(view.data instanceof Uint8Array)) return null;
  const [x, y, width, height] = rectangle;
  if (x > 0 || y > 0 || width < view.columns || height < view.rows) return counted(view, rectangle);
  // Several want those of all pixels.
  view.levels ??= counted(view, rectangle);
  return view.levels;
}

function counted({ data, channels, columns }, [x, y, width, height]) {
  const found = Array.from({ length: channels }, () => new Uint32Array(256));
  for (let row = y; row < y + height; row += 1) {
    const from = (row * columns + x) * channels;
    found.forEach((counts, channel) => add(counts, data, from + channel, from + width * channels, channels));
  }
  return found;
}

function add(counts, data, from, to, step) {
  for (let at = from; at < to; at += step) counts[data[at]] += 1;
}
