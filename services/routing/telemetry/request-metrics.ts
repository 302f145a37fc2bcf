import { enumName, errorsV1 } from "#contracts";
import type { CounterCell, HistogramCell, MetricRegistry, Series } from "#runtime";
import { type AttemptRecord, isSkipped } from "../attempts/attempt-record.ts";
import { toProviderWaitMs } from "../attempts/provider-wait.ts";
import type { HealthChange, TargetHealth } from "../health/target-health.ts";
import type { CompiledEndpoint, Snapshot, Target } from "../snapshot/snapshot.ts";
import { knownTargets } from "../targets/known-targets.ts";
import { toFallbackMoves } from "./fallback-moves.ts";
import { bucketBounds, labels, metrics } from "./metric-names.ts";
import type { RequestOutcome } from "./request-span.ts";
import { operationName } from "./span-names.ts";

/** A request that is over. Times in milliseconds on one clock. */
export interface FinishedRequest {
  readonly endpoint: CompiledEndpoint;
  readonly outcome: RequestOutcome;
  readonly attempts: readonly AttemptRecord[];
  /** Rules and sticky keys that could not be evaluated on it. */
  readonly failedExpressions: number;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
}

/** The series of one endpoint and outcome. */
interface EndpointCells {
  readonly duration: HistogramCell;
  readonly attempts: HistogramCell;
  readonly overhead: HistogramCell;
}

/** The series of one target; those of failures are made when they happen. */
interface TargetCells {
  readonly served: HistogramCell;
  readonly failed: Map<errorsV1.FailureClass, HistogramCell>;
  readonly inputTokens: HistogramCell;
  readonly outputTokens: HistogramCell;
  readonly firstChunk: HistogramCell;
}

/**
 * Counts what becomes of requests and targets. A request costs less than a microsecond: the cells of its endpoint and targets
 * are kept at hand, and recording into them adds to numbers.
 */
export class RequestMetrics {
  readonly #operationDuration: Series<HistogramCell>;
  readonly #timeToFirstChunk: Series<HistogramCell>;
  readonly #tokenUsage: Series<HistogramCell>;
  readonly #requestDuration: Series<HistogramCell>;
  readonly #requestAttempts: Series<HistogramCell>;
  readonly #overheadDuration: Series<HistogramCell>;
  readonly #fallbacks: Series<CounterCell>;
  readonly #targetChanges: Series<CounterCell>;
  readonly #expressionFailures: Series<CounterCell>;
  #cellsOfEndpoint = new WeakMap<CompiledEndpoint, Map<RequestOutcome, EndpointCells>>();
  #cellsOfTarget = new WeakMap<TargetHealth, TargetCells>();

  /** Adds its metrics to the registry; it can be made once for each. */
  constructor(registry: MetricRegistry) {
    this.#operationDuration = registry.histogram(metrics.operationDuration, bucketBounds.duration);
    this.#timeToFirstChunk = registry.histogram(metrics.timeToFirstChunk, bucketBounds.firstChunk);
    this.#tokenUsage = registry.histogram(metrics.tokenUsage, bucketBounds.tokens);
    this.#requestDuration = registry.histogram(metrics.requestDuration, bucketBounds.duration);
    this.#requestAttempts = registry.histogram(metrics.requestAttempts, bucketBounds.attempts);
    this.#overheadDuration = registry.histogram(metrics.overheadDuration, bucketBounds.overhead);
    this.#fallbacks = registry.counter(metrics.fallbacks);
    this.#targetChanges = registry.counter(metrics.targetChanges);
    this.#expressionFailures = registry.counter(metrics.expressionFailures);
  }

  recordRequest({ endpoint, outcome, attempts, failedExpressions, startedAtMs, endedAtMs }: FinishedRequest): void {
    const cells = this.#endpointCells(endpoint, outcome);
    let calls = 0;
    for (const attempt of attempts) {
      if (isSkipped(attempt)) {
        continue;
      }
      calls += 1;
      this.#recordAttempt(attempt);
    }
    const durationMs = endedAtMs - startedAtMs;
    const waitMs = toProviderWaitMs(attempts, endedAtMs);
    cells.duration.record(durationMs / 1000);
    cells.attempts.record(calls);
    cells.overhead.record(Math.max(0, durationMs - waitMs) / 1000);
    if (attempts.length > 1) {
      this.#recordFallbacks(attempts);
    }
    if (failedExpressions > 0) {
      this.#expressionFailures.cell({ [labels.endpoint]: endpoint.name }).add(failedExpressions);
    }
  }

  recordChange({ health, from, to }: HealthChange): void {
    this.#targetChanges
      .cell({ ...targetLabels(health), [labels.changeFrom]: toCode(from), [labels.changeTo]: toCode(to) })
      .add();
  }

  /** Drops the series of endpoints and targets that the configuration no longer has. */
  keep(snapshot: Snapshot): void {
    const targets = knownTargets(snapshot);
    const ofGoneTarget = (of: Readonly<Record<string, string>>) => !targets.has(of[labels.targetId] ?? "");
    const ofGoneEndpoint = (of: Readonly<Record<string, string>>) => !snapshot.endpoints.has(of[labels.endpoint] ?? "");
    for (const series of [this.#operationDuration, this.#timeToFirstChunk, this.#tokenUsage, this.#targetChanges]) {
      series.forget(ofGoneTarget);
    }
    for (const series of [this.#requestDuration, this.#requestAttempts, this.#overheadDuration]) {
      series.forget(ofGoneEndpoint);
    }
    this.#expressionFailures.forget(ofGoneEndpoint);
    const names = new Set(Array.from(targets.values(), ({ label }) => label));
    this.#fallbacks.forget(
      (of) => !(names.has(of[labels.fallbackFrom] ?? "") && names.has(of[labels.fallbackTo] ?? "")),
    );
    this.#cellsOfEndpoint = new WeakMap();
    this.#cellsOfTarget = new WeakMap();
  }

  #recordAttempt({ link, failure, durationMs, usage, firstOutputMs }: AttemptRecord): void {
    const cells = this.#cellsOfTarget.get(link.target.health) ?? this.#addTarget(link.target);
    const duration = failure === undefined ? cells.served : this.#failedCell(cells, link.target, failure.failureClass);
    duration.record(durationMs / 1000);
    if (firstOutputMs !== undefined) {
      cells.firstChunk.record(firstOutputMs / 1000);
    }
    if (usage !== undefined) {
      cells.inputTokens.record(usage.inputTokens);
      cells.outputTokens.record(usage.outputTokens);
    }
  }

  #recordFallbacks(attempts: readonly AttemptRecord[]): void {
    for (const { from, to, failureClass } of toFallbackMoves(attempts)) {
      this.#fallbacks
        .cell({ [labels.fallbackFrom]: from, [labels.fallbackTo]: to, [labels.failureClass]: failureClass })
        .add();
    }
  }

  #endpointCells(endpoint: CompiledEndpoint, outcome: RequestOutcome): EndpointCells {
    let byOutcome = this.#cellsOfEndpoint.get(endpoint);
    if (byOutcome === undefined) {
      byOutcome = new Map();
      this.#cellsOfEndpoint.set(endpoint, byOutcome);
    }
    let cells = byOutcome.get(outcome);
    if (cells === undefined) {
      const of = { [labels.endpoint]: endpoint.name, [labels.outcome]: outcome };
      cells = {
        duration: this.#requestDuration.cell(of),
        attempts: this.#requestAttempts.cell(of),
        overhead: this.#overheadDuration.cell(of),
      };
      byOutcome.set(outcome, cells);
    }
    return cells;
  }

  #addTarget({ health }: Target): TargetCells {
    const of = { [labels.operation]: operationName, ...targetLabels(health) };
    const cells = {
      served: this.#operationDuration.cell(of),
      failed: new Map(),
      inputTokens: this.#tokenUsage.cell({ ...of, [labels.tokenType]: "input" }),
      outputTokens: this.#tokenUsage.cell({ ...of, [labels.tokenType]: "output" }),
      firstChunk: this.#timeToFirstChunk.cell(of),
    };
    this.#cellsOfTarget.set(health, cells);
    return cells;
  }

  #failedCell(cells: TargetCells, { health }: Target, failureClass: errorsV1.FailureClass): HistogramCell {
    let cell = cells.failed.get(failureClass);
    if (cell === undefined) {
      cell = this.#operationDuration.cell({
        [labels.operation]: operationName,
        ...targetLabels(health),
        [labels.errorType]: enumName(errorsV1.FailureClass, failureClass),
      });
      cells.failed.set(failureClass, cell);
    }
    return cell;
  }
}

/** What tells a target from others. */
export function targetLabels({ id, identity }: TargetHealth): Readonly<Record<string, string>> {
  return {
    [labels.provider]: identity.providerId,
    [labels.requestModel]: identity.model,
    [labels.targetId]: id,
  };
}

/** A state in words as the value of a label: `breaker open` is `breaker_open`. */
export function toCode(state: string): string {
  return state.replaceAll(" ", "_");
}
