import type { ReceivedSpan } from "../harness/otlp-receiver.ts";
import type { UpstreamRequest, UpstreamScript } from "../harness/scripted-upstream.ts";
import type { CallerAnswer } from "./call-spillway.ts";

/** One target of a scenario's endpoint: the first is PRIMARY, the others are FALLBACK targets in this order. */
export interface ScenarioTarget {
  /** What the upstream does with its calls, one after the other; then it is healthy and says `Hello from <name>`. */
  readonly steps?: readonly UpstreamScript[];
  /** Where it is, if not at the upstream: where nobody listens, or where nobody says a word. */
  readonly at?: "refusing" | "silent";
  /** Further members of the model in the configuration file. */
  readonly model?: Readonly<Record<string, unknown>>;
}

/** What the caller sends and does. */
export interface ScenarioRequest {
  readonly stream?: boolean;
  /** Further members of the body. */
  readonly members?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** The caller goes away: once the upstream has so many of its calls, or once the first output has come. */
  readonly leaves?: number | "after output";
  /** The caller reads nothing for so long after the head. */
  readonly readsAfterMs?: number;
}

/** Everything that can be known of one run. */
export interface SeenRun {
  readonly answer: CallerAnswer;
  /** Calls of the request itself, in the order in which they came. */
  readonly calls: readonly UpstreamRequest[];
  /** All spans of its trace. */
  readonly spans: readonly ReceivedSpan[];
}

/** A fault, what is asked meanwhile, and what everybody must see of it. */
export interface Scenario {
  readonly id: string;
  /** By one-letter name, in the order of the chain. */
  readonly targets: Readonly<Record<string, ScenarioTarget>>;
  /** Policy of the endpoint as the file has it, over `quickPolicy`. */
  readonly policy?: Readonly<Record<string, unknown>>;
  /** Further members of the endpoint in the file. */
  readonly endpoint?: Readonly<Record<string, unknown>>;
  readonly request?: ScenarioRequest;
  /** Requests that are made and answered before, e.g. to open a breaker. */
  readonly before?: number;
  /** A request that is under way meanwhile, e.g. to take a place; it leaves at the end. */
  readonly beside?: "unary" | "stream";
  /**
   * What the caller sees, in short: status, then text, finish reason and end of an answer, or the code of an error. `*`
   * stands for anything.
   */
  readonly sees: string;
  /** Headers that the caller must see; null: must not. */
  readonly headers?: Readonly<Record<string, string | RegExp | null>>;
  /** What the upstream saw: the target that was called, and `ended` or `aborted`. */
  readonly calls: readonly string[];
  /** Number, target, class, status and decision of every attempt, as in the trail, decisions as in the trace. */
  readonly trail: readonly string[];
  /** Attempts of which the later begins before the other has ended, e.g. `1 2`. Default: none. */
  readonly overlaps?: readonly string[];
  /** Fewest and most milliseconds that it may take. Default: at most 5000. */
  readonly takesMs?: readonly [least: number, most: number];
  /** What else must hold: tells what does not. */
  readonly also?: (seen: SeenRun) => readonly string[];
}

/**
 * What every scenario's endpoint has unless it says otherwise: breakers stay closed, backoffs are short, and healthy targets
 * have all the time that a busy machine may need.
 */
export const quickPolicy = {
  timeouts: { connect: 5_000, first_token: 5_000, idle: 5_000, attempt: 8_000, deadline: 15_000 },
  retries: { max: 0, initial_backoff: 5, max_backoff: 300 },
  breaker: { min_requests: 1000 },
};

/** Members of a model that is not waited for as long as others. */
export const impatient = (timeouts: Readonly<Record<string, number>>) => ({ model: { policy: { timeouts } } });

/** Line of a trail for the attempt that served. */
export const servedBy = (name: string, attempt = 1): string => `${attempt} ${name} SERVED 200 served`;
