import { expect, test } from "vitest";
import { Topology, topologyKinds } from "./topology.ts";

const model = "org/big model:free, 50%é";
const config = `version: 1
models: [{ name: odd, provider: echo, model: "${model}" }, { name: broken, provider: fault, model: status-503 }]
endpoints:
  - { name: chat, primary: [{ model: broken }], fallback: [{ model: odd }], policy: { retries: { max: 0 } } }
keys: [{ name: test, value: sk-test-of-model-names }]
`;

test.each(topologyKinds)("a model's name is encoded once on its way through Spillway as %s", async (kind) => {
  await using spillway = await Topology.start(kind, { config });
  const answer = await fetch(`${spillway.origin}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: "Bearer sk-test-of-model-names", "content-type": "application/json" },
    body: JSON.stringify({ model: "chat", messages: [{ role: "user", content: "Who are you?" }] }),
  });
  expect(await answer.json()).toMatchObject({ model });
  const target = answer.headers.get("x-spillway-target") ?? "";
  expect(target).toBe("echo/org/big%20model:free%2C%2050%25%C3%A9");
  expect(decodeURIComponent(target)).toBe(`echo/${model}`);
  const [failed, served, ...rest] = answer.headers.get("x-spillway-trail")?.split(", ") ?? [];
  expect(rest).toEqual([]);
  expect(failed).toMatch(/^1 fault\/status-503 primary PROVIDER_OVERLOADED 503 \d+ms next$/);
  expect(served?.split(" ").slice(0, 5)).toEqual(["2", target, "fallback", "SERVED", "200"]);
});
