import type { HistogramCell, Labels, MetricRegistry, Series } from "#runtime";

const requestDuration = {
  name: "http.server.request.duration",
  unit: "s",
  description: "Duration of an HTTP request, for a stream until its end.",
};
const activeRequests = {
  name: "http.server.active_requests",
  unit: "{request}",
  description: "HTTP requests under way.",
};
const labels = {
  method: "http.request.method",
  route: "http.route",
  status: "http.response.status_code",
} as const;
// The conventions' bounds end at 10 s; answers of models take longer.
const durationBounds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60, 120, 300];
const knownMethods = new Set(["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"]);

/** An HTTP request that is over, as far as it is counted. */
export interface CountedRequest {
  readonly method: string;
  /** Template of the route; empty when there was none. */
  readonly route: string;
  readonly status: number;
  readonly durationMs: number;
}

/** Counts HTTP requests by method, route and status. */
export class EdgeMetrics {
  readonly #durations: Series<HistogramCell>;
  readonly #cells = new Map<string, HistogramCell>();

  /** Adds its metrics to the registry; `readActive` tells how many requests are under way. */
  constructor(registry: MetricRegistry, readActive: () => number) {
    this.#durations = registry.histogram(requestDuration, durationBounds);
    registry.observe("gauge", activeRequests, () => [{ labels: {}, value: readActive() }]);
  }

  record({ method, route, status, durationMs }: CountedRequest): void {
    const knownMethod = knownMethods.has(method) ? method : "_OTHER";
    const key = `${knownMethod} ${status} ${route}`;
    let cell = this.#cells.get(key);
    if (cell === undefined) {
      cell = this.#durations.cell(toLabels(knownMethod, route, status));
      this.#cells.set(key, cell);
    }
    cell.record(durationMs / 1000);
  }
}

function toLabels(method: string, route: string, status: number): Labels {
  const shared = { [labels.method]: method, [labels.status]: String(status) };
  return route === "" ? shared : { ...shared, [labels.route]: route };
}
