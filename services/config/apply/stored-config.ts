import type { configV1 } from "#contracts";
import {
  listApiKeys,
  listBudgets,
  listEndpoints,
  listModelDefinitions,
  listSecrets,
  type Queries,
  type StoredBudget,
  type StoredSecret,
} from "../store/index.ts";

/** A stored thing and who owns it. */
interface Owned<Value> {
  readonly value: Value;
  readonly source: string;
}

/** Everything that is stored, by kind and name. The kinds bear the names of the document's lists. */
export interface StoredConfig {
  readonly secrets: ReadonlyMap<string, Owned<StoredSecret>>;
  readonly models: ReadonlyMap<string, Owned<configV1.GatewayModelDefinition>>;
  readonly endpoints: ReadonlyMap<string, Owned<configV1.GatewayEndpoint>>;
  readonly keys: ReadonlyMap<string, Owned<configV1.ApiKey>>;
  readonly budgets: ReadonlyMap<string, Owned<StoredBudget>>;
}

/** Kind of a thing, as the lists of a document are named. */
export type Noun = keyof StoredConfig;

/** Kinds in the order in which they are written; deleting goes the other way. */
export const nouns: readonly Noun[] = ["secrets", "models", "endpoints", "keys", "budgets"];

/** What one thing of a kind is called, as `ConfigChange.resource_type` does. */
export const resourceTypes: Readonly<Record<Noun, string>> = {
  secrets: "secret",
  models: "model",
  endpoints: "endpoint",
  keys: "key",
  budgets: "budget",
};

/** Reads everything that is stored. */
export async function loadStoredConfig(queries: Queries): Promise<StoredConfig> {
  return {
    secrets: byName(await listSecrets(queries), ({ info }) => [info.secretName, info.source]),
    models: byName(await listModelDefinitions(queries), ({ name, source }) => [name, source]),
    endpoints: byName(await listEndpoints(queries), ({ name, source }) => [name, source]),
    keys: byName(await listApiKeys(queries), ({ name, source }) => [name, source]),
    budgets: byName(await listBudgets(queries), ({ definition, source }) => [definition.name, source]),
  };
}

function byName<Value>(
  values: readonly Value[],
  describe: (value: Value) => [name: string | undefined, source: string | undefined],
): Map<string, Owned<Value>> {
  return new Map(
    values.map((value) => {
      const [name = "", source = ""] = describe(value);
      return [name, { value, source }];
    }),
  );
}
