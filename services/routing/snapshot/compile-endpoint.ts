import { configV1 } from "#contracts";
import type { Provider } from "#providers";
import type { HealthRegistry } from "../health/health-registry.ts";
import type { ConcurrencyLimit } from "../limits/concurrency-limit.ts";
import type { LimitRegistry } from "../limits/limit-registry.ts";
import { resolveEndpointPolicy, resolveTargetPolicy } from "../policy/resolve-policy.ts";
import { toCumulativeWeights } from "./cumulative-weights.ts";
import { compileStickyKey, compileWhen, type EndpointRule } from "./endpoint-rule.ts";
import type { CompiledEndpoint, Target } from "./snapshot.ts";

const { GatewayModelLinkageType, RoutingStrategy } = configV1;

/** What compiled endpoints refer to: what outlives revisions, and what this build can do. */
export interface CompileHost {
  /** Finds a provider by its id. */
  readonly findProvider: (id: string) => Provider | undefined;
  readonly health: HealthRegistry;
  readonly limits: LimitRegistry;
}

/** Works out of an endpoint whatever does not depend on a request. Never throws: what is missing shows when it is called. */
export function compileEndpoint(endpoint: configV1.GatewayEndpoint, host: CompileHost): CompiledEndpoint {
  const primaries: Target[] = [];
  const ordered: { readonly target: Target; readonly order: number }[] = [];
  for (const mapping of endpoint.modelMappings) {
    const target = compileTarget(endpoint, mapping, host);
    if (target.role === GatewayModelLinkageType.FALLBACK) {
      ordered.push({ target, order: mapping.fallbackOrder ?? Number.POSITIVE_INFINITY });
    } else {
      primaries.push(target);
    }
  }
  const fallbacks = ordered
    .sort((left, right) => (left.order === right.order ? 0 : left.order - right.order))
    .map(({ target }) => target);
  const targets = [...primaries, ...fallbacks];
  const rules = endpoint.rules.flatMap((rule) => compileRule(rule, targets));
  return {
    name: endpoint.name ?? "",
    description: endpoint.description ?? "",
    createdAtMs: endpoint.createdAt ?? 0n,
    drawsByWeight: endpoint.routingStrategy === RoutingStrategy.REQUEST_BASED_TRAFFIC_SPLIT,
    primaries,
    cumulativeWeights: toCumulativeWeights(primaries),
    fallbacks,
    maxFallbacks: endpoint.fallbackConfig?.maxAttempts || Number.POSITIVE_INFINITY,
    rules,
    stickyKey: endpoint.stickyKey === undefined ? undefined : compileStickyKey(endpoint.stickyKey),
    readsRequest: rules.length > 0 || endpoint.stickyKey !== undefined || targets.some(declaresFitness),
    policy: resolveEndpointPolicy(endpoint.policy),
  };
}

/** A rule and the mappings that it names; where a name stands for two, the PRIMARY one. */
function compileRule(rule: configV1.Rule, targets: readonly Target[]): EndpointRule<Target>[] {
  const named = rule.use.flatMap((name) => targets.find((target) => target.name === name) ?? []);
  return named.length === 0 ? [] : [{ name: rule.name, when: compileWhen(rule.when), targets: [...new Set(named)] }];
}

function compileTarget(
  endpoint: configV1.GatewayEndpoint,
  mapping: configV1.GatewayEndpointModelMapping,
  host: CompileHost,
): Target {
  const model = mapping.modelDefinition;
  const providerId = model?.provider ?? "";
  const modelName = model?.modelName ?? "";
  const policy = resolveTargetPolicy([mapping.policy, model?.policy, endpoint.policy]);
  const identity = { providerId, baseUrl: model?.baseUrl, model: modelName, secretId: model?.secretId };
  const health = host.health.get(identity);
  return {
    mappingId: mapping.mappingId ?? "",
    name: mapping.name ?? model?.name ?? "",
    label: `${encodeForHeader(providerId)}/${encodeForHeader(modelName)}`,
    role: mapping.linkageType ?? GatewayModelLinkageType.PRIMARY,
    weight: mapping.weight ?? 1,
    providerId,
    provider: host.findProvider(providerId),
    model: modelName,
    baseUrl: model?.baseUrl,
    secretId: model?.secretId,
    contextWindow: toNumber(model?.contextWindow),
    maxOutputTokens: toNumber(model?.maxOutputTokens),
    capabilities: new Set(model?.capabilities),
    propagatesTraceContext: model?.propagateTraceContext ?? false,
    policy,
    health,
    breaker: health.breaker(policy.breaker),
    limits: compileLimits(endpoint, mapping, host),
    probe: mapping.probe ?? model?.probe,
  };
}

/** The limit of the endpoint on this target, and that of the model over all endpoints. */
function compileLimits(
  { endpointId, name, policy }: configV1.GatewayEndpoint,
  mapping: configV1.GatewayEndpointModelMapping,
  { limits }: CompileHost,
): readonly ConcurrencyLimit[] {
  const model = mapping.modelDefinition;
  const ofEndpoint = mapping.policy?.maxConcurrency ?? policy?.maxConcurrency;
  const ofModel = model?.policy?.maxConcurrency;
  const endpointLimit = { key: `endpoint ${endpointId} ${mapping.mappingId}`, scope: `endpoint ${name}` };
  const modelLimit = { key: `model ${model?.modelDefinitionId}`, scope: `model ${model?.name}` };
  return [
    ...(ofEndpoint === undefined ? [] : [limits.get(endpointLimit, ofEndpoint)]),
    ...(ofModel === undefined ? [] : [limits.get(modelLimit, ofModel)]),
  ];
}

/** Whether a target declares anything that a request could be unfit for. */
function declaresFitness({ contextWindow, maxOutputTokens, capabilities }: Target): boolean {
  return contextWindow !== undefined || maxOutputTokens !== undefined || capabilities.size > 0;
}

function toNumber(value: bigint | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}

/** Keeps what model names are made of readable, and everything out that would split a trail or a header. */
function encodeForHeader(text: string): string {
  return encodeURI(text.toWellFormed()).replace(
    /[,;?#&=$!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
