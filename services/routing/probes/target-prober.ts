import type { Exchange, ExchangeHandler, Transport, TransportFailure } from "#providers";

/** Where and how often a target is asked whether it is well. */
export interface ProbePlan {
  /** Scheme, host and port. */
  readonly origin: string;
  /** With its query. */
  readonly path: string;
  readonly intervalMs: number;
}

/** How one check went. */
export interface ProbeOutcome {
  /** What was wrong, in words that hold no secret; undefined when nothing was. */
  readonly failure: string | undefined;
}

/** A health check and how it went last; `outcome` is undefined before the first check is over. */
export interface ProbeReport {
  readonly plan: ProbePlan;
  readonly outcome: ProbeOutcome | undefined;
}

/** What a prober works with. */
export interface ProbeHost {
  readonly transport: Transport;
  /** A number from 0 up to but not 1, for the jitter of the start. */
  readonly random: () => number;
}

const longestTimeoutMs = 5_000;
// What is read of an answer so that its connection can be used again.
const mostAnswerBytes = 64 * 1024;
const noBody = Buffer.alloc(0);
const headers = Object.freeze({ accept: "*/*" });

/**
 * Asks one target again and again whether it is well: GET without any credential, 2xx is well. The first check comes after
 * a random part of the interval; two checks never overlap. `close` ends it at once.
 */
export class TargetProber implements ExchangeHandler {
  readonly plan: ProbePlan;
  outcome: ProbeOutcome | undefined;
  readonly #host: ProbeHost;
  readonly #onOutcome: (outcome: ProbeOutcome) => void;
  readonly #timeoutMs: number;
  #exchange: Exchange | undefined;
  #timer: NodeJS.Timeout | undefined;
  #startedAtMs = 0;
  #status = 0;
  #answerBytes = 0;
  #isClosed = false;

  constructor(host: ProbeHost, plan: ProbePlan, onOutcome: (outcome: ProbeOutcome) => void) {
    this.plan = plan;
    this.#host = host;
    this.#onOutcome = onOutcome;
    this.#timeoutMs = Math.min(plan.intervalMs, longestTimeoutMs);
    this.#schedule(host.random() * plan.intervalMs);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#exchange?.abort();
  }

  onConnected(): void {
    // Only the answer counts.
  }

  onHead(status: number): void {
    this.#status = status;
  }

  onData(chunk: Buffer): void {
    this.#answerBytes += chunk.length;
    if (this.#answerBytes > mostAnswerBytes) {
      this.#exchange?.abort();
      this.#finish(this.#judge());
    }
  }

  onEnd(): void {
    this.#finish(this.#judge());
  }

  onFailure(failure: TransportFailure): void {
    this.#finish(this.#status === 0 ? failure.replaceAll("_", " ") : this.#judge());
  }

  #schedule(delayMs: number): void {
    this.#timer = setTimeout(() => this.#check(), delayMs).unref();
  }

  #check(): void {
    const { origin, path } = this.plan;
    this.#startedAtMs = performance.now();
    this.#status = 0;
    this.#answerBytes = 0;
    this.#timer = setTimeout(() => this.#onTimeout(), this.#timeoutMs).unref();
    const request = { method: "GET" as const, origin, path, headers, body: noBody };
    this.#exchange = this.#host.transport.start(request, this.#timeoutMs, this);
  }

  #onTimeout(): void {
    this.#exchange?.abort();
    // A head that came tells how the target is, however slow its body.
    this.#finish(this.#status === 0 ? `no answer within ${this.#timeoutMs} ms` : this.#judge());
  }

  #judge(): string | undefined {
    return this.#status >= 200 && this.#status < 300 ? undefined : `HTTP ${this.#status}`;
  }

  #finish(failure: string | undefined): void {
    if (this.#isClosed) {
      return;
    }
    clearTimeout(this.#timer);
    this.#exchange = undefined;
    this.outcome = { failure };
    this.#onOutcome(this.outcome);
    this.#schedule(Math.max(0, this.#startedAtMs + this.plan.intervalMs - performance.now()));
  }
}
