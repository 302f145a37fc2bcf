const mostPendingBytes = 256 * 1024;
const fewPendingBytes = 64 * 1024;

/** Hears how fast the reader of a queue is. */
export interface QueueFlow {
  /** More is pending than should be. */
  onFull(): void;
  /** The reader took something, and more than little is pending still. */
  onTaken(): void;
  /** Little enough is pending again. */
  onRelieved(): void;
}

interface Waiting<Message> {
  readonly resolve: (result: IteratorResult<Message, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

interface Pending<Message> {
  readonly message: Message;
  readonly bytes: number;
}

/** Messages on their way to one reader, who takes them with `next`, in order; an error comes after all of them. */
export class MessageQueue<Message> {
  readonly #flow: QueueFlow;
  readonly #pending: Pending<Message>[] = [];
  readonly #waiting: Waiting<Message>[] = [];
  #pendingBytes = 0;
  #isFull = false;
  #isEnded = false;
  #error: unknown;

  constructor(flow: QueueFlow) {
    this.#flow = flow;
  }

  push(message: Message, bytes: number): void {
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) {
      waiting.resolve({ done: false, value: message });
      return;
    }
    this.#pending.push({ message, bytes });
    this.#pendingBytes += bytes;
    if (!this.#isFull && this.#pendingBytes >= mostPendingBytes) {
      this.#isFull = true;
      this.#flow.onFull();
    }
  }

  /** Nothing comes any more. With an error the reader gets it after all messages, once. */
  end(error?: unknown): void {
    if (this.#isEnded) {
      return;
    }
    this.#isEnded = true;
    this.#error = error;
    for (const waiting of this.#waiting.splice(0)) {
      this.#settle(waiting);
    }
  }

  /** Drops what is pending: the reader has gone. */
  abandon(): void {
    this.#pending.length = 0;
    this.#pendingBytes = 0;
    this.#error = undefined;
    this.end();
  }

  next(): Promise<IteratorResult<Message, undefined>> {
    const pending = this.#pending.shift();
    if (pending !== undefined) {
      this.#pendingBytes -= pending.bytes;
      if (this.#isFull) {
        this.#tellOfFlow();
      }
      return Promise.resolve({ done: false, value: pending.message });
    }
    return new Promise((resolve, reject) => {
      const waiting = { resolve, reject };
      if (this.#isEnded) {
        this.#settle(waiting);
      } else {
        this.#waiting.push(waiting);
      }
    });
  }

  #tellOfFlow(): void {
    if (this.#pendingBytes > fewPendingBytes) {
      this.#flow.onTaken();
    } else {
      this.#isFull = false;
      this.#flow.onRelieved();
    }
  }

  #settle(waiting: Waiting<Message>): void {
    const error = this.#error;
    this.#error = undefined;
    if (error === undefined) {
      waiting.resolve({ done: true, value: undefined });
    } else {
      waiting.reject(error);
    }
  }
}
