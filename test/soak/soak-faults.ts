import { setTimeout as sleep } from "node:timers/promises";
import {
  chatChunk,
  chatCompletion,
  chatStream,
  errorStep,
  htmlStep,
  sseEvent,
  type UpstreamStep,
} from "../harness/scripted-upstream.ts";
import type { ScenarioRequest } from "../scenarios/scenario.ts";

const stream = { stream: true } as const;
const text = (content: string) => sseEvent(chatChunk("scripted-model", { content }, null));
const fromSteady = '200 "Hello from upstream" stop';
const large = text("x".repeat(32 * 1024));

/** One kind of request in the mix. */
export interface SoakFault {
  readonly name: string;
  /** Of a thousand requests so many. */
  readonly share: number;
  /** Endpoint that is asked; `mixed` goes on to a healthy target. */
  readonly endpoint: "mixed" | "hedged";
  readonly request: ScenarioRequest & { readonly pauseMs?: number };
  /** What the first target does. */
  readonly step: UpstreamStep;
  /** What the caller sees, in the words of scenarios. */
  readonly sees: string;
}

const unary = { endpoint: "mixed", request: {}, sees: fromSteady } as const;
const streamed = { endpoint: "mixed", request: stream, sees: `${fromSteady} [DONE]` } as const;

/** The mix: most is well, everything that goes wrong does so often enough to leak if it leaks. */
export const soakFaults: readonly SoakFault[] = [
  { ...unary, name: "healthy", share: 300, step: chatCompletion() },
  { ...streamed, name: "healthy stream", share: 280, step: { ...chatStream(), pieceGapMs: 2 } },
  { ...unary, name: "500", share: 40, step: errorStep(500) },
  { ...unary, name: "rate limit", share: 30, step: errorStep(429) },
  { ...unary, name: "page", share: 20, step: htmlStep(502) },
  { ...unary, name: "cut body", share: 30, step: { ...chatCompletion(), cut: { afterBytes: 40, by: "reset" } } },
  { ...unary, name: "drop", share: 30, step: { drop: "close" } },
  { ...unary, name: "hang", share: 20, step: { hang: "before_head" } },
  {
    ...streamed,
    name: "error in a 200",
    share: 30,
    step: { ...chatStream(), body: [sseEvent({ error: { message: "no", type: "overloaded_error" } })] },
  },
  {
    ...streamed,
    name: "cut before output",
    share: 40,
    step: { ...chatStream(), cut: { afterBytes: 200, by: "close" } },
  },
  { ...streamed, name: "silent stream", share: 20, step: { ...chatStream(), body: [], hang: "after_head" } },
  {
    ...streamed,
    name: "cut after output",
    share: 40,
    step: { ...chatStream({ words: ["Hel"], finishReason: null, done: false }), pieceGapMs: 1 },
    sees: '200 "Hel" error:stream_broken',
  },
  {
    ...streamed,
    name: "silence after output",
    share: 20,
    step: { ...chatStream(), body: [text("Hel")], hang: "after_body" },
    sees: '200 "Hel" error:stream_broken',
  },
  {
    ...streamed,
    name: "caller leaves",
    share: 40,
    request: { stream: true, leaves: "after output" },
    step: { ...chatStream(), body: [text("Hello")], repeat: { piece: text("!"), everyMs: 20 } },
    sees: "left",
  },
  {
    ...streamed,
    name: "slow reader",
    share: 10,
    request: { stream: true, pauseMs: 20 },
    step: {
      ...chatStream(),
      body: [...Array.from({ length: 64 }, () => large), sseEvent(chatChunk("m", {}, "stop")), sseEvent("[DONE]")],
    },
    sees: '200 "xxx*" stop [DONE]',
  },
  { ...unary, endpoint: "hedged", name: "hedge", share: 50, step: { ...chatCompletion(), headDelayMs: 300 } },
];

/** The fault whose turn it is: every thousand requests have the whole mix, well mixed. */
export function faultOf(requestNumber: number): SoakFault {
  // 617 has no factor in common with 1000, so each residue comes once in a thousand.
  let place = (requestNumber * 617) % 1000;
  for (const fault of soakFaults) {
    place -= fault.share;
    if (place < 0) {
      return fault;
    }
  }
  throw new Error("the shares must sum to 1000");
}

/** Resolves at the time of a request that is made at a fixed rate, whatever became of those before. */
export async function untilDue(startedAtMs: number, requestNumber: number, perSecond: number): Promise<void> {
  const waitMs = startedAtMs + (requestNumber * 1000) / perSecond - performance.now();
  if (waitMs > 0) {
    await sleep(waitMs);
  }
}
