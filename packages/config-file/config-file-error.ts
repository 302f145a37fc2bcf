/** One thing that is wrong with a file. */
export interface ConfigFileViolation {
  /** Path of the key, e.g. `endpoints[0].policy.timeouts`; empty if it is not about one key. */
  readonly path: string;
  /** Line, from 1; 0 if it is about the whole file. */
  readonly line: number;
  /** What is wrong and how to mend it; never a value that may be secret. */
  readonly message: string;
}

const mostTold = 50;

/** A declarative file that cannot be read, with everything that is wrong with it at once. */
export class ConfigFileError extends Error {
  override readonly name = "ConfigFileError";
  readonly violations: readonly ConfigFileViolation[];

  /** `file` is named before each violation where it is known. The message has a line for each of the first 50. */
  constructor(violations: readonly ConfigFileViolation[], file?: string) {
    const start = file === undefined ? "" : `${file}: `;
    const lines = violations.slice(0, mostTold).map((violation) => `${start}${describe(violation)}`);
    const more = violations.length - lines.length;
    super([...lines, ...(more > 0 ? [`${start}and ${more} more`] : [])].join("\n"));
    this.violations = violations;
  }
}

function describe({ path, line, message }: ConfigFileViolation): string {
  const place = line === 0 ? "" : ` (line ${line})`;
  return `${path === "" ? "" : `${path}: `}${message}${place}`;
}
