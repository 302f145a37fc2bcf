import { OutcomeWindow } from "./outcome-window.ts";

/** When a breaker opens and how it closes; times in milliseconds. */
export interface BreakerPolicy {
  /** Share of failures in the window at which it opens, above 0 and at most 1. */
  readonly failureRatio: number;
  /** Fewest outcomes in the window before it may open. */
  readonly minRequests: number;
  readonly windowMs: number;
  readonly openForMs: number;
  /** Most probes at once while half-open, and the successes in a row that close it. */
  readonly halfOpenProbes: number;
}

/** Closed lets every call through, open none, half-open a few probes. */
export type BreakerState = "closed" | "open" | "half-open";

/** How one call ended, as far as health is concerned. `neutral` is the caller's fault, or nobody's. */
export type HealthOutcome = "success" | "failure" | "neutral";

/** One call that a breaker knows of. It is given back exactly once, with `report`. */
export interface BreakerPermit {
  readonly isProbe: boolean;
  /** Which opening of the breaker it belongs to; outcomes of older ones no longer move the state. */
  readonly generation: number;
}

/**
 * A circuit breaker over one target. Its memory is constant. It never refuses a call by itself: `acceptsCalls` tells
 * whether the target should go first or behind the others, and a call that is made all the same counts as a probe.
 */
export class TargetBreaker {
  readonly #policy: BreakerPolicy;
  readonly #onChange: (from: BreakerState, to: BreakerState) => void;
  readonly #window: OutcomeWindow;
  #state: BreakerState = "closed";
  #generation = 0;
  #openUntilMs = 0;
  #probesInFlight = 0;
  #successesInRow = 0;

  constructor(policy: BreakerPolicy, onChange: (from: BreakerState, to: BreakerState) => void) {
    this.#policy = policy;
    this.#onChange = onChange;
    this.#window = new OutcomeWindow(policy.windowMs);
  }

  /** State at this time; an open breaker whose time is over is half-open. */
  state(nowMs: number): BreakerState {
    if (this.#state === "open" && nowMs >= this.#openUntilMs) {
      this.#become("half-open");
    }
    return this.#state;
  }

  /** Whether a call may go through: always while closed, up to the number of probes while half-open, never while open. */
  acceptsCalls(nowMs: number): boolean {
    const state = this.state(nowMs);
    return state === "closed" || (state === "half-open" && this.#probesInFlight < this.#policy.halfOpenProbes);
  }

  /** Milliseconds until it lets a probe through; 0 unless it is open. */
  openMs(nowMs: number): number {
    return this.state(nowMs) === "open" ? this.#openUntilMs - nowMs : 0;
  }

  /** Outcomes that are still in the window, and how far it reaches back. */
  outcomes(nowMs: number): { readonly requests: number; readonly failures: number; readonly windowMs: number } {
    return { ...this.#window.totals(nowMs), windowMs: this.#policy.windowMs };
  }

  /** Closes it with nothing held against the target; calls that are under way no longer move it. */
  reset(): void {
    if (this.#state === "closed") {
      this.#window.clear();
    } else {
      this.#close();
    }
  }

  /** Notes that a call begins. It must be reported exactly once. */
  begin(nowMs: number): BreakerPermit {
    const isProbe = this.state(nowMs) !== "closed";
    if (isProbe) {
      this.#probesInFlight++;
    }
    return { isProbe, generation: this.#generation };
  }

  /** Takes the outcome of a call. */
  report(permit: BreakerPermit, outcome: HealthOutcome, nowMs: number): void {
    if (permit.isProbe && permit.generation === this.#generation) {
      this.#probesInFlight--;
    }
    if (outcome === "neutral") {
      return;
    }
    if (permit.isProbe) {
      this.#reportProbe(permit, outcome, nowMs);
    } else if (this.#state === "closed") {
      this.#reportCall(outcome, nowMs);
    }
  }

  #reportCall(outcome: HealthOutcome, nowMs: number): void {
    this.#window.add(outcome === "failure", nowMs);
    if (outcome !== "failure") {
      return;
    }
    const { requests, failures } = this.#window.totals(nowMs);
    if (requests >= this.#policy.minRequests && failures / requests >= this.#policy.failureRatio) {
      this.#open(nowMs);
    }
  }

  #reportProbe(permit: BreakerPermit, outcome: HealthOutcome, nowMs: number): void {
    if (permit.generation !== this.#generation || this.#state === "closed") {
      return;
    }
    if (outcome === "failure") {
      this.#open(nowMs);
      return;
    }
    if (this.#state === "open") {
      this.#become("half-open");
    }
    this.#successesInRow++;
    if (this.#successesInRow >= this.#policy.halfOpenProbes) {
      this.#close();
    }
  }

  #open(nowMs: number): void {
    this.#openUntilMs = nowMs + this.#policy.openForMs;
    this.#startGeneration();
    this.#become("open");
  }

  #close(): void {
    this.#window.clear();
    this.#startGeneration();
    this.#become("closed");
  }

  #startGeneration(): void {
    this.#generation++;
    this.#probesInFlight = 0;
    this.#successesInRow = 0;
  }

  #become(to: BreakerState): void {
    const from = this.#state;
    if (from === to) {
      return;
    }
    this.#state = to;
    this.#onChange(from, to);
  }
}
