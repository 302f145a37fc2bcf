import { errorsV1 } from "#contracts";
import { type Provider, WholeBody } from "#providers";
import { Attempt } from "./attempt.ts";
import { mostFinishReasons, toFailure } from "./attempt-record.ts";
import type { TimeLimit } from "./time-limit.ts";

const { FailureClass } = errorsV1;

/** Answers are held whole; one that is longer counts as broken. */
const mostAnswerBytes = 64 * 1024 * 1024;

const empty = Buffer.alloc(0);

/** An attempt whose answer is one body. */
export class UnaryAttempt extends Attempt {
  /** The answer in the canonical form, once it served. */
  answer: Buffer = empty;
  readonly #body = new WholeBody();
  // With the blank lines before it.
  #length = 0;

  override get hasBegunToAnswer(): boolean {
    return this.#body.length > 0;
  }

  protected override limit(): TimeLimit {
    const { attemptMs, firstByteMs } = this.link.target.policy;
    const attemptAtMs = this.startedAtMs + attemptMs;
    const { deadlineAtMs } = this.host;
    const firstByteAtMs =
      firstByteMs === undefined || this.hasBegunToAnswer ? Number.POSITIVE_INFINITY : this.startedAtMs + firstByteMs;
    if (deadlineAtMs <= attemptAtMs && deadlineAtMs <= firstByteAtMs) {
      return { atMs: deadlineAtMs, failureClass: FailureClass.PROVIDER_TIMEOUT_TOTAL, isDeadline: true };
    }
    return firstByteAtMs < attemptAtMs
      ? { atMs: firstByteAtMs, failureClass: FailureClass.PROVIDER_TIMEOUT_FIRST_TOKEN, isDeadline: false }
      : { atMs: attemptAtMs, failureClass: FailureClass.PROVIDER_TIMEOUT_TOTAL, isDeadline: false };
  }

  protected override onAnswerData(chunk: Buffer): void {
    this.#length += chunk.length;
    if (this.#length > mostAnswerBytes) {
      this.fail(toFailure(FailureClass.PROVIDER_BAD_RESPONSE, this.status));
    } else if (this.hasBegunToAnswer || !isBlank(chunk)) {
      // Some providers keep the line open with blank lines while a request waits there: no answer has begun.
      this.#body.push(chunk);
    }
  }

  protected override onAnswerEnd(): void {
    const body = this.#body.take();
    // An attempt is only made to a target whose provider is known.
    const response = (this.link.target.provider as Provider).readResponse(body);
    if (response.kind === "failure") {
      this.settle(response.failure);
      return;
    }
    this.answer = response.body;
    this.usage = response.usage;
    this.model = response.model;
    this.finishReasons = response.finishReasons.slice(0, mostFinishReasons);
    this.settle(undefined);
  }

  protected override onAnswerBroken(): void {
    this.settle(toFailure(FailureClass.PROVIDER_NETWORK, this.status));
  }
}

function isBlank(chunk: Buffer): boolean {
  for (const byte of chunk) {
    if (byte > 0x20) {
      return false;
    }
  }
  return true;
}
