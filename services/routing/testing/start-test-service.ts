import { ProxyTracerProvider } from "@opentelemetry/api";
import { type RoutingService, type RoutingServiceOptions, startRoutingService } from "../start-routing-service.ts";
import { testKeyEncryptionKey } from "./seal-test-secret.ts";

/** What a test must bring, and what it may. */
export type TestServiceOptions = Pick<RoutingServiceOptions, "config" | "snapshotPath"> &
  Partial<RoutingServiceOptions>;

/** Starts a routing service as tests need it: open, silent, and with upstreams on loopback. */
export function startTestService(options: TestServiceOptions): Promise<RoutingService> {
  return startRoutingService({
    keyEncryptionKey: testKeyEncryptionKey,
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    tracer: new ProxyTracerProvider().getTracer("test"),
    isOpen: true,
    awaitsConfigFile: false,
    allowPrivateUpstreams: true,
    ...options,
  });
}
