import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";

/** What the operating system says of some processes together. */
export interface ProcessFigures {
  /** Memory in use, in megabytes. */
  readonly megabytes: number;
  /** Open files, sockets among them; undefined where the system does not tell. */
  readonly handles: number | undefined;
}

/** Reads the figures of these processes, summed. */
export function readProcessFigures(processIds: readonly number[]): ProcessFigures {
  const kilobytes = execFileSync("ps", ["-o", "rss=", "-p", processIds.join(",")], { encoding: "utf8" });
  const folders = processIds.map((processId) => `/proc/${processId}/fd`);
  return {
    megabytes:
      kilobytes
        .trim()
        .split(/\s+/)
        .reduce((sum, one) => sum + Number(one), 0) / 1024,
    handles: folders.every(existsSync)
      ? folders.reduce((sum, folder) => sum + readdirSync(folder).length, 0)
      : undefined,
  };
}

/** One figure at one time of a run. */
export interface Sample {
  readonly minute: number;
  readonly value: number;
}

/** The smallest sample of each whole span of so many minutes. */
export function toFloors(samples: readonly Sample[], spanMinutes: number): Sample[] {
  const floors: Sample[] = [];
  const startMinute = samples[0]?.minute ?? 0;
  const endMinute = samples.at(-1)?.minute ?? 0;
  for (let from = startMinute; from + spanMinutes <= endMinute; from += spanMinutes) {
    const span = samples.filter(({ minute }) => minute >= from && minute < from + spanMinutes);
    floors.push({ minute: from, value: Math.min(...span.map(({ value }) => value)) });
  }
  return floors;
}

/** Least-squares slope of samples over minutes. */
export function slopePerMinute(samples: readonly Sample[]): number {
  const mean = (pick: (sample: Sample) => number) =>
    samples.reduce((sum, sample) => sum + pick(sample), 0) / samples.length;
  const [meanMinute, meanValue] = [mean(({ minute }) => minute), mean(({ value }) => value)];
  const covariance = mean(({ minute, value }) => (minute - meanMinute) * (value - meanValue));
  return covariance / mean(({ minute }) => (minute - meanMinute) ** 2);
}
