// What is missing of a value that is to stay on the screen.

/** No more bytes than these are asked for. */
const MOST = 32 * 2 ** 20;

const SIZES = { uint8: 1, int8: 1, uint16: 2, int16: 2, uint32: 4, int32: 4, float32: 4, uint64: 8, int64: 8, float64: 8 };

/**
 * What to ask for, to have all elements of the axes that an answer shows. `missing`: how many bytes they have; 0 if the answer has all of them.
 * `isTooLarge`: they are too many to ask for.
 */
export function needed({ view, value }) {
  const shape = value.shape.slice(view.leading);
  const total = shape.reduce((product, axis) => product * axis, 1);
  const has = view.step === 1 && !view.lossy && view.shape.reduce((product, axis) => product * axis, 1) >= total;
  const missing = has ? 0 : total * (view.element?.size ?? SIZES[view.dtype] ?? 8);
  return { missing, isTooLarge: missing > MOST };
}
