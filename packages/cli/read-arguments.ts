import { type ParseArgsConfig, parseArgs } from "node:util";
import { UsageError } from "./usage-error.ts";

/** Options of every command that asks the routing service. */
export const routingOptions = { address: { type: "string" }, json: { type: "boolean" } } as const;

/** Reads options and positional arguments; throws `UsageError` for what the command does not take. */
export function readArguments<const Options extends NonNullable<ParseArgsConfig["options"]>>(
  argumentTexts: readonly string[],
  options: Options,
) {
  try {
    return parseArgs({ args: [...argumentTexts], allowPositionals: true, options });
  } catch (error) {
    throw new UsageError((error as Error).message.split("\n")[0]);
  }
}
