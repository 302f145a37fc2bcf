import type { Alias, Node } from "yaml";
import type { Environment } from "#runtime";
import type { ConfigFileViolation } from "./config-file-error.ts";

/** One reading of one file. */
export interface Reading {
  /** What each alias stands for; one whose anchor does not stand before it is not here. */
  readonly aliased: ReadonlyMap<Alias, Node>;
  readonly environment: Environment;
  readonly lineAt: (offset: number) => number;
  readonly violations: ConfigFileViolation[];
  /** The line of everything that was looked at, by its path. */
  readonly lines: Map<string, number>;
  /** Nodes that may still be looked at, so that aliases cannot multiply without end. */
  nodesLeft: number;
}

/** A node of a file, its path, and the line that an error about it names. */
export interface Place {
  readonly node: unknown;
  readonly path: string;
  readonly line: number;
}

/** Notes what is wrong at a place. The value of a reference must not be in the message. */
export function complain(reading: Reading, { path, line }: Pick<Place, "path" | "line">, message: string): void {
  reading.violations.push({ path, line, message });
}
