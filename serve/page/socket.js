// The one connection to the server. The page asks; each question gets one answer, and is asked again after the connection was lost.

import { parse } from "./message.js";

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 5000;

export class Socket {
  #socket = null;
  #pause = FIRST_PAUSE;
  #open = new Map();
  #last = 0;
  #status;

  /** `status` is told how the connection is: "open", "closed", or "refused" if the server wants a token. */
  constructor(status) {
    this.#status = status;
    this.#connect();
  }

  /** Somebody who asks, one question at a time. */
  asker() {
    return new Asker(this);
  }

  /** For `Asker`: asks, and returns the id of the question. */
  ask(fields, answered) {
    this.#last += 1;
    return this.askAs(this.#last, fields, answered);
  }

  /** For `Asker`: asks with an id whose question was answered. The server then knows how fast the answer was drawn. */
  askAs(id, fields, answered) {
    this.#open.set(id, { fields, answered });
    this.#send({ ...fields, id });
    return id;
  }

  /** For `Asker`: wants no answer any more. */
  stop(id) {
    this.#open.delete(id);
    this.#send({ ask: "stop", id });
  }

  #send(question) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(question));
  }

  #connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/socket`);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.#pause = FIRST_PAUSE;
      this.#status("open");
      for (const [id, { fields }] of this.#open) this.#send({ ...fields, id });
    };
    socket.onmessage = (event) => this.#take(event.data);
    let opened = false;
    socket.addEventListener("open", () => { opened = true; });
    socket.onclose = async () => {
      this.#status(!opened && await isRefused() ? "refused" : "closed");
      setTimeout(() => this.#connect(), this.#pause);
      this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE);
    };
    this.#socket = socket;
  }

  async #take(data) {
    const received = performance.now();
    const answer = await parse(data);
    answer.received = received;
    const question = this.#open.get(answer.id);
    if (!question) return;
    this.#open.delete(answer.id);
    question.answered(answer);
  }
}

/** Whether the server does not know this browser: a WebSocket does not tell why it is closed. */
async function isRefused() {
  try {
    return (await fetch("/", { method: "HEAD", signal: AbortSignal.timeout(2000) })).status === 401;
  } catch {
    return false;
  }
}

class Asker {
  #socket;
  #id = null;
  #waits = false;
  #received = null;

  constructor(socket) {
    this.#socket = socket;
  }

  /** Asks. A question that is still open is given up. */
  ask(fields, answered) {
    if (this.#waits) this.stop();
    const taken = (answer) => {
      this.#waits = false;
      this.#received = answer.received;
      answered(answer);
    };
    // The server tells a slow connection from a slow browser by it.
    if (fields.ask === "view" && this.#received !== null) fields.spent = (performance.now() - this.#received) / 1000;
    this.#waits = true;
    if (this.#id === null) this.#id = this.#socket.ask(fields, taken);
    else this.#socket.askAs(this.#id, fields, taken);
  }

  stop() {
    if (this.#id !== null) this.#socket.stop(this.#id);
    this.#id = null;
    this.#waits = false;
  }
}
