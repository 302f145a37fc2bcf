import type { Tracer } from "@opentelemetry/api";
import type { configV1, inferenceV1, routingV1 } from "#contracts";
import { createHttpTransport, createLocalTransport, findProvider } from "#providers";
import type { Service } from "#rpc";
import { type Logger, MetricRegistry } from "#runtime";
import type { KeyEncryptionKey } from "#secrets";
import type { Engine } from "./attempts/chain-request.ts";
import { type Clock, systemClock } from "./clock.ts";
import { reportHealthTo } from "./events.ts";
import { Gate } from "./gate/gate.ts";
import { HealthRegistry } from "./health/health-registry.ts";
import { ActiveCalls } from "./inference/active-calls.ts";
import { createInferenceService } from "./inference/inference-service.ts";
import { LimitRegistry } from "./limits/limit-registry.ts";
import { ProberSet } from "./probes/prober-set.ts";
import { createRoutingOperations } from "./routing-operations.ts";
import { ConfigState } from "./snapshot/config-state.ts";
import { ConfigWatch } from "./snapshot/config-watch.ts";
import { forgetUnused } from "./snapshot/forget-unused.ts";
import { OpenedSecrets } from "./snapshot/opened-secrets.ts";
import { SnapshotFile } from "./snapshot/snapshot-file.ts";
import { RequestMetrics } from "./telemetry/request-metrics.ts";
import { addStateMetrics } from "./telemetry/state-metrics.ts";

/** What a routing service is made of. */
export interface RoutingServiceOptions {
  /** Where the configuration comes from. */
  readonly config: Service<configV1.ConfigServiceDefinition>;
  /** Opens the secrets of the configuration. */
  readonly keyEncryptionKey: KeyEncryptionKey;
  /** Where the last good configuration is kept, secrets encrypted, mode 0600. */
  readonly snapshotPath: string;
  readonly logger: Logger;
  readonly tracer: Tracer;
  /** Where this service counts. Default: nowhere that anybody could read. */
  readonly metrics?: MetricRegistry;
  /** Whether everybody may call while no API keys exist. */
  readonly isOpen: boolean;
  /** Whether the config service has a file that must be in force before this service is ready. */
  readonly awaitsConfigFile: boolean;
  /** Asked for by every method of RoutingService but `GetConfigStatus`, where it is set. */
  readonly adminToken?: string | undefined;
  /** Given to the config service. */
  readonly serviceToken?: string | undefined;
  /** Whether targets may have private and loopback addresses. */
  readonly allowPrivateUpstreams: boolean;
  /** Whether every request has its line at info, or only those that failed or took more than one attempt. Default: no. */
  readonly logsEveryRequest?: boolean;
  /** Default: `Math.random`. */
  readonly random?: () => number;
  readonly clock?: Clock;
}

/** A routing service that runs. */
export interface RoutingService {
  readonly inference: Service<inferenceV1.InferenceServiceDefinition>;
  readonly routing: Service<routingV1.RoutingServiceDefinition>;
  /** Takes no new calls, waits for those under way, and after `graceMs` ends what is left with UNAVAILABLE. */
  drain(graceMs: number): Promise<void>;
  /** Ends everything at once; drain first. Idempotent. */
  close(): Promise<void>;
}

/** Starts the data plane. It does not wait for the config service: what the disk holds is in force at once. */
export async function startRoutingService(options: RoutingServiceOptions): Promise<RoutingService> {
  const { config, logger, serviceToken, adminToken, random = Math.random, clock = systemClock } = options;
  const registry = options.metrics ?? new MetricRegistry();
  const metrics = new RequestMetrics(registry);
  const health = new HealthRegistry(reportHealthTo(logger, metrics));
  const limits = new LimitRegistry();
  const compileHost = { findProvider, health, limits };
  const state = new ConfigState({ compileHost, clock, awaitsConfigFile: options.awaitsConfigFile });
  addStateMetrics(registry, { state, clock });
  const secrets = new OpenedSecrets(options.keyEncryptionKey);
  const file = new SnapshotFile(options.snapshotPath, logger);
  const saved = await file.read();
  if (saved !== undefined) {
    state.restore(saved);
    logger.info(
      { revision: String(saved.revision) },
      "configuration from disk in force until the config service is heard",
    );
  }
  const engine: Engine = {
    clock,
    random,
    secrets,
    logger,
    transports: {
      http: createHttpTransport({ allowPrivateNetworks: options.allowPrivateUpstreams }),
      local: createLocalTransport(),
    },
  };
  const activeCalls = new ActiveCalls();
  const probers = new ProberSet({ transport: engine.transports.http, random });
  if (state.snapshot !== undefined) {
    probers.update(state.snapshot);
  }
  const watch = new ConfigWatch({
    config,
    serviceToken,
    state,
    logger,
    random,
    onChange: () => {
      const { held } = state;
      if (held !== undefined) {
        secrets.keepOnly(held.snapshot.secrets);
        forgetUnused(held.snapshot, health, limits);
        probers.update(held.snapshot);
        metrics.keep(held.snapshot);
        file.save(held.snapshot.revision, () => held.toMessage());
      }
    },
  });
  watch.start();
  return {
    inference: createInferenceService({
      intake: { engine, gate: new Gate(options.isOpen), tracer: options.tracer, currentSnapshot: () => state.snapshot },
      activeCalls,
      requestLog: { logger, metrics, logsEveryRequest: options.logsEveryRequest ?? false },
    }),
    routing: createRoutingOperations({ state, clock, random, probers, adminToken }),
    drain: (graceMs) => activeCalls.drain(graceMs),
    close: async () => {
      await activeCalls.drain(0);
      await watch.close();
      probers.close();
      await file.flush();
      await Promise.all([engine.transports.http.close(), engine.transports.local.close()]);
    },
  };
}
