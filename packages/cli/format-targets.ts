import { enumName, routingV1 } from "#contracts";
import { alignColumns } from "./align-columns.ts";
import { toTargetName } from "./list-targets.ts";

const { BreakerState, ProbeState, TargetAvailability, TargetState } = routingV1;
const header = ["TARGET", "ID", "STATE", "AVAILABILITY", "BREAKER", "FAILED", "PROBE", "IN FLIGHT", "ENDPOINTS", "URL"];

/** Writes targets as a table for people. */
export function formatTargets(targets: readonly routingV1.TargetHealth[]): string {
  if (targets.length === 0) {
    return "The configuration in force has no targets.\n";
  }
  const notes = targets
    .filter(({ reason }) => reason !== "")
    .map((target) => `${target.targetId} ${toTargetName(target)}: ${target.reason}`);
  const lines = alignColumns([header, ...targets.map(toRow)]);
  return `${[...lines, ...(notes.length === 0 ? [] : ["", ...notes])].join("\n")}\n`;
}

/** Writes targets as JSON for programs; milliseconds of 64 bits are strings, as in protobuf's JSON. */
export function toTargetsJson(targets: readonly routingV1.TargetHealth[]): string {
  return `${JSON.stringify({ targets: targets.map(toPlain) }, undefined, 2)}\n`;
}

function toRow(target: routingV1.TargetHealth): string[] {
  const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);
  const failures = sum(target.breakers.map((breaker) => breaker.failures));
  const requests = sum(target.breakers.map((breaker) => breaker.requests));
  return [
    toTargetName(target),
    target.targetId,
    wordOf(TargetState, target.state),
    wordOf(TargetAvailability, target.availability),
    wordOf(BreakerState, target.breakerState),
    `${failures}/${requests}`,
    target.probe === undefined ? "-" : probeWord(target.probe),
    target.limits.length === 0 ? "-" : target.limits.map(toLimitText).join(", "),
    target.endpoints.join(","),
    target.baseUrl === "" ? "-" : target.baseUrl,
  ];
}

function toLimitText({ inFlight, maxConcurrency, waiting }: routingV1.LimitUse): string {
  return `${inFlight}/${maxConcurrency}${waiting === 0 ? "" : ` +${waiting} waiting`}`;
}

function toPlain(target: routingV1.TargetHealth) {
  return {
    target_id: target.targetId,
    provider: target.provider,
    model: target.model,
    base_url: target.baseUrl,
    endpoints: target.endpoints,
    state: codeOf(TargetState, target.state),
    availability: codeOf(TargetAvailability, target.availability),
    reason: target.reason,
    breaker_state: codeOf(BreakerState, target.breakerState),
    cooling_ms: String(target.coolingMs),
    probe:
      target.probe === undefined
        ? null
        : {
            state: probeCode(target.probe),
            path: target.probe.path,
            interval_ms: target.probe.intervalMs,
            failure: target.probe.failure,
          },
    breakers: target.breakers.map(({ state, requests, failures, windowMs }) => ({
      state: codeOf(BreakerState, state),
      requests,
      failures,
      window_ms: windowMs,
    })),
    limits: target.limits.map(({ scope, inFlight, maxConcurrency, waiting }) => ({
      scope,
      in_flight: inFlight,
      max_concurrency: maxConcurrency,
      waiting,
    })),
  };
}

function probeWord({ state }: routingV1.ProbeHealth): string {
  return state === ProbeState.UNSPECIFIED ? "not yet" : wordOf(ProbeState, state);
}

function probeCode({ state }: routingV1.ProbeHealth): string | null {
  return state === ProbeState.UNSPECIFIED ? null : codeOf(ProbeState, state);
}

/** `BREAKER_OPEN` is `breaker_open`. */
function codeOf(enumeration: Readonly<Record<string, number>>, value: number): string {
  return enumName(enumeration, value).toLowerCase();
}

/** `BREAKER_OPEN` is `breaker open`. */
function wordOf(enumeration: Readonly<Record<string, number>>, value: number): string {
  return codeOf(enumeration, value).replaceAll("_", " ");
}
