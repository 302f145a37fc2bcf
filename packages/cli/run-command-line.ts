import { RpcError } from "#rpc";
import { type Environment, SettingsError } from "#runtime";
import type { Command, CommandHost } from "./command.ts";
import { explainCommand } from "./explain-command.ts";
import { readCliSettings } from "./settings.ts";
import { drainCommand, enableCommand } from "./target-state-commands.ts";
import { targetsCommand } from "./targets-command.ts";
import { UsageError } from "./usage-error.ts";

const commands: readonly Command[] = [explainCommand, targetsCommand, drainCommand, enableCommand];

/** What the program works with; tests give their own. */
export interface CommandLineHost extends Omit<CommandHost, "settings"> {
  readonly environment: Environment;
  writeError(text: string): void;
}

/** Runs one command line and returns the exit code: 0 done, 1 failed, 2 not understood. Never throws. */
export async function runCommandLine(
  argumentTexts: readonly string[],
  { environment, writeError, ...host }: CommandLineHost,
): Promise<number> {
  const [name, ...rest] = argumentTexts;
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    host.write(programHelp());
    return name === undefined ? 2 : 0;
  }
  const command = commands.find((candidate) => candidate.name === name);
  if (command === undefined) {
    writeError(`spillway: there is no command ${name}; see spillway --help\n`);
    return 2;
  }
  if (rest.includes("--help") || rest.includes("-h")) {
    host.write(command.help);
    return 0;
  }
  try {
    await command.run(rest, { ...host, settings: readCliSettings(environment) });
    return 0;
  } catch (error) {
    writeError(`spillway ${name}: ${describe(error)}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}

function describe(error: unknown): string {
  if (error instanceof RpcError) {
    return `${error.message} (${error.code})`;
  }
  return error instanceof UsageError || error instanceof SettingsError ? error.message : String(error);
}

function programHelp(): string {
  const width = Math.max(...commands.map((command) => command.name.length));
  const rows = commands.map((command) => `  ${command.name.padEnd(width)}  ${command.summary}`);
  return [
    "Usage: spillway COMMAND [options]",
    "",
    "Commands",
    ...rows,
    "",
    "spillway COMMAND --help tells more.",
    "",
  ].join("\n");
}
