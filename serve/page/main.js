// Starts the page: the connection, what the address says, the theme and the keys.

import { forgetColours, say } from "./dom.js";
import { help, listen } from "./keys.js";
import * as link from "./link.js";
import { ListPage } from "./list.js";
import { Socket } from "./socket.js";
import { TagPage } from "./tag.js";
import { Tags } from "./tags.js";
import * as theme from "./theme.js";

/** So long the page says that there is a connection again, in milliseconds. */
const AGAIN = 4000;

const TEXTS = {
  closed: "Connection lost: what is shown is old. Trying again.",
  refused: "This browser does not know the token of the server. Open /?token=TOKEN once.",
};

const main = document.getElementById("main");
const status = document.getElementById("status");
let page = null;
let list = "#";
let connected = null;
let timer = 0;

const socket = new Socket((state) => {
  const again = state === "open" && connected === false;
  connected = state === "open";
  clearTimeout(timer);
  if (again) timer = setTimeout(() => say(status, ""), AGAIN);
  say(status, TEXTS[state] ?? (again ? "Connected again" : ""));
  status.classList.toggle("lost", !connected);
  page?.connected(connected);
});
const tags = new Tags(socket);

function open() {
  const state = link.read();
  const first = page === null;
  page?.leave();
  page = state.tag ? new TagPage(socket, tags, state, list) : new ListPage(socket, tags, state, (address) => { list = address; });
  if (connected === false) page.connected(false);
  if (!state.tag) document.title = "ndsharray";
  main.replaceChildren(page.node);
  scrollTo(0, 0);
  // Another page: what reads it aloud begins at its start.
  if (!first) main.focus({ preventScroll: true });
}

const themeButton = document.getElementById("theme");
theme.start(themeButton, () => {
  forgetColours();
  page?.themed();
});
document.getElementById("help").addEventListener("click", help);
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
listen(() => ({ "?": help, t: () => themeButton.click(), ...page?.actions() }));
addEventListener("hashchange", open);
open();
