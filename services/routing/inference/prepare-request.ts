import type { Tracer } from "@opentelemetry/api";
import { inferenceV1 } from "#contracts";
import { type ChatBody, deadlineHeader, isBodyFault, parseDeadlineMs, scanChatBody } from "#dialects";
import { type CallContext, invalidFields } from "#rpc";
import type { ChainRequest, Engine } from "../attempts/chain-request.ts";
import { toExpressionFacts } from "../chain/expression-facts.ts";
import { resolveChain } from "../chain/resolve-chain.ts";
import { findEndpoint, type Gate } from "../gate/gate.ts";
import { configUnavailable, invalidBody } from "../request-errors.ts";
import type { CallerKey, Snapshot } from "../snapshot/snapshot.ts";
import { startRequestSpan } from "../telemetry/request-span.ts";

/** What every call of a request needs of the service. */
export interface RequestIntake {
  readonly engine: Engine;
  readonly gate: Gate;
  readonly tracer: Tracer;
  /** The configuration in force; undefined while there is none. */
  currentSnapshot(): Snapshot | undefined;
}

/** A request as it came, of any dialect. */
export interface IncomingRequest {
  readonly endpoint: string;
  readonly dialect: inferenceV1.Dialect;
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, string>>;
  /** Whether the caller's method streams its answer. */
  readonly stream: boolean;
}

/** Who calls, and under which configuration. */
export interface Admission {
  readonly snapshot: Snapshot;
  readonly key: CallerKey | undefined;
}

// The dialect's own headers that a provider may get; nothing else of the caller's reaches one.
const passedHeader = "openai-beta";
const sendable = /^[\t\x20-\x7e\x80-\xff]*$/;
const noHeaders: Readonly<Record<string, string>> = Object.freeze({});

/** Lets a caller in. Throws UNAUTHENTICATED, or UNAVAILABLE while there is no configuration. */
export function admit(intake: RequestIntake, context: CallContext | undefined): Admission {
  const snapshot = intake.currentSnapshot();
  if (snapshot === undefined) {
    throw configUnavailable();
  }
  return { snapshot, key: intake.gate.authenticate(snapshot, context?.metadata?.authorization) };
}

/** Checks a request and makes it ready to be run; its span is started. Throws `RpcError` with what the caller did wrong. */
export function prepareRequest(
  intake: RequestIntake,
  incoming: IncomingRequest,
  context: CallContext | undefined,
): ChainRequest {
  const { engine } = intake;
  const startedAtMs = engine.clock.monotonicMs();
  const { snapshot, key } = admit(intake, context);
  const endpoint = findEndpoint(snapshot, key, incoming.endpoint);
  const body = readBody(incoming);
  const callerDeadlineAtMs = startedAtMs + readCallerDeadline(engine, incoming, context);
  const headers = toPassedHeaders(incoming.headers);
  const draw = engine.random();
  const expressions = endpoint.readsRequest ? toExpressionFacts(endpoint.name, key, { ...incoming, body }) : undefined;
  const chain = resolveChain(endpoint, { draw, nowMs: startedAtMs, expressions });
  // Nothing may fail from here on: only the run ends a span.
  const span = startRequestSpan(
    { tracer: intake.tracer, clock: engine.clock, endpoint: endpoint.name, revision: snapshot.revision },
    context?.traceContext,
  );
  span?.recordChain(endpoint, chain, draw);
  return {
    snapshot,
    endpoint,
    chain,
    body,
    stream: incoming.stream,
    requestId: incoming.headers["x-request-id"],
    headers,
    startedAtMs,
    deadlineAtMs: Math.min(startedAtMs + endpoint.policy.deadlineMs, callerDeadlineAtMs),
    callerDeadlineAtMs,
    span,
    traceContext: context?.traceContext,
  };
}

function readBody(incoming: IncomingRequest): ChatBody {
  if (incoming.dialect !== inferenceV1.Dialect.OPENAI_CHAT) {
    throw invalidFields([{ field: "dialect", description: "must be DIALECT_OPENAI_CHAT" }]);
  }
  const body = scanChatBody(incoming.body);
  if (isBodyFault(body)) {
    throw invalidBody(body.message, body.param);
  }
  if (body.stream !== incoming.stream) {
    throw invalidBody(
      incoming.stream
        ? "Invalid 'stream': this method streams its answer, so it must be true."
        : "Invalid 'stream': this method answers in one piece, so it must not be true.",
      "stream",
    );
  }
  return body;
}

/** Milliseconds from now to the earlier of the call's own deadline and the one of the caller's header; infinite for none. */
function readCallerDeadline(engine: Engine, incoming: IncomingRequest, context: CallContext | undefined): number {
  const afterMs =
    context?.deadlineAtMs === undefined ? Number.POSITIVE_INFINITY : context.deadlineAtMs - engine.clock.epochMs();
  const header = incoming.headers[deadlineHeader];
  if (header === undefined) {
    return afterMs;
  }
  const headerMs = parseDeadlineMs(header);
  if (headerMs === undefined) {
    throw invalidFields([
      { field: `headers[${deadlineHeader}]`, description: "must be a positive whole number of milliseconds" },
    ]);
  }
  return Math.min(afterMs, headerMs);
}

function toPassedHeaders(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const value = headers[passedHeader];
  if (value === undefined) {
    return noHeaders;
  }
  if (!sendable.test(value)) {
    throw invalidFields([{ field: `headers[${passedHeader}]`, description: "holds what no HTTP header may hold" }]);
  }
  return { [passedHeader]: value };
}
