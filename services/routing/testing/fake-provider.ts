import { errorsV1 } from "#contracts";
import type { CanonicalEvent, Provider, ProviderFailure, TokenUsage } from "#providers";

const { FailureClass } = errorsV1;

interface FakeChunk {
  readonly text?: string;
  readonly finish?: string;
  readonly usage?: TokenUsage;
  readonly model?: string;
  readonly error?: keyof typeof FailureClass;
  readonly retryAfterMs?: number;
}

/** A provider with a wire format of its own: enough to see what routing does with what a provider tells. */
export const fakeProvider: Provider = {
  id: "fake",
  authModes: [],
  needsBaseUrl: false,
  transport: "http",
  buildRequest: (call) => ({
    method: "POST",
    origin: call.baseUrl ?? "http://fake.test:8080",
    path: "/chat",
    headers: { ...call.headers, "x-key": call.secret.api_key ?? "" },
    body: Buffer.from(JSON.stringify({ model: call.model, stream: call.stream, original: call.body.bytes.toString() })),
  }),
  readResponse: (body) => {
    try {
      const { text, usage, model, error, retryAfterMs } = JSON.parse(body.toString()) as FakeChunk;
      const failureClass = FailureClass[error ?? "PROVIDER_BAD_RESPONSE"];
      return text === undefined
        ? {
            kind: "failure",
            failure: { failureClass, status: 200, ...(retryAfterMs !== undefined && { retryAfterMs }) },
          }
        : { kind: "answer", body, usage, model, finishReasons: ["stop"] };
    } catch {
      return { kind: "failure", failure: { failureClass: FailureClass.PROVIDER_BAD_RESPONSE, status: 200 } };
    }
  },
  createStreamDecoder: () => {
    let held = "";
    let isFinished = false;
    const toEvents = (lines: readonly string[]): CanonicalEvent[] =>
      lines.map((line) => {
        const event = toEvent(line);
        isFinished ||= event.isFinished;
        return { ...event, isFinished };
      });
    return {
      push: (chunk) => {
        const lines = (held + chunk.toString()).split("\n\n");
        held = lines.pop() ?? "";
        return toEvents(lines);
      },
      end: () => (held.includes('"finish"') ? toEvents([held]) : []),
      get hasWholeChoices() {
        return isFinished;
      },
    };
  },
  classify: ({ status, headers, body }) => toFailure(status, headers["retry-after-ms"], body.toString()),
};

function toEvent(line: string): CanonicalEvent {
  const isDone = line === "data: [DONE]";
  const isKeepAlive = line.startsWith(":");
  const chunk = (isDone || isKeepAlive ? {} : JSON.parse(line.slice("data: ".length))) as FakeChunk;
  return {
    bytes: Buffer.from(isDone ? "" : `${line}\n\n`),
    isOutput: (chunk.text ?? "") !== "",
    isFinished: chunk.finish !== undefined,
    isDone,
    isUsageOnly: chunk.usage !== undefined && chunk.text === undefined && chunk.finish === undefined,
    isKeepAlive,
    usage: chunk.usage,
    model: chunk.model,
    finishReasons: chunk.finish === undefined ? [] : [chunk.finish],
    failure: chunk.error === undefined ? undefined : { failureClass: FailureClass[chunk.error], status: 200 },
  };
}

const classes: Readonly<Record<number, errorsV1.FailureClass>> = {
  400: FailureClass.CALLER_INVALID_REQUEST,
  401: FailureClass.PROVIDER_CREDENTIALS_REJECTED,
  404: FailureClass.PROVIDER_MODEL_NOT_FOUND,
  413: FailureClass.CALLER_CONTEXT_LENGTH_EXCEEDED,
  422: FailureClass.CALLER_INVALID_REQUEST,
  429: FailureClass.PROVIDER_RATE_LIMITED,
  451: FailureClass.CALLER_CONTENT_POLICY,
  503: FailureClass.PROVIDER_OVERLOADED,
};

function toFailure(status: number, retryAfter: string | string[] | undefined, message: string): ProviderFailure {
  const failureClass = classes[status] ?? FailureClass.PROVIDER_ERROR;
  return {
    failureClass,
    status,
    ...(typeof retryAfter === "string" ? { retryAfterMs: Number(retryAfter) } : {}),
    ...([400, 413, 422, 451].includes(status)
      ? { callerError: { message, type: "invalid_request_error", code: "bad", param: "messages" } }
      : {}),
  };
}
