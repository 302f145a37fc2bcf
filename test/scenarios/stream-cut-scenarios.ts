import { type CutKind, chatStream } from "../harness/upstream-steps.ts";
import { type Scenario, servedBy } from "./scenario.ts";

const pieces = (chatStream().body ?? []).map(String);
/** Bytes until the end of so many events: role, `Hello`, ` from`, ` upstream`, finish, `[DONE]`. */
const endOf = (count: number): number => Buffer.byteLength(pieces.slice(0, count).join(""));

const fromB = {
  sees: '200 "Hello from b" stop [DONE]',
  calls: ["a ended", "b ended"],
  trail: ["1 a PROVIDER_STREAM_TRUNCATED 200 next", servedBy("b", 2)],
};
const broken = (text: string) => ({
  sees: `200 ${JSON.stringify(text)} error:stream_broken`,
  calls: ["a ended"],
  trail: ["1 a PROVIDER_STREAM_TRUNCATED 200 stop"],
});
const whole = { sees: '200 "Hello from upstream" stop [DONE]', calls: ["a ended"], trail: [servedBy("a")] };

/** Where a stream is cut, and what is seen of it. */
const places: readonly (readonly [name: string, afterBytes: number, seen: typeof fromB])[] = [
  ["at-once", 0, fromB],
  ["after-1-byte", 1, fromB],
  ["within-role", 40, fromB],
  ["after-role", endOf(1), fromB],
  ["within-first-output", endOf(1) + 60, fromB],
  ["before-blank-line-of-output", endOf(2) - 1, fromB],
  ["after-first-output", endOf(2), broken("Hello")],
  ["within-second-output", endOf(2) + 30, broken("Hello")],
  ["after-all-output", endOf(4), broken("Hello from upstream")],
  ["within-finish", endOf(4) + 30, broken("Hello from upstream")],
  ["after-finish", endOf(5), whole],
  ["within-done", endOf(5) + 8, whole],
];

const kinds: readonly CutKind[] = ["end", "close", "reset"];

/** A stream that stops at any byte, in any way. */
export const streamCutScenarios: readonly Scenario[] = places.flatMap(([name, afterBytes, seen]) =>
  kinds.map((by) => ({
    id: `stream-cut-${name}-by-${by}`,
    request: { stream: true },
    targets: { a: { steps: [{ ...chatStream(), cut: { afterBytes, by } }] }, b: {} },
    ...seen,
  })),
);
