import { inspect } from "node:util";
import type { ProviderRequest } from "./provider.ts";

/** The parts of a request. */
export interface ProviderRequestParts {
  readonly origin: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** A POST as it goes on the wire. However it is printed, only its method and origin show. */
export class PostRequest implements ProviderRequest {
  readonly method = "POST";
  readonly origin: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;

  constructor(parts: ProviderRequestParts) {
    this.origin = parts.origin;
    this.path = parts.path;
    this.headers = parts.headers;
    this.body = parts.body;
  }

  toString(): string {
    return `POST ${this.origin}`;
  }

  toJSON(): string {
    return this.toString();
  }

  [inspect.custom](): string {
    return this.toString();
  }
}
