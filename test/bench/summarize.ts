/** One window of one subject. */
export interface WindowFigures {
  /** CPU time of the process under test per answered request, user and system, in microseconds. */
  readonly cpuUs: number;
  readonly requestsPerSecond: number;
  /** Median time of a request in milliseconds, as the load saw it in its closed loop. */
  readonly latencyMs: number;
}

/** A round: control and gateway in neighbouring windows. */
export interface Round {
  readonly control: WindowFigures;
  readonly gateway: WindowFigures;
}

/** Median, smallest and largest of some numbers. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** What is told of all rounds of one workload. */
export interface Summary {
  readonly workload: string;
  readonly rounds: number;
  readonly controlCpuUs: Spread;
  readonly gatewayCpuUs: Spread;
  /** Of each round the gateway's CPU time divided by the control's: the one figure that a noisy machine leaves alone. */
  readonly ratio: Spread;
  readonly controlRequestsPerSecond: number;
  readonly gatewayRequestsPerSecond: number;
  readonly controlLatencyMs: number;
  readonly gatewayLatencyMs: number;
}

/** Sums the rounds of a workload up. */
export function summarize(workload: string, rounds: readonly Round[]): Summary {
  return {
    workload,
    rounds: rounds.length,
    controlCpuUs: spreadOf(rounds.map(({ control }) => control.cpuUs)),
    gatewayCpuUs: spreadOf(rounds.map(({ gateway }) => gateway.cpuUs)),
    ratio: spreadOf(rounds.map(({ control, gateway }) => gateway.cpuUs / control.cpuUs)),
    controlRequestsPerSecond: spreadOf(rounds.map(({ control }) => control.requestsPerSecond)).median,
    gatewayRequestsPerSecond: spreadOf(rounds.map(({ gateway }) => gateway.requestsPerSecond)).median,
    controlLatencyMs: spreadOf(rounds.map(({ control }) => control.latencyMs)).median,
    gatewayLatencyMs: spreadOf(rounds.map(({ gateway }) => gateway.latencyMs)).median,
  };
}

/** Median, smallest and largest; all NaN for no numbers. */
export function spreadOf(numbers: readonly number[]): Spread {
  const sorted = [...numbers].sort((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  const lower = sorted.length % 2 === 0 ? (sorted[middle - 1] ?? Number.NaN) : upper;
  return { median: (lower + upper) / 2, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN };
}

/** A table for the terminal. */
export function formatSummaries(summaries: readonly Summary[]): string {
  const rows = summaries.flatMap((summary) => [
    [
      summary.workload,
      "control",
      formatSpread(summary.controlCpuUs, 1),
      "1",
      summary.controlRequestsPerSecond.toFixed(0),
      summary.controlLatencyMs.toFixed(2),
    ],
    [
      "",
      "spillway",
      formatSpread(summary.gatewayCpuUs, 1),
      formatSpread(summary.ratio, 2),
      summary.gatewayRequestsPerSecond.toFixed(0),
      summary.gatewayLatencyMs.toFixed(2),
    ],
  ]);
  const header = ["workload", "process", "CPU us a request", "times the control", "requests/s", "median ms"];
  const widths = header.map((_, column) => Math.max(...[header, ...rows].map((row) => row[column]?.length ?? 0)));
  return [header, ...rows]
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function formatSpread({ median, min, max }: Spread, digits: number): string {
  return `${median.toFixed(digits)} (${min.toFixed(digits)}-${max.toFixed(digits)})`;
}
