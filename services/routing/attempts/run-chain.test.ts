import { describe, expect, it } from "vitest";
import { quickRetries } from "../testing/config-messages.ts";
import { answers, FakeTransport, refuses } from "../testing/fake-transport.ts";
import { inShort, TestRouting } from "../testing/test-routing.ts";

describe("a chain of two targets", () => {
  const endpoints = [
    { targets: [{ model: "one" }, { model: "two", fallback: 1 }], policy: { retries: quickRetries(1) } },
  ];

  it("is answered by the first when it serves", async () => {
    const transport = new FakeTransport(answers("hello"));
    const routing = new TestRouting({ transport, endpoints });
    const { body, trail } = await routing.invoke();
    expect(JSON.parse(body.toString())).toMatchObject({ text: "hello" });
    expect(inShort(trail)).toEqual(["1 fake/one 200 SERVED"]);
    expect(transport.models).toEqual(["one"]);
  });

  it("retries an overloaded target and then falls back", async () => {
    const transport = new FakeTransport(refuses(503), refuses(503), answers());
    const routing = new TestRouting({ transport, endpoints });
    const { trail } = await routing.invoke();
    expect(inShort(trail)).toEqual(["1 fake/one 503 RETRY", "2 fake/one 503 NEXT", "3 fake/two 200 SERVED"]);
  });
});
