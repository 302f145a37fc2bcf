/** Tells that a caller no longer wants an answer. Every `AbortSignal` is one. A listener must be taken off again. */
export interface CallSignal {
  readonly aborted: boolean;
  /** What an `AbortSignal` was aborted with. */
  readonly reason?: unknown;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/**
 * A signal and the means to abort it, for calls that are made so often that an `AbortController` and its events cost more than the
 * call. Listeners are called in order, at once, and must not throw; one that is added after the abort is never called.
 */
export class LightSignal implements CallSignal {
  #listeners: (() => void)[] | undefined;
  #isAborted = false;

  get aborted(): boolean {
    return this.#isAborted;
  }

  /** Idempotent. */
  abort(): void {
    if (this.#isAborted) {
      return;
    }
    this.#isAborted = true;
    const listeners = this.#listeners;
    this.#listeners = undefined;
    if (listeners !== undefined) {
      for (const listener of listeners) {
        listener();
      }
    }
  }

  addEventListener(_type: "abort", listener: () => void): void {
    if (this.#isAborted) {
      return;
    }
    if (this.#listeners === undefined) {
      this.#listeners = [listener];
    } else {
      this.#listeners.push(listener);
    }
  }

  removeEventListener(_type: "abort", listener: () => void): void {
    const index = this.#listeners?.indexOf(listener) ?? -1;
    if (index >= 0) {
      this.#listeners?.splice(index, 1);
    }
  }
}
