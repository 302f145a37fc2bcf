import { HealthRegistry } from "../health/health-registry.ts";
import type { HealthListener } from "../health/target-health.ts";
import { LimitRegistry } from "../limits/limit-registry.ts";
import type { CompileHost } from "../snapshot/compile-endpoint.ts";
import { fakeProvider } from "./fake-provider.ts";

/** What endpoints of a test are compiled with: the fake provider alone, and nothing known of any target. */
export function createTestCompileHost(listener: HealthListener = () => undefined): CompileHost {
  return {
    findProvider: (id) => (id === fakeProvider.id ? fakeProvider : undefined),
    health: new HealthRegistry(listener),
    limits: new LimitRegistry(),
  };
}
