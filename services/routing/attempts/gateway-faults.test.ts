import { beforeEach, describe, expect, it, vi } from "vitest";
import type { RpcError } from "#rpc";
import { TargetBreaker } from "../health/target-breaker.ts";
import { quickRetries } from "../testing/config-messages.ts";
import { expectSpansToTell, trailOf } from "../testing/expect-spans.ts";
import {
  answers,
  type FakeExchange,
  FakeTransport,
  hangs,
  type Play,
  refuses,
  streams,
} from "../testing/fake-transport.ts";
import { type HeldTime, holdTime } from "../testing/hold-time.ts";
import { inShort, TestRouting } from "../testing/test-routing.ts";

const policy = { retries: quickRetries(0), maxQueueWaitMs: 60_000 };
const limited = [{ model: "one", policy: { maxConcurrency: 1 } }];
const internal = { code: "INTERNAL", reason: "INTERNAL", metadata: { http_status: "500" } };
const streamsHello = streams('data: {"text":"hello"}\n\n', 'data: {"finish":"stop"}\n\n', "data: [DONE]\n\n");
const fault = (): never => {
  throw new Error("a bug");
};
const turn = () => new Promise((resolve) => setImmediate(resolve));

function route(...plays: Play[]) {
  const transport = new FakeTransport(...plays);
  return { transport, routing: new TestRouting({ transport, endpoints: [{ targets: limited, policy }] }) };
}

const failureOf = (answer: Promise<unknown>) => answer.catch((thrown: unknown) => thrown as RpcError);

let time: HeldTime;
beforeEach(() => {
  time = holdTime();
});

describe("a fault of the gateway itself", () => {
  it.each([
    ["in one piece", answers(), async (routing: TestRouting) => await failureOf(routing.invoke())],
    ["streamed", streamsHello, async (routing: TestRouting) => (await routing.readStream()).error],
  ])("once an attempt is over ends the request, logs why, and gives the place back (%s)", async (_how, play, ask) => {
    const { routing } = route(play);
    vi.spyOn(TargetBreaker.prototype, "report").mockImplementationOnce(fault);
    const error = await ask(routing);
    expect(error).toMatchObject(internal);
    expect((error as RpcError).message).not.toContain("a bug");
    expect(routing.logged).toContainEqual(expect.objectContaining({ level: "error" }));
    expectSpansToTell(routing, trailOf(error as RpcError));
    expect(await ask(routing)).not.toMatchObject(internal);
  });

  it("while a request enters from its queue ends that request alone", async () => {
    const { transport, routing } = route(hangs, answers());
    const first = routing.invoke();
    await expect.poll(() => transport.exchanges.length).toBe(1);
    const waiting = [failureOf(routing.invoke()), failureOf(routing.invoke())];
    await turn();
    vi.spyOn(TargetBreaker.prototype, "begin").mockImplementationOnce(fault);
    answers()(transport.exchanges[0] as FakeExchange);
    await first;
    const [faulty, served] = await time.passUntil(Promise.all(waiting));
    expect(faulty).toMatchObject(internal);
    expect(inShort((served as Awaited<typeof first>).trail)).toEqual(["1 fake/one 200 SERVED"]);
  });

  it("in a timer ends the request and not the process", async () => {
    const transport = new FakeTransport(refuses(500), answers());
    const retries = { max: 1, initialBackoffMs: 50, maxBackoffMs: 50 };
    const routing = new TestRouting({ transport, endpoints: [{ targets: [{ model: "one" }], policy: { retries } }] });
    const asked = failureOf(routing.invoke());
    for (let turns = 0; routing.attemptSpans.length === 0 && turns < 100; turns += 1) {
      await turn();
    }
    vi.spyOn(TargetBreaker.prototype, "begin").mockImplementationOnce(fault);
    const error = (await time.passUntil(asked)) as RpcError;
    expect(error).toMatchObject(internal);
    expect(inShort(trailOf(error))).toEqual(["1 fake/one 500 RETRY"]);
  });
});
