// What there is: all tags, asked for each second while somebody looks.

const PAUSE = 1000;

export class Tags {
  #asker;
  #heard = null;
  #latest = null;
  #timer = 0;

  constructor(socket) {
    this.#asker = socket.asker();
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.#ask(); });
  }

  /** Tells one listener of the tags, and of when they were found (as `performance.now` has it). Null: nobody. */
  tell(heard) {
    this.#heard = heard;
    if (heard && this.#latest) heard(...this.#latest);
    this.#ask();
  }

  /** The tags that were found last. */
  get latest() {
    return this.#latest?.[0] ?? [];
  }

  #ask() {
    clearTimeout(this.#timer);
    if (!this.#heard || document.hidden) return;
    this.#asker.ask({ ask: "tags" }, (answer) => {
      if (answer.tags) {
        this.#latest = [answer.tags, performance.now()];
        this.#heard?.(...this.#latest);
      }
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#ask(), PAUSE);
    });
  }
}
