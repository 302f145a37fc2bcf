import { describe, expect, it } from "vitest";
import { inferenceV1 } from "#contracts";
import { answers, FakeTransport, type Play, streams } from "../testing/fake-transport.ts";
import { TestRouting } from "../testing/test-routing.ts";

const answer = '{ "text": "hi",  "model" : "model-0001", "vendor_field": {"model": "kept"} }';
const chunk = (members: string) => `data: {${members}}\n\n`;
const events = [
  chunk('"role":"assistant", "model":"model-0001"'),
  chunk('"text":"he","model":"model-0001","vendor_field":[1.50]'),
  chunk('"text":"llo"'),
  chunk('"finish":"stop","model":"model-0001"'),
  chunk('"model":"model-0001","usage":{"inputTokens":4,"outputTokens":2}'),
  "data: [DONE]\n\n",
];
const saysAnswer: Play = (exchange) => {
  exchange.head(200, { "content-type": "application/json" });
  exchange.data(answer);
  exchange.end();
};

function openRouting(play: Play, echoEndpointName: boolean | undefined): TestRouting {
  const policy = echoEndpointName === undefined ? {} : { policy: { echoEndpointName } };
  return new TestRouting({
    transport: new FakeTransport(play),
    endpoints: [{ name: "chat", targets: [{ model: "one" }], ...policy }],
  });
}

const request = inferenceV1.ChatCompletionRequest.fromPartial({
  endpoint: "chat",
  messages: [{ role: inferenceV1.ChatRole.USER, content: [{ part: { $case: "text", value: "hi" } }] }],
});

async function readTypedModel(routing: TestRouting): Promise<string | undefined> {
  for await (const { event } of routing.inference.streamChatCompletion({ request })) {
    if (event?.$case === "start") {
      return event.value.model;
    }
  }
  return undefined;
}

describe("with echo_endpoint_name the model of an answer is the endpoint's name", () => {
  it("in one piece, every other byte as it came", async () => {
    const { body, trail } = await openRouting(saysAnswer, true).invoke();
    expect(body.toString()).toBe(answer.replace('"model-0001"', '"chat"'));
    expect(trail?.attempts[0]?.target).toBe("fake/one");
  });

  it("in every event of a stream, every other byte as it came", async () => {
    const { text } = await openRouting(streams(...events), true).readStream();
    const told = events.filter((event) => !event.includes("usage")).join("");
    expect(text).toBe(told.replaceAll('"model-0001"', '"chat"'));
  });

  it("in the usage event too, beside its trail", async () => {
    const members = { stream_options: { include_usage: true } };
    const { text } = await openRouting(streams(...events), true).readStream({ members });
    const usage = text.split("\n\n").find((event) => event.includes("usage")) ?? "";
    expect(JSON.parse(usage.slice("data: ".length))).toMatchObject({ model: "chat", spillway: { endpoint: "chat" } });
  });

  it("in typed answers", async () => {
    expect((await openRouting(saysAnswer, true).inference.chatCompletion(request)).model).toBe("chat");
    expect(await readTypedModel(openRouting(streams(...events), true))).toBe("chat");
  });

  it("while spans tell which model served", async () => {
    const routing = openRouting(saysAnswer, true);
    await routing.invoke();
    expect(routing.attemptSpans[0]?.attributes["gen_ai.response.model"]).toBe("model-0001");
  });
});

describe.each([undefined, false])(
  "with echo_endpoint_name %s the model of an answer is the one that served",
  (echo) => {
    it("in one piece, in a stream and typed", async () => {
      expect((await openRouting(saysAnswer, echo).invoke()).body.toString()).toBe(answer);
      expect((await openRouting(streams(...events), echo).readStream()).text).not.toContain('"chat"');
      expect(await readTypedModel(openRouting(streams(...events), echo))).toBe("model-0001");
      expect((await openRouting(answers(), echo).invoke()).body.toString()).toContain("model");
    });
  },
);
