import { type Attributes, SpanStatusCode } from "@opentelemetry/api";
import type { ReadableSpan, TimedEvent } from "@opentelemetry/sdk-trace";

/** What a tree shows of one span. */
export interface SpanDescription {
  readonly label: string;
  /** Of an attempt, the part that its target plays; else empty. */
  readonly part: string;
  readonly outcome: "served" | "failed" | "neutral";
  /** What is worth knowing, in a few words. */
  readonly detail: string;
  /** Lines of their own under the span, e.g. targets that were skipped. */
  readonly notes: readonly string[];
  readonly isAttempt: boolean;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: a name from outside must not steer the terminal.
const controls = /[\u0000-\u001f\u007f-\u009f]/g;
const mostNotes = 8;

/** Says what one span did, by the attributes that it carries; spans of any other kind show their name and error. */
export function describeSpan(span: ReadableSpan): SpanDescription {
  const { attributes } = span;
  if (attributes["spillway.attempt.number"] !== undefined) {
    return describeAttempt(attributes);
  }
  return {
    label: clean(span.name),
    part: "",
    outcome: span.status.code === SpanStatusCode.ERROR ? "failed" : "neutral",
    detail: join([
      text(attributes, "http.response.status_code"),
      text(attributes, "rpc.status_code"),
      describeOutcome(attributes),
      describeChain(attributes),
    ]),
    notes: span.events.slice(0, mostNotes).map(describeEvent),
    isAttempt: false,
  };
}

function describeAttempt(attributes: Attributes): SpanDescription {
  const decision = text(attributes, "spillway.attempt.decision");
  const isServed = decision === "served" && attributes["error.type"] === undefined;
  const target = join([text(attributes, "gen_ai.provider.name"), text(attributes, "gen_ai.request.model")], "/");
  return {
    label: `${text(attributes, "spillway.attempt.number")} ${target}`,
    part: partPlayed(attributes),
    outcome: isServed ? "served" : "failed",
    detail: isServed
      ? join([decision, firstChunk(attributes), usage(attributes, "gen_ai.usage")])
      : `${failure(attributes)} → ${decision}`,
    notes: [],
    isAttempt: true,
  };
}

function partPlayed(attributes: Attributes): string {
  const index = text(attributes, "spillway.attempt.fallback_index");
  const role = text(attributes, "spillway.target.role").toLowerCase();
  const part = index === "" || index === "0" ? role : `fallback ${index}`;
  return attributes["spillway.attempt.retry"] === true ? `${part}, retry` : part;
}

function failure(attributes: Attributes): string {
  const errorType = text(attributes, "error.type");
  const failureClass = text(attributes, "spillway.attempt.failure_class");
  // Of an answer the type is its status; else it says no more than the class.
  return failureClass === "" || /^\d+$/.test(errorType) ? join([errorType, failureClass], " ") : failureClass;
}

function firstChunk(attributes: Attributes): string {
  const seconds = attributes["gen_ai.response.time_to_first_chunk"];
  return typeof seconds === "number" ? `first token ${(seconds * 1000).toFixed(1)} ms` : "";
}

function usage(attributes: Attributes, prefix: string): string {
  const input = attributes[`${prefix}.input_tokens`];
  const output = attributes[`${prefix}.output_tokens`];
  return input === undefined && output === undefined ? "" : `${input ?? "?"} tokens in, ${output ?? "?"} out`;
}

function describeOutcome(attributes: Attributes): string {
  const attempts = attributes["spillway.attempts"];
  if (typeof attempts !== "number") {
    return "";
  }
  const count = attempts === 1 ? "1 attempt" : `${attempts} attempts`;
  const served = text(attributes, "spillway.served.target");
  if (served === "") {
    return join([text(attributes, "spillway.outcome"), count]);
  }
  return `${served} served, ${count}${attributes["spillway.fallback.used"] === true ? ", fell back" : ""}`;
}

function describeChain(attributes: Attributes): string {
  if (attributes["spillway.attempts"] !== undefined) {
    return "";
  }
  const targets = attributes["spillway.chain.targets"];
  const rule = text(attributes, "spillway.chain.rule");
  const revision = text(attributes, "spillway.config.revision");
  return join([
    Array.isArray(targets) ? targets.map((target) => clean(String(target))).join(" → ") : "",
    rule === "" ? "" : `rule ${rule}`,
    revision === "" ? "" : `revision ${revision}`,
  ]);
}

function describeEvent({ name, attributes = {} }: TimedEvent): string {
  const values = Object.keys(attributes).map((key) => text(attributes, key));
  return `${clean(name).replaceAll("_", " ")}: ${join(values)}`;
}

function text(attributes: Attributes, name: string): string {
  const value = attributes[name];
  return value === undefined ? "" : clean(String(value));
}

function clean(value: string): string {
  return value.replaceAll(controls, "�").slice(0, 200);
}

function join(parts: readonly string[], separator = " · "): string {
  return parts.filter((part) => part !== "").join(separator);
}
