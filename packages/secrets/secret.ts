import { inspect } from "node:util";
import { maskValue } from "./mask-value.ts";

/**
 * An opened credential. Neither `toString`, `JSON.stringify`, `util.inspect` nor a template shows its values; only
 * `reveal()` does, and what it gives must not outlive the call that needs it.
 */
export class Secret {
  readonly #values: Readonly<Record<string, string>>;

  constructor(values: Readonly<Record<string, string>>) {
    this.#values = Object.freeze({ ...values });
  }

  /** The values by key, e.g. `api_key`; empty where the provider needs none. Frozen. */
  reveal(): Readonly<Record<string, string>> {
    return this.#values;
  }

  /** For every key of the value the mask of what it holds, as reads show it. */
  masked(): Record<string, string> {
    return Object.fromEntries(Object.entries(this.#values).map(([key, value]) => [key, maskValue(value)]));
  }

  /** Whether both hold the same keys with the same values. */
  equals(other: Secret): boolean {
    const keys = Object.keys(this.#values);
    const others = other.reveal();
    return (
      keys.length === Object.keys(others).length &&
      keys.every((key) => Object.hasOwn(others, key) && this.#values[key] === others[key])
    );
  }

  toString(): string {
    return "***";
  }

  toJSON(): string {
    return "***";
  }

  [inspect.custom](): string {
    return "Secret(***)";
  }
}
