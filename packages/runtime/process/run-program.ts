import type { ProcessLogger } from "../log/logger.ts";
import { createLogger } from "../log/logger.ts";
import { type CommandLine, formatHelp, readArguments } from "../settings/command-line.ts";
import type { processSettings } from "../settings/process-settings.ts";
import {
  readEnvironment,
  SettingsError,
  type SettingsTable,
  type SettingValues,
} from "../settings/read-environment.ts";
import type { Environment } from "../settings/setting.ts";
import { SpanTreePrinter } from "../telemetry/span-tree-printer.ts";
import { startTelemetry, type Telemetry } from "../telemetry/start-telemetry.ts";
import { createEnding } from "./ending.ts";
import { explainListenError } from "./explain-listen-error.ts";
import { readVersion } from "./read-version.ts";
import { type Shutdown, ShutdownSequence } from "./shutdown.ts";
import { openTerminal, type Terminal } from "./terminal.ts";
import { watchParent } from "./watch-parent.ts";

/** A program of the house. */
export interface Program<Table extends SettingsTable> {
  /** Stands in logs and, unless variables say otherwise, in spans as `service.name`, e.g. `spillway-edge`. */
  readonly service: string;
  readonly commandLine: CommandLine<Table>;
  readonly environment: Environment;
  /** Logs short lines instead of JSON where standard output is a terminal. */
  readonly isForPeople?: boolean;
  /** Whether span trees are printed where `SPILLWAY_PRINT_TRACES` is unset. Default: no. */
  readonly printsTraces?: (given: Pick<ProgramRun<Table>, "settings" | "options">) => boolean;
  /** Errors that, as `SettingsError`, are told by their message alone, since it says what to do. */
  readonly expectedErrors?: readonly (new (
    ...parameters: never[]
  ) => Error)[];
  /** Starts everything and returns; what it opens it adds to `shutdown`. */
  readonly start: (run: ProgramRun<Table>) => Promise<void>;
}

/** What a program works with. */
export interface ProgramRun<Table extends SettingsTable> {
  readonly settings: SettingValues<Table>;
  /** Values of the options on the command line, by name. */
  readonly options: Readonly<Record<string, string>>;
  readonly logger: ProcessLogger;
  readonly telemetry: Telemetry;
  readonly shutdown: Shutdown;
  /** Where text for people goes. */
  readonly terminal: Terminal;
  /** Ends the program with exit code 1, after a shutdown, because something that it needs is gone. */
  readonly fail: (error: unknown) => void;
}

type ProcessTable = typeof processSettings;

/**
 * Runs a program until SIGTERM, SIGINT or SIGHUP, then its shutdown; another signal, half a second later or more, ends it at once. Settings or arguments that
 * are wrong are told all at once, with exit code 1. The process ends by itself when nothing is left to do; it is ended by
 * force only when something does not close, which is then named.
 */
export async function runProgram<Table extends ProcessTable>(program: Program<Table>): Promise<void> {
  const { commandLine, environment } = program;
  const read = () => {
    const given = readArguments(process.argv.slice(2), commandLine);
    const settings = given.help ? undefined : readEnvironment(environment, commandLine.settings, commandLine.check);
    return { options: given.values, settings };
  };
  let given: ReturnType<typeof read>;
  try {
    given = read();
  } catch (error) {
    if (!(error instanceof SettingsError)) {
      throw error;
    }
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
    return;
  }
  if (given.settings === undefined) {
    process.stdout.write(formatHelp(commandLine));
  } else {
    await runStarted(program, given.settings, given.options);
  }
}

async function runStarted<Table extends ProcessTable>(
  program: Program<Table>,
  settings: SettingValues<Table>,
  options: Readonly<Record<string, string>>,
): Promise<void> {
  const values = settings as SettingValues<ProcessTable>;
  const terminal = openTerminal(process);
  const logger = createLogger({
    service: program.service,
    level: values.logLevel,
    ...(program.isForPeople === true && terminal.isInteractive
      ? { people: { colours: terminal.colours }, sink: process.stdout }
      : {}),
  });
  const shutdown = new ShutdownSequence();
  const end = createEnding({ shutdown, logger, graceMs: values.drainMs });
  const telemetry = startTelemetry({
    serviceName: program.service,
    serviceVersion: readVersion(),
    settings: values,
    logger,
    ...((values.printTraces ?? program.printsTraces?.({ settings, options }) ?? false)
      ? { spanProcessor: new SpanTreePrinter(terminal) }
      : {}),
  });
  shutdown.add("telemetry", () => telemetry.shutdown());
  const fail = (error: unknown) => {
    const advice = explainListenError(error, program.commandLine.settings, settings);
    if (advice !== undefined) {
      process.stderr.write(`${advice}\n`);
    } else {
      tell(error, [SettingsError, ...(program.expectedErrors ?? [])], logger);
    }
    end(1);
  };
  // A terminal that is closed sends SIGHUP, and takes no further text.
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    process.on(signal, () => end(0, signal));
  }
  watchParent(program.environment, () => {
    logger.info({}, "npm has ended");
    end(0);
  });
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", () => {});
  }
  process.on("uncaughtException", fail);
  try {
    await program.start({ settings, options, logger, telemetry, shutdown, terminal, fail });
  } catch (error) {
    // What was waiting when the signal came rejects; that is how it gives up.
    if (!shutdown.signal.aborted) {
      fail(error);
    }
  }
}

function tell(
  error: unknown,
  expectedErrors: NonNullable<Program<ProcessTable>["expectedErrors"]>,
  logger: ProcessLogger,
) {
  const isExpected = expectedErrors.some((expected) => error instanceof expected);
  if (isExpected) {
    process.stderr.write(`${(error as Error).message}\n`);
  } else {
    logger.error({ error }, "ended by a fault of its own");
  }
}
