import type { Provider } from "#providers";
import { HealthRegistry } from "../health/health-registry.ts";
import type { HealthListener } from "../health/target-health.ts";
import { LimitRegistry } from "../limits/limit-registry.ts";
import type { CompileHost } from "../snapshot/compile-endpoint.ts";
import { fakeProvider } from "./fake-provider.ts";

/** What endpoints of a test are compiled with: the fake provider alone, or `provider` in its place, and nothing known of any target. */
export function createTestCompileHost(
  of: { readonly provider?: Provider | undefined; readonly listener?: HealthListener } = {},
): CompileHost {
  const { provider = fakeProvider, listener = () => undefined } = of;
  return {
    findProvider: (id) => (id === fakeProvider.id ? provider : undefined),
    health: new HealthRegistry(listener),
    limits: new LimitRegistry(),
  };
}
