/** A member of at most one `OpenCalls`. */
export interface OpenCall {
  /** Its place among the open calls; -1 while it is in none. Kept by `OpenCalls` alone. */
  openIndex: number;
}

/**
 * The calls that are under way. Not a `Set`: one whose members come and go all the time is made anew again and again, and
 * the old ones hold on to every member until the next full garbage collection, which cost more than the rest of a call.
 */
export class OpenCalls<Call extends OpenCall> implements Iterable<Call> {
  readonly #calls: Call[] = [];

  get size(): number {
    return this.#calls.length;
  }

  /** Adds a call; one that is in it already stays. */
  add(call: Call): void {
    if (call.openIndex >= 0) {
      return;
    }
    call.openIndex = this.#calls.length;
    this.#calls.push(call);
  }

  /** Takes a call out; one that is not in it changes nothing. */
  delete(call: Call): void {
    const index = call.openIndex;
    if (this.#calls[index] !== call) {
      return;
    }
    const last = this.#calls.pop();
    if (last !== undefined && last !== call) {
      this.#calls[index] = last;
      last.openIndex = index;
    }
    call.openIndex = -1;
  }

  /** Whether it holds for one of those that are in it. */
  some(isSo: (call: Call) => boolean): boolean {
    return this.#calls.some(isSo);
  }

  /** Those that are in it now, whatever comes and goes meanwhile. In no particular order. */
  [Symbol.iterator](): IterableIterator<Call> {
    return this.#calls.slice()[Symbol.iterator]();
  }
}
