// Whether what is shown of a tag is old.

/** A value is late after so many of its usual times between two, and not before so many seconds. */
const PATIENCE = 5;
const LEAST = 2;

export class Fresh {
  #usual = 0;
  #gone = false;

  /** What was found of the tag; nothing if it was removed. */
  see(found) {
    this.#gone = !found || found.writer_alive === false;
    if (found?.value && found.rate > 0 && found.value.age_seconds < PATIENCE / found.rate) this.#usual = found.rate;
  }

  /** Why a value of this age is old, in a few words; "" if it is not. */
  why(age) {
    if (this.#gone) return "no writer";
    return this.#usual > 0 && age > Math.max(LEAST, PATIENCE / this.#usual) ? "late" : "";
  }
}
