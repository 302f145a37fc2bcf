import type { MetricDescription, MetricRegistry } from "./metric-registry.ts";

const none = {};

/** Adds what every process tells of itself: CPU, memory, start. */
export function addProcessMetrics(metrics: MetricRegistry): void {
  const observe = (kind: "counter" | "gauge", description: MetricDescription, read: () => number) =>
    metrics.observe(kind, description, () => [{ labels: none, value: read() }]);
  observe(
    "counter",
    {
      name: "process.cpu.time",
      unit: "s",
      description: "CPU time spent.",
      prometheusName: "process_cpu_seconds_total",
    },
    () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    },
  );
  observe(
    "gauge",
    {
      name: "process.memory.usage",
      unit: "By",
      description: "Memory held.",
      prometheusName: "process_resident_memory_bytes",
    },
    () => process.memoryUsage.rss(),
  );
  observe(
    "gauge",
    { name: "v8js.memory.heap.used", unit: "By", description: "JavaScript heap in use." },
    () => process.memoryUsage().heapUsed,
  );
  observe("gauge", { name: "process.uptime", unit: "s", description: "Time since the start of the process." }, () =>
    process.uptime(),
  );
  observe(
    "gauge",
    {
      name: "process.start_time",
      unit: "s",
      description: "Start of the process, since the epoch.",
      prometheusName: "process_start_time_seconds",
    },
    () => Date.now() / 1000 - process.uptime(),
  );
}
