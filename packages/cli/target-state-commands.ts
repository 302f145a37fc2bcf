import { routingV1 } from "#contracts";
import { callRouting, routingHelp } from "./call-routing.ts";
import type { Command, CommandHost } from "./command.ts";
import { formatTargets, toTargetsJson } from "./format-targets.ts";
import { findTargetId } from "./list-targets.ts";
import { readArguments, routingOptions } from "./read-arguments.ts";
import { UsageError } from "./usage-error.ts";

/** `spillway drain`: takes a target out of service. */
export const drainCommand = createStateCommand({
  name: "drain",
  state: routingV1.TargetState.DRAINED,
  summary: "Take a target out of service by hand.",
  about: `Takes a target out of service: requests go to others, unless all targets of a chain are drained. It holds in the routing
process that is asked, through changes of the configuration, until it is enabled or the process ends.`,
});

/** `spillway enable`: takes a target back into service. */
export const enableCommand = createStateCommand({
  name: "enable",
  state: routingV1.TargetState.ENABLED,
  summary: "Take a target back into service.",
  about: "Takes a target back into service with nothing held against it: it no longer cools, and its breaker closes.",
});

interface StateCommand extends Pick<Command, "name" | "summary"> {
  readonly state: routingV1.TargetState;
  /** What the help says of it. */
  readonly about: string;
}

function createStateCommand({ name, state, summary, about }: StateCommand): Command {
  const help = `Usage: spillway ${name} TARGET [options]

${about}

TARGET is an id that spillway targets shows, or provider/model where that means only one target.

Options
${routingHelp}`;
  return { name, summary, help, run };

  async function run(argumentTexts: readonly string[], host: CommandHost): Promise<void> {
    const { positionals, values } = readArguments(argumentTexts, routingOptions);
    const [named, ...rest] = positionals;
    if (named === undefined) {
      throw new UsageError(`name the target: spillway ${name} TARGET`);
    }
    if (rest.length > 0) {
      throw new UsageError(`one target at a time, not also ${rest.join(", ")}`);
    }
    const { target } = await callRouting(host, values.address, async (calls) => {
      const targetId = await findTargetId(calls, named);
      return calls.routing.setTargetState({ targetId, state }, calls.context);
    });
    const targets = target === undefined ? [] : [target];
    host.write(values.json === true ? toTargetsJson(targets) : formatTargets(targets));
  }
}
