// Colour maps: tables of 256 colours, the same that the server makes pictures with.

/** The maps, by name: each has 256 times red, green and blue. */
export const MAPS = {
  gray: Uint8Array.from({ length: 768 }, (_, at) => Math.floor(at / 3)),
  viridis: await table("viridis"),
  turbo: await table("turbo"),
};

export const NAMES = Object.keys(MAPS);

async function table(name) {
  const answer = await fetch(`/page/${name}.bin`);
  return new Uint8Array(await answer.arrayBuffer());
}

/** The map as 256 opaque pixels, as the data of pictures have them. */
export function packed(name) {
  const map = MAPS[name] ?? MAPS.gray;
  const bytes = new Uint8Array(1024);
  for (let at = 0; at < 256; at += 1) bytes.set([map[3 * at], map[3 * at + 1], map[3 * at + 2], 255], 4 * at);
  return new Uint32Array(bytes.buffer);
}
