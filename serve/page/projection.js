// Where points are on a canvas, and what stands about them.

import { colour } from "./dom.js";
import { number } from "./text.js";

/** The least and the greatest of each column. */
export function limits(view) {
  const box = Array.from({ length: view.columns }, () => [Infinity, -Infinity]);
  for (let at = 0; at < view.data.length; at += 1) {
    const value = view.data[at];
    if (!Number.isFinite(value)) continue;
    const ends = box[at % view.columns];
    if (value < ends[0]) ends[0] = value;
    if (value > ends[1]) ends[1] = value;
  }
  return box.map(([low, high]) => (low > high ? [0, 1] : low === high ? [low - 0.5, high + 0.5] : [low, high]));
}

/** Places of points of two numbers: both axes have the same scale. `shift`: of the middle, in pixels. */
export function flat(box, [width, height], zoom, [right, down], pixels) {
  const [[first, last], [low, high]] = box;
  const margin = 56 * pixels;
  const scale = Math.min((width - 2 * margin) / (last - first), (height - 2 * margin) / (high - low)) * zoom;
  return (x, y) => [width / 2 + right + (x - first / 2 - last / 2) * scale, height / 2 + down - (y - low / 2 - high / 2) * scale, 0];
}

/** Places of points of three numbers, turned about the vertical axis and tilted, without perspective. */
export function turned(box, [turn, tilt], [width, height], zoom, [right, down]) {
  const middle = box.map(([low, high]) => low / 2 + high / 2);
  const radius = Math.hypot(...box.map(([low, high]) => high - low)) / 2;
  const scale = (Math.min(width, height) / 2 / radius) * 0.9 * zoom;
  const [a, b] = [turn, tilt].map((degrees) => (degrees * Math.PI) / 180);
  const [sinA, cosA, sinB, cosB] = [Math.sin(a), Math.cos(a), Math.sin(b), Math.cos(b)];
  return (x, y, z) => {
    const [u, v, w] = [x - middle[0], y - middle[1], z - middle[2]];
    const [across, back] = [u * cosA - v * sinA, u * sinA + v * cosA];
    return [width / 2 + right + across * scale, height / 2 + down - (w * cosB + back * sinB) * scale, w * sinB - back * cosB];
  };
}

function pen(context, pixels) {
  context.strokeStyle = colour("--line");
  context.fillStyle = colour("--muted");
  context.lineWidth = pixels;
  context.font = `${12 * pixels}px system-ui, sans-serif`;
}

/** The box about points of three numbers. */
export function frame(context, box, place, pixels) {
  pen(context, pixels);
  const corner = (at) => box.map((ends, axis) => ends[(at >> axis) & 1]);
  for (let at = 0; at < 8; at += 1) {
    for (const axis of [1, 2, 4]) {
      if (at & axis) continue;
      context.beginPath();
      context.moveTo(...place(...corner(at)).slice(0, 2));
      context.lineTo(...place(...corner(at | axis)).slice(0, 2));
      context.stroke();
    }
  }
}

/** The letters of the axes at the ends of three edges of the box, over the points. */
export function letters(context, box, place, pixels) {
  pen(context, pixels);
  context.fillStyle = colour("--text");
  context.strokeStyle = colour("--panel");
  context.lineWidth = 4 * pixels;
  context.lineJoin = "round";
  context.textAlign = "center";
  context.textBaseline = "middle";
  const first = place(...box.map(([low]) => low));
  ["x", "y", "z"].forEach((letter, axis) => {
    const last = place(...box.map((ends, at) => ends[at === axis ? 1 : 0]));
    const length = Math.hypot(last[0] - first[0], last[1] - first[1]) || 1;
    const at = [0, 1].map((side) => last[side] + ((last[side] - first[side]) / length) * 10 * pixels);
    context.strokeText(letter, ...at);
    context.fillText(letter, ...at);
  });
}

/** The rectangle about points of two numbers. */
export function edges(context, box, place, pixels) {
  pen(context, pixels);
  const [left, bottom] = place(box[0][0], box[1][0]);
  const [right, top] = place(box[0][1], box[1][1]);
  context.strokeRect(left, top, right - left, bottom - top);
}

/** The ends of the box as text. */
export function told(box) {
  return box.map(([low, high], axis) => `${"xyz"[axis]} ${number(low)} … ${number(high)}`).join("   ");
}
