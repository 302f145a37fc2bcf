import type { CanonicalEvent } from "#providers";

const mostEvents = 64;
const mostBytes = 256 * 1024;
const mostBytesOfWholeAnswer = 64 * 1024 * 1024;
// What an event costs besides its bytes, so that a great many tiny ones are not held either.
const bytesOfAnEvent = 512;

/** The events of a stream that is not committed yet. Keep-alives are not held: nobody waits for them. */
export class HeldEvents {
  /** Whether the whole answer is held, rather than what comes before its first output. */
  readonly holdsAll: boolean;
  #events: CanonicalEvent[] = [];
  #bytes = 0;

  constructor(holdsAll: boolean) {
    this.holdsAll = holdsAll;
  }

  /** Whether no more can be held, so that the stream must be committed. */
  get isFull(): boolean {
    return this.holdsAll
      ? this.#bytes >= mostBytesOfWholeAnswer
      : this.#events.length >= mostEvents || this.#bytes >= mostBytes;
  }

  add(events: readonly CanonicalEvent[]): void {
    for (const event of events) {
      if (!event.isKeepAlive) {
        this.#events.push(event);
        this.#bytes += event.bytes.length + (this.holdsAll ? bytesOfAnEvent : 0);
      }
    }
  }

  take(): readonly CanonicalEvent[] {
    const events = this.#events;
    this.#events = [];
    this.#bytes = 0;
    return events;
  }
}
