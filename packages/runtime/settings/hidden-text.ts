import { inspect } from "node:util";

/** A text that must not be shown, e.g. a token. Only `reveal()` gives it; printing, JSON and `util.inspect` give a mask. */
export class HiddenText {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return "***";
  }

  toJSON(): string {
    return "***";
  }

  [inspect.custom](): string {
    return "***";
  }
}
