import { CounterCell, HistogramCell, type Labels } from "./metric-cells.ts";
import { mostSeries, overflowLabels, Series } from "./series.ts";

/** What a metric is. */
export interface MetricDescription {
  /** In OpenTelemetry's form: lower-case words joined by dots, without the unit. */
  readonly name: string;
  /** In UCUM: `s`, `By`, `{attempt}`; empty for none. */
  readonly unit: string;
  readonly description: string;
  /** Its name in Prometheus text where that is not made of name and unit. */
  readonly prometheusName?: string;
}

/** A value that is read when somebody collects. */
export interface MetricPoint {
  readonly labels: Labels;
  readonly value: number;
}

/** A metric with its series at one time. */
export type CollectedMetric = MetricDescription &
  (
    | {
        readonly kind: "counter" | "gauge";
        readonly points: readonly (MetricPoint & { readonly startedAtMs: number })[];
      }
    | { readonly kind: "histogram"; readonly points: readonly HistogramCell[] }
  );

/**
 * The metrics of one process. Recording into a cell is a few additions, so that it may stand on the hot path; names and
 * labels are put together only when somebody collects. No metric has more than 2000 series.
 */
export class MetricRegistry {
  readonly #startedAtMs = Date.now();
  readonly #collectors = new Map<string, () => CollectedMetric>();

  /** Adds a counter. Throws when the name is taken. */
  counter(description: MetricDescription): Series<CounterCell> {
    const series = new Series((labels) => new CounterCell(labels));
    this.#add(description, () => ({ ...description, kind: "counter", points: [...series.list()] }));
    return series;
  }

  /** Adds a histogram; `bounds` are the upper bounds of its buckets, ascending. Throws when the name is taken. */
  histogram(description: MetricDescription, bounds: readonly number[]): Series<HistogramCell> {
    const series = new Series((labels) => new HistogramCell(labels, bounds));
    this.#add(description, () => ({ ...description, kind: "histogram", points: [...series.list()].filter(isUsed) }));
    return series;
  }

  /** Adds values that are read at every collection. Throws when the name is taken. */
  observe(kind: "counter" | "gauge", description: MetricDescription, read: () => Iterable<MetricPoint>): void {
    const startedAtMs = this.#startedAtMs;
    this.#add(description, () => {
      const points = bounded(read()).map(({ labels, value }) => ({ labels, value, startedAtMs }));
      return { ...description, kind, points };
    });
  }

  /** Every metric that has a series, in the order in which they were added. */
  collect(): CollectedMetric[] {
    return Array.from(this.#collectors.values(), (collect) => collect()).filter(({ points }) => points.length > 0);
  }

  #add({ name }: MetricDescription, collect: () => CollectedMetric): void {
    if (this.#collectors.has(name)) {
      throw new Error(`there is a metric ${name} already`);
    }
    this.#collectors.set(name, collect);
  }
}

/** A histogram's cell may be made long before its first value. */
function isUsed({ count }: HistogramCell): boolean {
  return count > 0;
}

function bounded(points: Iterable<MetricPoint>): MetricPoint[] {
  const kept: MetricPoint[] = [];
  let overflow = 0;
  let isOver = false;
  for (const point of points) {
    if (kept.length < mostSeries) {
      kept.push(point);
    } else {
      isOver = true;
      overflow += point.value;
    }
  }
  return isOver ? [...kept, { labels: overflowLabels, value: overflow }] : kept;
}
