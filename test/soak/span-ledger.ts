import type { ReceivedSpan } from "../harness/otlp-receiver.ts";

interface TraceCount {
  /** Attempts that the caller was told of; undefined when nobody could tell. */
  told: number | undefined;
  spans: number;
  /** What the span of the request says. */
  recorded: number | undefined;
}

// The caller left before it could be told.
const unseen = -1;

/** Compares the attempts that callers were told of with the spans that came, request by request, and forgets what agrees. */
export class SpanLedger {
  readonly #open = new Map<string, TraceCount>();
  /** Requests whose spans agree with what was told of them. */
  agreed = 0;
  attempts = 0;

  /** A request is over. `told`: the attempts in its answer's headers; undefined when the caller saw none. */
  onAnswer(traceId: string, told: number | undefined): void {
    this.#of(traceId).told = told ?? unseen;
    this.#settle(traceId);
  }

  onSpans(spans: readonly ReceivedSpan[]): void {
    for (const { traceId, attributes } of spans) {
      const isAttempt = attributes["spillway.attempt.number"] !== undefined;
      if (!isAttempt && attributes["spillway.outcome"] === undefined) {
        continue;
      }
      const count = this.#of(traceId);
      if (isAttempt) {
        count.spans += 1;
      } else {
        count.recorded = Number(attributes["spillway.attempts"]);
      }
      this.#settle(traceId);
    }
  }

  /** Requests whose spans have not all come, or do not agree. */
  get disagreeing(): readonly string[] {
    return [...this.#open].map(([traceId, count]) => `${traceId} ${JSON.stringify(count)}`);
  }

  #of(traceId: string): TraceCount {
    let count = this.#open.get(traceId);
    if (count === undefined) {
      count = { told: undefined, spans: 0, recorded: undefined };
      this.#open.set(traceId, count);
    }
    return count;
  }

  #settle(traceId: string): void {
    const { told, spans, recorded } = this.#of(traceId);
    if (told === undefined || recorded !== spans || (told !== unseen && told !== spans)) {
      return;
    }
    this.#open.delete(traceId);
    this.agreed += 1;
    this.attempts += spans;
  }
}
