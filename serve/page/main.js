// Starts the page: the connection, what the address says, the theme and the keys.

import { say } from "./dom.js";
import { help, listen } from "./keys.js";
import * as link from "./link.js";
import { ListPage } from "./list.js";
import { Socket } from "./socket.js";
import { TagPage } from "./tag.js";
import { Tags } from "./tags.js";
import * as theme from "./theme.js";

const main = document.getElementById("main");
const status = document.getElementById("status");
let wasConnected = false;

const socket = new Socket((connected) => {
  say(status, connected ? "" : wasConnected ? "Connection lost, trying again" : "Connecting");
  status.classList.toggle("lost", !connected && wasConnected);
  wasConnected ||= connected;
});
const tags = new Tags(socket);
let page = null;

function open() {
  const state = link.read();
  const first = page === null;
  page?.leave();
  page = state.tag ? new TagPage(socket, tags, state) : new ListPage(socket, tags, state);
  if (!state.tag) document.title = "ndsharray";
  main.replaceChildren(page.node);
  scrollTo(0, 0);
  // Another page: what reads it aloud begins at its start.
  if (!first) main.focus({ preventScroll: true });
}

const themeButton = document.getElementById("theme");
theme.start(themeButton, () => page?.themed());
document.getElementById("help").addEventListener("click", help);
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
listen(() => ({ "?": help, t: () => themeButton.click(), ...page?.actions() }));
addEventListener("hashchange", open);
open();
