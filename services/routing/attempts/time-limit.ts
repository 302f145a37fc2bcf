import type { errorsV1 } from "#contracts";

/** A time that must not be passed, and what it means if it is. */
export interface TimeLimit {
  /** On the monotonic clock; infinite for none. */
  readonly atMs: number;
  readonly failureClass: errorsV1.FailureClass;
  /** Whether it is the request's deadline, after which nothing more is tried. */
  readonly isDeadline: boolean;
}
