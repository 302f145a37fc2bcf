import { routingV1 } from "#contracts";
import type { BreakerState, TargetBreaker } from "../health/target-breaker.ts";
import type { Availability } from "../health/target-health.ts";
import type { ProbeReport } from "../probes/target-prober.ts";
import type { KnownTarget } from "./known-targets.ts";

const { BreakerState: States, ProbeState, TargetAvailability, TargetState } = routingV1;

const breakerStates: Readonly<Record<BreakerState, routingV1.BreakerState>> = {
  closed: States.CLOSED,
  open: States.OPEN,
  "half-open": States.HALF_OPEN,
};

const availabilities: Readonly<Record<Availability, routingV1.TargetAvailability>> = {
  available: TargetAvailability.AVAILABLE,
  cooling: TargetAvailability.COOLING,
  "breaker open": TargetAvailability.BREAKER_OPEN,
  probing: TargetAvailability.PROBING,
  "probe failed": TargetAvailability.PROBE_FAILED,
  drained: TargetAvailability.DRAINED,
};

/** How a target is now: of several breakers, the worst counts. */
export function availabilityOf({ health, breakers }: KnownTarget, nowMs: number): Availability {
  const all = breakers.map((breaker) => health.availability(breaker, nowMs));
  // Only what a breaker says can differ; all else is the same for every endpoint.
  return (
    all.find((one) => one === "breaker open") ?? all.find((one) => one !== "available") ?? ("available" as Availability)
  );
}

/** What is told of a target; `probe` is the report of its health check, undefined where it has none. */
export function describeTarget(
  known: KnownTarget,
  probe: ProbeReport | undefined,
  nowMs: number,
): routingV1.TargetHealth {
  const { health, endpoints, breakers, limits } = known;
  const { providerId, model } = health.identity;
  const availability = availabilityOf(known, nowMs);
  return {
    targetId: health.id,
    provider: providerId,
    model,
    baseUrl: toShownUrl(known.baseUrl),
    endpoints: [...endpoints],
    state: health.isDrained ? TargetState.DRAINED : TargetState.ENABLED,
    availability: availabilities[availability],
    reason: toReason(availability, known, { probe, nowMs }),
    breakerState: breakerStates[health.breakerState(nowMs)],
    coolingMs: BigInt(Math.ceil(health.coolingMs(nowMs))),
    probe: probe === undefined ? undefined : describeProbe(probe),
    breakers: breakers.map((breaker) => describeBreaker(breaker, nowMs)),
    limits: limits.map(({ scope, inFlight, maxConcurrency, waiting }) => ({
      scope,
      inFlight,
      maxConcurrency,
      waiting,
    })),
  };
}

function describeBreaker(breaker: TargetBreaker, nowMs: number): routingV1.BreakerHealth {
  return { state: breakerStates[breaker.state(nowMs)], ...breaker.outcomes(nowMs) };
}

function describeProbe({ plan, outcome }: ProbeReport): routingV1.ProbeHealth {
  const { PASSING, FAILING, UNSPECIFIED } = ProbeState;
  const state = outcome === undefined ? UNSPECIFIED : outcome.failure === undefined ? PASSING : FAILING;
  return { state, path: plan.path, intervalMs: plan.intervalMs, failure: outcome?.failure ?? "" };
}

function toReason(
  availability: Availability,
  { health }: KnownTarget,
  { probe, nowMs }: { readonly probe: ProbeReport | undefined; readonly nowMs: number },
): string {
  switch (availability) {
    case "available":
      return "";
    case "cooling":
      return `left alone for ${Math.ceil(health.coolingMs(nowMs))} ms more: rate limited, or without quota`;
    case "breaker open":
      return "too many calls failed";
    case "probing":
      return "as many trial calls as are let through are under way";
    case "probe failed":
      return `the health check failed: ${probe?.outcome?.failure ?? "unknown"}`;
    case "drained":
      return "drained by hand";
  }
}

/** Query and credentials of a URL may be secret. */
function toShownUrl(baseUrl: string | undefined): string {
  const url = baseUrl === undefined ? null : URL.parse(baseUrl);
  return url === null ? "" : `${url.origin}${url.pathname}`;
}
