import type { ChainLink } from "../chain/chain.ts";

/** A call to a target that may be made now, or after a wait. */
export interface PlannedCall {
  readonly link: ChainLink;
  /** Calls that were made to this target before. */
  readonly triesBefore: number;
  /** Retries after a lost connection among them. */
  readonly reconnects: number;
  /** Milliseconds to wait before it is made. */
  readonly waitMs: number;
}
