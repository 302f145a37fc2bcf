import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "../log/logger.ts";

/** What a program does when it ends. */
export interface Shutdown {
  /** Aborts when the program is told to end: whatever waits must give up. */
  readonly signal: AbortSignal;
  /**
   * Adds a step. Steps run one after another, the newest first, so that whatever was opened last is closed first.
   * `graceMs` is what is left of the time for requests under way; the step must end soon after. Once the shutdown has begun
   * the step runs at once and `add` throws the signal's reason, so that a start which still goes on ends there.
   */
  add(name: string, step: (graceMs: number) => unknown): void;
}

/** How a shutdown went. */
export interface ShutdownOutcome {
  /** Names of steps that did not end in time. */
  readonly overdue: readonly string[];
}

const defaultClosingMs = 5000;

/** The steps of a shutdown. It runs once. */
export class ShutdownSequence implements Shutdown {
  readonly #steps: { readonly name: string; readonly step: (graceMs: number) => unknown }[] = [];
  readonly #controller = new AbortController();
  readonly #closingMs: number;
  /** Set once it runs. */
  #logger: Logger | undefined;

  /** `closingMs` is what steps have beyond the grace to close what they hold, all together. Default 5000. */
  constructor(closingMs = defaultClosingMs) {
    this.#closingMs = closingMs;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  add(name: string, step: (graceMs: number) => unknown): void {
    if (this.#logger !== undefined) {
      void runStep({ name, step }, 0, this.#logger);
      throw this.signal.reason;
    }
    this.#steps.push({ name, step });
  }

  /** Runs all steps, whatever fails. Never rejects. */
  async run(graceMs: number, logger: Logger): Promise<ShutdownOutcome> {
    this.#logger = logger;
    this.#controller.abort(new Error("the program ends"));
    const graceEndsAt = Date.now() + graceMs;
    const overdue: string[] = [];
    for (let next = this.#steps.pop(); next !== undefined; next = this.#steps.pop()) {
      const leftMs = Math.max(0, graceEndsAt - Date.now());
      const boundMs = Math.max(0, graceEndsAt + this.#closingMs - Date.now());
      if (!(await endsWithin(boundMs, runStep(next, leftMs, logger)))) {
        logger.warn({ step: next.name }, "shutdown step did not end in time");
        overdue.push(next.name);
      }
    }
    return { overdue };
  }
}

async function runStep(
  { name, step }: { readonly name: string; readonly step: (graceMs: number) => unknown },
  graceMs: number,
  logger: Logger,
): Promise<void> {
  try {
    await step(graceMs);
  } catch (error) {
    logger.error({ step: name, error }, "shutdown step failed");
  }
}

async function endsWithin(boundMs: number, ending: Promise<void>): Promise<boolean> {
  const timer = new AbortController();
  const timeout = delay(boundMs, false, { signal: timer.signal }).catch(() => false);
  const ended = await Promise.race([ending.then(() => true), timeout]);
  timer.abort();
  return ended;
}
