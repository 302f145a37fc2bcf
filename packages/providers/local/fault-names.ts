import type { TransportFailure } from "../transport.ts";

/** What a model's name of the provider `fault` asks for. */
export type Fault =
  | { readonly kind: "status"; readonly status: number; readonly retryAfterSeconds: number | undefined }
  | { readonly kind: "slow"; readonly delayMs: number }
  | { readonly kind: "connect"; readonly failure: TransportFailure | undefined }
  | { readonly kind: "hang" }
  | { readonly kind: "reset" }
  | { readonly kind: "body"; readonly status: number; readonly contentType: string; readonly text: string }
  | { readonly kind: "cut"; readonly after: number; readonly by: "end" | "reset" | "hang" | "error" };

interface FaultName {
  /** As it is told to people. */
  readonly name: string;
  readonly pattern: RegExp;
  readonly toFault: (first: string, second: string | undefined) => Fault | undefined;
}

const page = "<html><body>This is no answer of a model.</body></html>";

const faultNames: readonly FaultName[] = [
  {
    name: "status-<400 to 599>[-retry-after-<seconds>]",
    pattern: /^status-(\d{3})(?:-retry-after-(\d{1,5}))?$/,
    toFault: (status, seconds) => toStatusFault(Number(status), seconds),
  },
  fixed("timeout", { kind: "hang" }),
  fixed("hang", { kind: "hang" }),
  fixed("connect-timeout", { kind: "connect", failure: undefined }),
  fixed("refuse", { kind: "connect", failure: "refused" }),
  fixed("dns", { kind: "connect", failure: "dns" }),
  fixed("tls", { kind: "connect", failure: "tls" }),
  fixed("reset", { kind: "reset" }),
  fixed("not-json", { kind: "body", status: 200, contentType: "text/plain", text: "This is no JSON." }),
  fixed("html", { kind: "body", status: 200, contentType: "text/html", text: page }),
  fixed("empty", { kind: "body", status: 200, contentType: "application/json", text: "" }),
  fixed("redirect", { kind: "body", status: 302, contentType: "text/html", text: page }),
  fixed("error-in-stream", { kind: "cut", after: 0, by: "error" }),
  cutAfter("truncate", "end"),
  cutAfter("reset", "reset"),
  cutAfter("hang", "hang"),
  cutAfter("error", "error"),
  {
    name: "slow-<n>ms",
    pattern: /^slow-(\d{1,6})ms$/,
    toFault: (delayMs) => ({ kind: "slow", delayMs: Number(delayMs) }),
  },
];

/**
 * The names that the provider `fault` knows. `timeout` and `hang` never answer, `connect-timeout` never connects. Those with a
 * number of words say that many and then stop: `truncate-after-3` ends cleanly without a finish reason, `reset-after-3` cuts the
 * connection, `hang-after-3` stands still, `error-after-3` sends an error event (`error-in-stream` as its first); asked without
 * a stream they do the same within, or instead of, the JSON. `slow-500ms` answers properly after that time.
 */
export const knownFaults: readonly string[] = faultNames.map(({ name }) => name);

/** What the name asks for; undefined when it is not known. */
export function findFault(model: string): Fault | undefined {
  for (const { pattern, toFault } of faultNames) {
    const match = pattern.exec(model);
    if (match !== null) {
      return toFault(match[1] ?? "", match[2]);
    }
  }
  return undefined;
}

function toStatusFault(status: number, seconds: string | undefined): Fault | undefined {
  const retryAfterSeconds = seconds === undefined ? undefined : Number(seconds);
  return status >= 400 && status <= 599 ? { kind: "status", status, retryAfterSeconds } : undefined;
}

function fixed(name: string, fault: Fault): FaultName {
  return { name, pattern: new RegExp(`^${name}$`), toFault: () => fault };
}

function cutAfter(name: string, by: "end" | "reset" | "hang" | "error"): FaultName {
  return {
    name: `${name}-after-<words>`,
    pattern: new RegExp(`^${name}-after-(\\d{1,4})$`),
    toFault: (after) => ({ kind: "cut", after: Number(after), by }),
  };
}
