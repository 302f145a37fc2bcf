import type { Environment, Setting } from "./setting.ts";

/** Settings by the names that a program knows them by. */
export type SettingsTable = Readonly<Record<string, Setting<unknown>>>;

/** The values of a table of settings. */
export type SettingValues<Table> = {
  readonly [Name in keyof Table]: Table[Name] extends Setting<infer Value> ? Value : never;
};

/** Settings that cannot be used: every problem at once, each naming its variable, the form expected and the fix. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.problems = problems;
  }
}

/**
 * Reads a table of settings from environment variables. A variable that is unset or empty has its default. Throws one
 * `SettingsError` with all problems, those that `check` finds in the values together among them.
 */
export function readEnvironment<Table extends SettingsTable>(
  environment: Environment,
  table: Table,
  check?: (values: SettingValues<Table>) => readonly string[],
): SettingValues<Table> {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries(table)) {
    values[name] = readSetting(environment, setting, problems);
  }
  // A check sees defaults in the place of values that are wrong, so it adds problems and never hides one.
  if (check !== undefined) {
    problems.push(...check(values as SettingValues<Table>));
  }
  if (problems.length > 0) {
    throw new SettingsError(problems);
  }
  return values as SettingValues<Table>;
}

function readSetting(environment: Environment, setting: Setting<unknown>, problems: string[]): unknown {
  const text = environment[setting.variable]?.trim() ?? "";
  if (text === "") {
    if (setting.isRequired) {
      problems.push(`${setting.variable} is not set: set it to ${setting.form}`);
    }
    return setting.absent;
  }
  try {
    return setting.parse(text);
  } catch (error) {
    const shown = setting.isSecret ? "" : ` "${text.length > 80 ? `${text.slice(0, 80)}…` : text}"`;
    const orUnset = setting.isRequired ? "" : `, or unset it (default: ${setting.defaultText})`;
    problems.push(`${setting.variable}${shown} ${(error as Error).message}: set it to ${setting.form}${orUnset}`);
    return setting.absent;
  }
}
