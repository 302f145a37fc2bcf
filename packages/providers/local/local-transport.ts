import type { ProviderRequest } from "../provider.ts";
import type { Exchange, ExchangeHandler, Transport } from "../transport.ts";
import { answerWithFault } from "./answer-with-fault.ts";
import { answerWithEcho } from "./echo-provider.ts";
import { LocalExchange, type LocalTimers } from "./local-exchange.ts";
import type { LocalScript } from "./local-step.ts";

/** Where a local transport has its time from. */
export interface LocalTransportOptions {
  /** Milliseconds since 1970; `Date.now` when left out. */
  readonly nowMs?: () => number;
  /** Node's own when left out. */
  readonly timers?: LocalTimers;
}

const scripts: ReadonlyMap<string, LocalScript> = new Map([
  ["local://echo", answerWithEcho],
  ["local://fault", answerWithFault],
]);

const nodeTimers: LocalTimers = {
  setTimeout: (action, delayMs) => setTimeout(action, delayMs),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

/** Carries requests to the providers `echo` and `fault`, which answer in this process. */
export function createLocalTransport(options: LocalTransportOptions = {}): Transport {
  const nowMs = options.nowMs ?? Date.now;
  const timers = options.timers ?? nodeTimers;
  const running = new Set<LocalExchange>();
  let onIdle: (() => void) | undefined;
  return {
    start(request: ProviderRequest, connectTimeoutMs: number, handler: ExchangeHandler): Exchange {
      const script = scripts.get(request.origin);
      const steps = script?.(request, nowMs()) ?? [{ kind: "fail", failure: "refused" } as const];
      const exchange = new LocalExchange(steps, handler, timers);
      running.add(exchange);
      exchange.run(connectTimeoutMs, () => {
        running.delete(exchange);
        if (running.size === 0) {
          onIdle?.();
        }
      });
      return exchange;
    },
    async close(): Promise<void> {
      if (running.size > 0) {
        await new Promise<void>((resolve) => {
          onIdle = resolve;
        });
      }
    },
  };
}
