import type { Tracer } from "@opentelemetry/api";
import type { inferenceV1, routingV1 } from "#contracts";
import type { Service } from "#rpc";
import type { Logger, MetricRegistry } from "#runtime";

/** What an edge needs. */
export interface EdgeOptions {
  readonly inference: Service<inferenceV1.InferenceServiceDefinition>;
  readonly routing: Service<routingV1.RoutingServiceDefinition>;
  readonly logger: Logger;
  readonly tracer: Tracer;
  /** Where HTTP requests are counted, and what `/metrics` shows. Default: one of its own. */
  readonly metrics?: MetricRegistry;
  /** Asked for by `/metrics` where it is set. */
  readonly metricsToken?: string | undefined;
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** Largest request body; 64 MiB if left out. */
  readonly bodyLimitBytes?: number;
  /** How long a request may take to arrive, headers and body; 120,000 if left out. Headers get 80,000 of it at most. */
  readonly requestArrivalTimeoutMs?: number;
  /** How long an answer may wait for a caller who takes nothing of it; 120,000 if left out. */
  readonly unreadTimeoutMs?: number;
  /** How long `/readyz` waits for routing; 1,000 if left out. */
  readonly readinessTimeoutMs?: number;
}
