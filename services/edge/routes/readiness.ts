import { type routingV1, toConfigStatusReport } from "#contracts";
import { RpcError, type Service } from "#rpc";
import type { EdgeEvents } from "../events.ts";
import type { Exchange } from "../exchange.ts";
import { createUnsampledContext } from "../trace-parent.ts";

/** What `GET /readyz` is made from. */
export interface ReadinessSource {
  readonly routing: Service<routingV1.RoutingServiceDefinition>;
  readonly events: EdgeEvents;
  /** How long routing may take to say how it is. */
  readonly timeoutMs: number;
}

/**
 * Makes the answer to `GET /readyz`: 200 when routing can answer requests and what was declared at start is in force, 503
 * with the reason otherwise. A stale configuration and a file that could not be taken over are told and stay 200.
 */
export function createReadiness(source: ReadinessSource): (exchange: Exchange) => Promise<void> {
  let lastReason = "";
  return async (exchange) => {
    const { isReady, report } = await readReadiness(source, exchange);
    const reason = isReady ? "" : String(report.reason);
    if (reason !== lastReason && reason !== "") {
      source.events.readinessFailed(reason);
    }
    lastReason = reason;
    exchange.answerJson(isReady ? 200 : 503, JSON.stringify(report));
  };
}

interface Readiness {
  readonly isReady: boolean;
  readonly report: Readonly<Record<string, unknown>>;
}

async function readReadiness({ routing, timeoutMs }: ReadinessSource, exchange: Exchange): Promise<Readiness> {
  const { promise: timeout, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(deadlinePassed), timeoutMs);
  try {
    const traceContext = createUnsampledContext();
    const context = { ...exchange.toCallContext(), traceContext, deadlineAtMs: Date.now() + timeoutMs };
    return toReadiness(await Promise.race([routing.getConfigStatus({}, context), timeout]));
  } catch (thrown) {
    const reason = `the routing service cannot be reached${toDetail(thrown, timeoutMs)}`;
    return { isReady: false, report: { status: "not_ready", reason } };
  } finally {
    clearTimeout(timer);
  }
}

const deadlinePassed = new RpcError({ code: "DEADLINE_EXCEEDED", reason: "DEADLINE_EXCEEDED", message: "" });

/** More than that it cannot be reached, where that is fit for whoever asks. */
function toDetail(thrown: unknown, timeoutMs: number): string {
  if (!(thrown instanceof RpcError) || thrown.reason === "UNAVAILABLE") {
    return "";
  }
  return thrown.code === "DEADLINE_EXCEEDED" ? `: no answer within ${timeoutMs} ms` : `: ${thrown.message}`;
}

function toReadiness(status: routingV1.GetConfigStatusResponse): Readiness {
  const { ready, notReadyReason } = status;
  const head = ready ? { status: "ready" } : { status: "not_ready", reason: notReadyReason };
  return { isReady: ready, report: { ...head, ...toConfigStatusReport(status) } };
}
