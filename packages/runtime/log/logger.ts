import { destination, pino, stdTimeFunctions } from "pino";
import { formatLine } from "./format-line.ts";
import { redactFields, redactText } from "./redact.ts";

/** Levels of a log, most talkative first. */
export const logLevels = ["debug", "info", "warn", "error", "silent"] as const;

/** How much a log says. */
export type LogLevel = (typeof logLevels)[number];

/** Takes log entries. Credentials among the fields and in the message are masked; an Error belongs under `error`. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** The log of a process. */
export interface ProcessLogger extends Logger {
  /** Writes out what is still held in memory. */
  flush(): void;
}

/** Takes whole lines, e.g. `process.stdout`. */
export interface LineSink {
  write(line: string): unknown;
}

/** What a log may be made of. */
export interface LoggerOptions {
  /** Stands in every entry as `service`. */
  readonly service: string;
  /** Default `info`. */
  readonly level?: LogLevel;
  /** Default: one JSON object a line, asynchronously to standard output. */
  readonly sink?: LineSink;
  /** Writes short lines for people instead of JSON; with colours if so. Default: JSON. */
  readonly people?: { readonly colours: boolean };
}

// When nobody reads standard output, entries beyond this are dropped rather than held.
const mostHeldBytes = 8 * 1024 * 1024;

/** Makes the log of a process: JSON lines with `level`, ISO `time`, `service`, the fields and `message`. */
export function createLogger(options: LoggerOptions): ProcessLogger {
  const output =
    options.sink === undefined ? destination({ dest: 1, sync: false, maxLength: mostHeldBytes }) : undefined;
  const sink = options.sink ?? (output as LineSink);
  const { people } = options;
  const log = pino(
    {
      level: options.level ?? "info",
      base: { service: options.service },
      messageKey: "message",
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    people === undefined ? sink : { write: (json) => sink.write(formatLine(json, people.colours)) },
  );
  const write = (level: Exclude<LogLevel, "silent">, fields: object, message: string) => {
    if (log.isLevelEnabled(level)) {
      log[level](redactFields(fields), redactText(message));
    }
  };
  return {
    debug: (fields, message) => write("debug", fields, message),
    info: (fields, message) => write("info", fields, message),
    warn: (fields, message) => write("warn", fields, message),
    error: (fields, message) => write("error", fields, message),
    flush: () => {
      try {
        output?.flushSync();
      } catch {
        // Nobody reads standard output any more.
      }
    },
  };
}
