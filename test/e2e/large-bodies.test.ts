import { expect, test } from "vitest";
import { Topology, topologyKinds } from "./topology.ts";

const mebibyte = 1024 * 1024;
const config = `version: 1
models: [{ name: echo, provider: echo, model: echo }]
endpoints: [{ name: chat, primary: [{ model: echo }] }]
keys: [{ name: test, value: sk-test-of-large-bodies }]
`;

test.each(topologyKinds)("a body above 64 MiB passes through Spillway as %s, if the limit says so", async (kind) => {
  const environment = { SPILLWAY_BODY_LIMIT_BYTES: String(70 * mebibyte) };
  await using spillway = await Topology.start(kind, { config, environment });
  const post = (length: number) =>
    fetch(`${spillway.origin}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: "Bearer sk-test-of-large-bodies", "content-type": "application/json" },
      body: JSON.stringify({
        model: "chat",
        messages: [
          { role: "system", content: "x".repeat(length) },
          { role: "user", content: "Did it pass?" },
        ],
      }),
    });
  const answer = await post(68 * mebibyte);
  expect(await answer.json()).toMatchObject({ choices: [{ message: { content: expect.stringContaining("Did it") } }] });
  expect((await post(70 * mebibyte)).status).toBe(413);
});
