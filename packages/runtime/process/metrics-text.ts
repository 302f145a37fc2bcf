/** One number that the service tells about itself. */
export interface Metric {
  /** In the form of Prometheus: lower-case words joined by `_`, with its unit, counters ending in `_total`. */
  readonly name: string;
  readonly kind: "gauge" | "counter";
  readonly help: string;
  readonly value: number;
}

/** The metrics given and those of this process (CPU, memory, start time), as Prometheus text. */
export function formatMetrics(metrics: readonly Metric[]): string {
  return [...readProcessMetrics(), ...metrics]
    .map(({ name, kind, help, value }) => `# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n${name} ${value}\n`)
    .join("");
}

function readProcessMetrics(): Metric[] {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  const startedAt = Date.now() / 1000 - process.uptime();
  return [
    counter("process_cpu_seconds_total", "CPU time spent, in seconds.", (user + system) / 1e6),
    gauge("process_resident_memory_bytes", "Memory held, in bytes.", rss),
    gauge("process_heap_bytes", "JavaScript heap in use, in bytes.", heapUsed),
    gauge("process_start_time_seconds", "Start of the process, in seconds since the epoch.", startedAt),
    gauge("process_uptime_seconds", "Seconds since the start of the process.", process.uptime()),
  ];
}

function counter(name: string, help: string, value: number): Metric {
  return { name, kind: "counter", help, value };
}

function gauge(name: string, help: string, value: number): Metric {
  return { name, kind: "gauge", help, value };
}
