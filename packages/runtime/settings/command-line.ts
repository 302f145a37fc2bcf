import { parseArgs } from "node:util";
import { SettingsError, type SettingsTable, type SettingValues } from "./read-environment.ts";

/** What a program says of itself, and what it takes. */
export interface CommandLine<Table extends SettingsTable = SettingsTable> {
  /** How it is called, e.g. `npm run start:edge`. */
  readonly name: string;
  /** What it does and where it listens, in a few lines. */
  readonly about: string;
  /** Arguments with a value, by name without dashes. */
  readonly options: Readonly<Record<string, { readonly value: string; readonly description: string }>>;
  readonly settings: Table;
  /** Problems that the values have together, each naming its variable. */
  readonly check?: (values: SettingValues<Table>) => readonly string[];
}

/** What was asked of a program. */
export interface CommandLineArguments {
  /** `--help` was among the arguments. */
  readonly help: boolean;
  /** Values of the options that were given, by name. */
  readonly values: Readonly<Record<string, string>>;
}

/** Reads the arguments that follow the program's name; throws `SettingsError` for whatever the program does not take. */
export function readArguments(
  argumentTexts: readonly string[],
  commandLine: Pick<CommandLine, "name" | "options">,
): CommandLineArguments {
  const names = Object.keys(commandLine.options);
  try {
    const { values } = parseArgs({
      args: [...argumentTexts],
      options: {
        help: { type: "boolean", short: "h" },
        ...Object.fromEntries(names.map((name) => [name, { type: "string" as const }])),
      },
      strict: true,
      allowPositionals: false,
    });
    const texts: Record<string, string> = {};
    for (const name of names) {
      const value = (values as Record<string, unknown>)[name];
      if (value === "") {
        throw new Error(`--${name} needs a value`);
      }
      if (typeof value === "string") {
        texts[name] = value;
      }
    }
    return { help: values.help === true, values: texts };
  } catch (error) {
    const reason = (error as Error).message.split(/[.\n]/)[0];
    throw new SettingsError([`${reason}: ${commandLine.name} takes ${["help", ...names].map(dashed).join(", ")}`]);
  }
}

/** What `--help` prints: what the program does, its arguments, its environment variables with defaults. */
export function formatHelp({ name, about, options, settings }: Omit<CommandLine, "check">): string {
  const taken = Object.entries(options);
  const rows = [
    ...taken.map(([option, { value, description }]) => [`--${option} ${value}`, description] as const),
    ["--help", "Show this."] as const,
  ];
  const variables = Object.values(settings).map(
    ({ variable, description, defaultText }) => [variable, `${description} [${defaultText}]`] as const,
  );
  const usage = taken.map(([option, { value }]) => ` [--${option} ${value}]`).join("");
  const separator = name.startsWith("npm ") && taken.length > 0 ? " --" : "";
  return [
    `Usage: ${name}${separator}${usage}`,
    "",
    about,
    "",
    "Arguments",
    ...formatRows(rows),
    "",
    "Environment variables [default]",
    ...formatRows(variables),
    "",
  ].join("\n");
}

function formatRows(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}

function dashed(name: string): string {
  return `--${name}`;
}
