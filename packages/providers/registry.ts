import { echoProvider } from "./local/echo-provider.ts";
import { faultProvider } from "./local/fault-provider.ts";
import { openAiFamily } from "./openai/openai-family.ts";
import { createOpenAiWireProvider } from "./openai/openai-wire.ts";
import type { Provider } from "./provider.ts";

const providers: ReadonlyMap<string, Provider> = new Map(
  [...openAiFamily.map(createOpenAiWireProvider), echoProvider, faultProvider].map((provider) => [
    provider.id,
    provider,
  ]),
);

/** The provider with this id, which is a value of `GatewayModelDefinition.provider`; undefined when there is none. */
export function findProvider(id: string): Provider | undefined {
  return providers.get(id);
}

/** Every provider, in the order of the table. */
export function listProviders(): readonly Provider[] {
  return [...providers.values()];
}
