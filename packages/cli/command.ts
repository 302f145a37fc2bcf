import type { CliSettings } from "./settings.ts";

/** What a command works with; tests give their own. */
export interface CommandHost {
  readonly settings: CliSettings;
  write(text: string): void;
  readInput(): Promise<Buffer>;
}

/** One command of the program. */
export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Everything that `spillway NAME --help` prints. */
  readonly help: string;
  /** Does the work. Throws `UsageError` for arguments that it does not take, and any other error to fail. */
  run(argumentTexts: readonly string[], host: CommandHost): Promise<void>;
}
