import { callRouting, routingHelp } from "./call-routing.ts";
import type { Command, CommandHost } from "./command.ts";
import { formatTargets, toTargetsJson } from "./format-targets.ts";
import { listTargets } from "./list-targets.ts";
import { readArguments, routingOptions } from "./read-arguments.ts";
import { UsageError } from "./usage-error.ts";

const help = `Usage: spillway targets [options]

Shows every target of the configuration in force and its health, as the routing process that is asked knows it.

Options
${routingHelp}`;

/** `spillway targets`: the health of every target. */
export const targetsCommand: Command = {
  name: "targets",
  summary: "Show the health of every target.",
  help,
  run: runTargets,
};

async function runTargets(argumentTexts: readonly string[], host: CommandHost): Promise<void> {
  const { positionals, values } = readArguments(argumentTexts, routingOptions);
  if (positionals.length > 0) {
    throw new UsageError(`no arguments are taken, not ${positionals.join(", ")}`);
  }
  const targets = await callRouting(host, values.address, listTargets);
  host.write(values.json === true ? toTargetsJson(targets) : formatTargets(targets));
}
