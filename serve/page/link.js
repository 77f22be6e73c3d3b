// The state of the page in the part of its address behind the #, so that a link keeps the view: #tag=cam&map=turbo.

/** What the address says: a plain object of texts. */
export function read() {
  const state = {};
  for (const part of location.hash.slice(1).split("&")) {
    const [key, value] = part.split("=", 2);
    if (key && value !== undefined) state[decoded(key)] = decoded(value);
  }
  return state;
}

function decoded(text) {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
}

/** The address of a state. */
export function to(state) {
  const known = Object.entries(state).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const encoded = (value) => encodeURIComponent(value).replaceAll("%2C", ",");
  return `#${known.map(([key, value]) => `${encodeURIComponent(key)}=${encoded(value)}`).join("&")}`;
}

/** Puts a state into the address, in the place of the last one. */
export function keep(state) {
  const address = to(state);
  if (address !== location.hash) history.replaceState(null, "", address);
}
