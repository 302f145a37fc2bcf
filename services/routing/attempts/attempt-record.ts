import { errorsV1, inferenceV1 } from "#contracts";
import type { ProviderFailure, TokenUsage } from "#providers";
import type { ChainLink } from "../chain/chain.ts";

/** Finish reasons of more choices than these are not remembered: an answer may claim to have any number. */
export const mostFinishReasons = 128;

/** What is known of one call to one target, or of a target that was skipped. */
export interface AttemptRecord {
  readonly link: ChainLink;
  /** Number of the call in its request, from 1; 0 for a target that was skipped. */
  readonly number: number;
  /** On the monotonic clock. */
  readonly startedAtMs: number;
  readonly durationMs: number;
  /** HTTP status of the provider; 0 while none came. */
  readonly status: number;
  /** Undefined while the attempt goes well. */
  readonly failure: ProviderFailure | undefined;
  readonly decision: inferenceV1.AttemptDecision;
  /** Whether a connection to the provider was made. */
  readonly wasConnected: boolean;
  readonly usage: TokenUsage | undefined;
  /** Milliseconds from the start to a stream's first output; undefined where none came. */
  readonly firstOutputMs: number | undefined;
  /** Model that answered, as the provider names it. */
  readonly model: string | undefined;
  readonly finishReasons: readonly string[];
}

/** Whether the target had no place for the request, so that nothing was called. */
export function isSkipped({ number }: AttemptRecord): boolean {
  return number === 0;
}

/** Whether the attempt goes on: a committed stream's does. */
export function isUnderWay({ decision }: AttemptRecord): boolean {
  return decision === inferenceV1.AttemptDecision.UNSPECIFIED;
}

/** A failure that no answer of a provider tells of. */
export function toFailure(failureClass: errorsV1.FailureClass, status = 0): ProviderFailure {
  return { failureClass, status };
}

/** Adds it where it began: a hedge may have begun while it waited for a place. */
export function addSkipped(attempts: AttemptRecord[], skipped: AttemptRecord): void {
  const later = attempts.findIndex(({ startedAtMs }) => startedAtMs > skipped.startedAtMs);
  attempts.splice(later < 0 ? attempts.length : later, 0, skipped);
}

/** The record of a target that had no place for the request. Nothing was called. */
export function toSkippedRecord(
  link: ChainLink,
  of: Pick<AttemptRecord, "startedAtMs" | "durationMs" | "decision">,
): AttemptRecord {
  return {
    ...of,
    link,
    number: 0,
    status: 0,
    failure: toFailure(errorsV1.FailureClass.TARGET_SATURATED),
    wasConnected: false,
    usage: undefined,
    firstOutputMs: undefined,
    model: undefined,
    finishReasons: [],
  };
}
