// Answers of the server, from the bytes they come in.

const ARRAYS = {
  uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array, uint64: BigUint64Array,
  int8: Int8Array, int16: Int16Array, int32: Int32Array, int64: BigInt64Array,
  float32: Float32Array, float64: Float64Array,
};

/** An answer: `{id, tags}` or `{id, error}`, or `{id, tag, cursor, value, view}` where `view` has its numbers in `data`. */
export async function parse(message) {
  if (typeof message === "string") return JSON.parse(message);
  const length = new DataView(message).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(message, 4, length)));
  const start = Math.ceil((4 + length) / 8) * 8;
  const { view } = head;
  [view.rows, view.columns = 1, view.channels = 1] = view.shape;
  view.lossy = head.encoding === "jpeg";
  if (view.kind === "elements") view.bytes = new DataView(message, start);
  else if (view.lossy) view.data = await pixels(new Uint8Array(message, start), view);
  else numbers(view, message, start);
  return head;
}

function numbers(view, message, start) {
  const found = new ARRAYS[view.dtype](message, start);
  if (found instanceof BigInt64Array || found instanceof BigUint64Array) {
    // Pictures and plots need no more than 53 bits; what is read as text has them all.
    view.exact = found;
    view.data = Float64Array.from(found, Number);
  } else {
    view.data = found;
  }
}

let canvas = null;

async function pixels(jpeg, view) {
  const bitmap = await createImageBitmap(new Blob([jpeg], { type: "image/jpeg" }));
  canvas ??= document.createElement("canvas");
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  const out = new Uint8Array(view.rows * view.columns * view.channels);
  for (let from = 0, to = 0; to < out.length; from += 4, to += view.channels) {
    for (let channel = 0; channel < view.channels; channel += 1) out[to + channel] = data[from + channel];
  }
  return out;
}
