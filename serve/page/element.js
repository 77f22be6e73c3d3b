// Elements that are no plain numbers, decoded from their bytes: records, texts, times.

const NOT_A_TIME = -(2n ** 63n);
const MILLISECONDS = { D: 86400000n, h: 3600000n, m: 60000n, s: 1000n, ms: 1n };
const PARTS = { us: 1000n, ns: 1000000n, ps: 1000000000n };

/** The plain parts of an element, each with a name such as "head.id", the element that it is, its shape and where it lies. */
export function parts(element, name = "", from = 0) {
  if (!element.fields) return [{ name, element, shape: [], offset: from }];
  return element.fields.flatMap((field) => {
    const full = name ? `${name}.${field.name}` : field.name;
    const isInner = field.element.fields && field.shape.length === 0;
    return isInner ? parts(field.element, full, from + field.offset) : [{ ...field, name: full, offset: from + field.offset }];
  });
}

/** What stands at an offset: a number, bigint, boolean or text; a list for a complex number; an object for a record. */
export function decode(element, bytes, offset) {
  if (element.fields) {
    const pairs = element.fields.map((field) => [field.name, decodePart(field, bytes, offset + field.offset)]);
    return Object.fromEntries(pairs);
  }
  const little = !element.swapped;
  const { kind, size } = element;
  switch (kind) {
    case "b": return bytes.getUint8(offset) !== 0;
    case "i": return size === 8 ? bytes.getBigInt64(offset, little) : bytes[`getInt${8 * size}`](offset, little);
    case "u": return size === 8 ? bytes.getBigUint64(offset, little) : bytes[`getUint${8 * size}`](offset, little);
    case "f": return float(bytes, offset, size, little);
    case "c": return [float(bytes, offset, size / 2, little), float(bytes, offset + size / 2, size / 2, little)];
    case "M": return time(bytes.getBigInt64(offset, little), element.unit);
    case "m": return duration(bytes.getBigInt64(offset, little), element.unit);
    case "S": return latin(bytes, offset, size);
    case "U": return points(bytes, offset, size, little);
    default: return hex(bytes, offset, size);
  }
}

/** What stands at the place of a part, which may be lists. */
export function decodePart(field, bytes, offset) {
  const read = (shape, at) => {
    if (shape.length === 0) return decode(field.element, bytes, at);
    const [length, ...inner] = shape;
    const step = inner.reduce((product, axis) => product * axis, field.element.size);
    return Array.from({ length }, (_, index) => read(inner, at + index * step));
  };
  return read(field.shape, offset);
}

function float(bytes, offset, size, little) {
  if (size === 8) return bytes.getFloat64(offset, little);
  if (size === 4) return bytes.getFloat32(offset, little);
  if (size === 2) return half(bytes.getUint16(offset, little));
  return hex(bytes, offset, size);
}

function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024));
}

function time(counted, unit) {
  if (counted === NOT_A_TIME) return "NaT";
  if (!unit) return counted;
  const [each, name] = unit;
  const total = counted * BigInt(each);
  const [per, more] = [PARTS[name] ?? 1n, PARTS[name] ? String(PARTS[name]).length - 1 : 0];
  const rest = ((total % per) + per) % per;
  const milliseconds = MILLISECONDS[name] ? total * MILLISECONDS[name] : PARTS[name] && (total - rest) / per;
  const date = milliseconds === undefined ? null : new Date(Number(milliseconds));
  if (date === null || Number.isNaN(date.getTime())) return `${total} ${name}`;
  const [day, clock] = date.toISOString().replace("Z", "").split("T");
  const digits = more ? String(rest).padStart(more, "0") : "";
  return name === "D" ? day : `${day} ${{ h: clock.slice(0, 5), m: clock.slice(0, 5), s: clock.slice(0, 8) }[name] ?? clock + digits}`;
}

function duration(counted, unit) {
  if (counted === NOT_A_TIME) return "NaT";
  return unit ? `${counted * BigInt(unit[0])} ${unit[1]}` : counted;
}

function latin(bytes, offset, size) {
  let text = "";
  for (let at = 0; at < size; at += 1) text += String.fromCharCode(bytes.getUint8(offset + at));
  return text.replace(/\0+$/, "");
}

function points(bytes, offset, size, little) {
  let text = "";
  for (let at = 0; at < size; at += 4) {
    const point = bytes.getUint32(offset + at, little);
    text += point <= 0x10ffff ? String.fromCodePoint(point) : "\ufffd";
  }
  return text.replace(/\0+$/, "");
}

function hex(bytes, offset, size) {
  let text = "";
  for (let at = 0; at < size; at += 1) text += bytes.getUint8(offset + at).toString(16).padStart(2, "0");
  return text;
}
