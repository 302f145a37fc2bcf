import type { MetricDescription, MetricRegistry } from "#runtime";
import type { Clock } from "../clock.ts";
import type { ConfigState } from "../snapshot/config-state.ts";
import { availabilityOf } from "../targets/describe-target.ts";
import { knownTargets } from "../targets/known-targets.ts";
import { labels, metrics } from "./metric-names.ts";
import { targetLabels, toCode } from "./request-metrics.ts";

const none = {};

/** Adds what is read whenever somebody collects: the configuration in force and the state of every target. */
export function addStateMetrics(
  registry: MetricRegistry,
  { state, clock }: { state: ConfigState; clock: Clock },
): void {
  const gauge = (description: MetricDescription, read: () => number) =>
    registry.observe("gauge", description, () => [{ labels: none, value: read() }]);
  gauge(metrics.ready, () => Number(state.status().ready));
  gauge(metrics.configRevision, () => Number(state.status().revision));
  gauge(metrics.configAge, () => Number(state.status().ageMs) / 1000);
  gauge(metrics.configStale, () => Number(state.status().stale));
  registry.observe("gauge", metrics.targetState, () => {
    const { snapshot } = state;
    if (snapshot === undefined) {
      return [];
    }
    const nowMs = clock.monotonicMs();
    return Array.from(knownTargets(snapshot).values(), (target) => ({
      labels: { ...targetLabels(target.health), [labels.targetState]: toCode(availabilityOf(target, nowMs)) },
      value: 1,
    }));
  });
}
