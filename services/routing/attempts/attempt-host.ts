import type { Provider, ProviderCall, ProviderFailure, Transport } from "#providers";
import type { Clock } from "../clock.ts";
import type { RequestSpan } from "../telemetry/request-span.ts";
import type { Attempt } from "./attempt.ts";

/** What an attempt needs of the request that it is made for. */
export interface AttemptHost {
  readonly clock: Clock;
  /** Undefined when the request is not traced. */
  readonly span: RequestSpan | undefined;
  /** When the request's deadline passes, on the monotonic clock. */
  readonly deadlineAtMs: number;
  /** The provider call, built anew from the caller's original; a failure when its secret cannot be had. */
  openCall(attempt: Attempt): ProviderCall | ProviderFailure;
  transportOf(provider: Provider): Transport;
  /** Logs what operators must know and callers must not. */
  report(fields: object, message: string): void;
  /** The attempt has its outcome. Called once. */
  onSettled(attempt: Attempt): void;
}
