import { readFile } from "node:fs/promises";
import { inferenceV1 } from "#contracts";
import { callRouting, routingHelp } from "./call-routing.ts";
import type { Command, CommandHost } from "./command.ts";
import { formatExplanation, toExplanationJson } from "./format-explanation.ts";
import { readArguments, routingOptions } from "./read-arguments.ts";
import { UsageError } from "./usage-error.ts";

const help = `Usage: spillway explain ENDPOINT [options]

Shows the chain that a request to the endpoint would get now: which targets, in which order, with which probability, and
why. No provider is called.

Options
  --request FILE       The request's body as an OpenAI chat request; - reads standard input.
  --header NAME=VALUE  A header of the request; may be given several times.
  --draw NUMBER        The random number that decides the draw, from 0 up to but not 1. Default: drawn.
${routingHelp}`;

/** `spillway explain`: the chain that a request would get now. */
export const explainCommand: Command = {
  name: "explain",
  summary: "Show the chain that a request to an endpoint would get now, and why.",
  help,
  run: runExplain,
};

async function runExplain(argumentTexts: readonly string[], host: CommandHost): Promise<void> {
  const { endpoint, values } = readExplainArguments(argumentTexts);
  const request = {
    endpoint,
    dialect: inferenceV1.Dialect.OPENAI_CHAT,
    body: await readRequest(values.request, host),
    headers: readHeaders(values.header ?? []),
    draw: readDraw(values.draw),
  };
  const response = await callRouting(host, values.address, ({ routing, context }) =>
    routing.resolveChain(request, context),
  );
  host.write(values.json === true ? toExplanationJson(response) : formatExplanation(endpoint, response));
}

function readExplainArguments(argumentTexts: readonly string[]) {
  const { positionals, values } = readArguments(argumentTexts, {
    ...routingOptions,
    request: { type: "string" },
    header: { type: "string", multiple: true },
    draw: { type: "string" },
  });
  const [endpoint, ...rest] = positionals;
  if (endpoint === undefined) {
    throw new UsageError("name the endpoint: spillway explain ENDPOINT");
  }
  if (rest.length > 0) {
    throw new UsageError(`one endpoint at a time, not also ${rest.join(", ")}`);
  }
  return { endpoint, values };
}

async function readRequest(path: string | undefined, host: CommandHost): Promise<Buffer> {
  if (path === undefined) {
    return Buffer.alloc(0);
  }
  if (path === "-") {
    return host.readInput();
  }
  try {
    return await readFile(path);
  } catch (error) {
    throw new UsageError(`--request ${path}: ${(error as Error).message}`);
  }
}

function readHeaders(texts: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const text of texts) {
    const separator = text.indexOf("=");
    if (separator < 1) {
      throw new UsageError(`--header ${text}: write NAME=VALUE`);
    }
    headers[text.slice(0, separator).toLowerCase()] = text.slice(separator + 1);
  }
  return headers;
}

function readDraw(text: string | undefined): number | undefined {
  if (text === undefined) {
    return undefined;
  }
  const draw = Number(text);
  if (text.trim() === "" || !(draw >= 0 && draw < 1)) {
    throw new UsageError(`--draw ${text}: give a number from 0 up to but not 1`);
  }
  return draw;
}
