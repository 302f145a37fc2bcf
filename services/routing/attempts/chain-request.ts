import type { Context } from "@opentelemetry/api";
import type { ChatBody } from "#dialects";
import type { Provider, Transport } from "#providers";
import type { Logger } from "#runtime";
import type { Chain } from "../chain/chain.ts";
import type { Clock } from "../clock.ts";
import type { OpenedSecrets } from "../snapshot/opened-secrets.ts";
import type { CompiledEndpoint, Snapshot } from "../snapshot/snapshot.ts";
import type { RequestSpan } from "../telemetry/request-span.ts";

/** What runs of all requests share. */
export interface Engine {
  readonly clock: Clock;
  readonly random: () => number;
  readonly transports: Readonly<Record<Provider["transport"], Transport>>;
  readonly secrets: OpenedSecrets;
  readonly logger: Logger;
}

/** One request, ready to be run. Times are on the monotonic clock. */
export interface ChainRequest {
  readonly snapshot: Snapshot;
  readonly endpoint: CompiledEndpoint;
  readonly chain: Chain;
  /** The caller's original; every attempt is built from it. */
  readonly body: ChatBody;
  readonly stream: boolean;
  /** The caller's `x-request-id`, to be found in logs; undefined where it gave none. */
  readonly requestId: string | undefined;
  /** The dialect's own headers, which providers get. */
  readonly headers: Readonly<Record<string, string>>;
  readonly startedAtMs: number;
  /** The smallest of all deadlines. */
  readonly deadlineAtMs: number;
  /** The deadline that the caller set itself, which holds for a committed stream too; infinite for none. */
  readonly callerDeadlineAtMs: number;
  readonly span: RequestSpan | undefined;
  readonly traceContext: Context | undefined;
}
