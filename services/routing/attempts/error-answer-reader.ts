import { errorsV1 } from "#contracts";
import { type AnswerHeaders, type ProviderFailure, WholeBody } from "#providers";
import type { Target } from "../snapshot/snapshot.ts";
import type { TimeLimit } from "./time-limit.ts";

const mostErrorBytes = 64 * 1024;
const errorBodyGraceMs = 2_000;

/** Collects an answer that is not a success, as far as it comes soon and is not too long, since its status says most. */
export class ErrorAnswerReader {
  readonly #status: number;
  readonly #headers: AnswerHeaders;
  readonly #startedAtMs: number;
  readonly #body = new WholeBody();

  constructor(status: number, headers: AnswerHeaders, startedAtMs: number) {
    this.#status = status;
    this.#headers = headers;
    this.#startedAtMs = startedAtMs;
  }

  push(chunk: Buffer): "open" | "full" {
    this.#body.push(chunk);
    return this.#body.length > mostErrorBytes ? "full" : "open";
  }

  /** The body is waited for a short while, and never beyond the attempt's own limit. */
  limit(ofAttempt: TimeLimit): TimeLimit {
    const atMs = this.#startedAtMs + errorBodyGraceMs;
    return atMs < ofAttempt.atMs ? { ...ofAttempt, atMs, isDeadline: false } : ofAttempt;
  }

  /** What the provider says it means, from what has come. */
  classify(target: Target): ProviderFailure {
    const body = this.#body.take();
    return (
      target.provider?.classify({ status: this.#status, headers: this.#headers, body }) ?? {
        failureClass: errorsV1.FailureClass.PROVIDER_ERROR,
        status: this.#status,
      }
    );
  }
}
