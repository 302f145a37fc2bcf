import { type Agent, type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { ScenarioRequest } from "./scenario.ts";

/** What a caller got. */
export interface CallerAnswer {
  /** 0 when no head came. */
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Whether the body ended as HTTP says that it must. */
  readonly isWhole: boolean;
  readonly hasLeft: boolean;
}

/** Where and how to ask. */
export interface CallerOrder extends ScenarioRequest {
  readonly origin: string;
  readonly endpoint: string;
  readonly apiKey: string;
  /** Resolves when the upstream has the call. */
  readonly whenCalled: Promise<unknown>;
  /** Ends the call from outside. */
  readonly signal?: AbortSignal;
  /** Whose connections to use. Default: one for this call alone. */
  readonly agent?: Agent;
  /** How long to wait after each piece of the body. */
  readonly pauseMs?: number;
}

/** Makes one chat request. Never rejects: a broken connection is an answer too. */
export async function callSpillway(order: CallerOrder): Promise<CallerAnswer> {
  const { promise, resolve } = Promise.withResolvers<CallerAnswer>();
  const body = JSON.stringify({
    model: order.endpoint,
    messages: [{ role: "user", content: "Does it come back?" }],
    ...(order.stream === true && { stream: true }),
    ...order.members,
  });
  const call = request(`${order.origin}/v1/chat/completions`, {
    method: "POST",
    agent: order.agent ?? false,
    headers: { "content-type": "application/json", authorization: `Bearer ${order.apiKey}`, ...order.headers },
  });
  const seen = { status: 0, headers: {} as IncomingHttpHeaders, body: "", isWhole: false, hasLeft: false };
  const leave = () => {
    seen.hasLeft = true;
    call.destroy();
  };
  call.on("error", () => resolve(seen));
  call.on("response", (response) => void readAnswer({ order, leave }, response, seen).then(() => resolve(seen)));
  order.signal?.addEventListener("abort", leave);
  if (typeof order.leaves === "number") {
    void order.whenCalled.then(leave);
  }
  call.end(body);
  return promise;
}

type Seen = { -readonly [Name in keyof CallerAnswer]: CallerAnswer[Name] };

async function readAnswer(
  { order, leave }: { readonly order: CallerOrder; readonly leave: () => void },
  response: IncomingMessage,
  seen: Seen,
): Promise<void> {
  seen.status = response.statusCode ?? 0;
  seen.headers = response.headers;
  if (order.readsAfterMs !== undefined) {
    await sleep(order.readsAfterMs);
  }
  const pieces: Buffer[] = [];
  try {
    for await (const piece of response) {
      pieces.push(piece as Buffer);
      if (order.pauseMs !== undefined) {
        await sleep(order.pauseMs);
      }
      if (order.leaves === "after output" && (piece as Buffer).includes("Hello")) {
        leave();
      }
    }
    seen.isWhole = response.complete;
  } catch {
    seen.isWhole = false;
  }
  seen.body = Buffer.concat(pieces).toString();
}
