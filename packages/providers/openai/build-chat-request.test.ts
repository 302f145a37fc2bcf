import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { isBodyFault, scanChatBody } from "#dialects";
import type { ProviderCall } from "../provider.ts";
import { buildChatRequest } from "./build-chat-request.ts";
import type { OpenAiWireRow } from "./openai-wire-row.ts";

const row: OpenAiWireRow = { id: "openai", baseUrl: "https://api.openai.com/v1", needsKey: true };
const text = '{"messages":[{"role":"user","content":"é"}],  "model" : "fast","new_field":[1, 2]}';

function call(changes: Partial<ProviderCall> = {}, bodyText = text): ProviderCall {
  const body = scanChatBody(Buffer.from(bodyText));
  if (isBodyFault(body)) {
    throw new Error(body.message);
  }
  return {
    body,
    model: "gpt-4o",
    baseUrl: undefined,
    secret: { api_key: "sk-secret" },
    authConfig: {},
    stream: false,
    headers: {},
    ...changes,
  };
}

describe("a chat request", () => {
  test("has the model's name put in and every other byte as it came", () => {
    const request = buildChatRequest(call(), row);
    expect(request.body.toString()).toBe(text.replace('"fast"', '"gpt-4o"'));
    expect(request).toMatchObject({ method: "POST", origin: "https://api.openai.com", path: "/v1/chat/completions" });
    expect(request.headers).toEqual({
      "content-type": "application/json",
      accept: "application/json",
      "accept-encoding": "identity",
      authorization: "Bearer sk-secret",
    });
  });

  test("of a stream asks for usage where that is allowed", () => {
    const streamed = text.replace("{", '{"stream":true,');
    const asked = JSON.parse(buildChatRequest(call({ stream: true }, streamed), row).body.toString()) as unknown;
    expect(asked).toMatchObject({ stream: true, stream_options: { include_usage: true }, model: "gpt-4o" });
    const unasked = buildChatRequest(call({ stream: true }, streamed), { ...row, quirks: { sendsUsageUnasked: true } });
    expect(unasked.body.toString()).not.toContain("stream_options");
    expect(unasked.headers.accept).toBe("text/event-stream");
  });

  test.each([
    ["http://localhost:8000/v1", "http://localhost:8000", "/v1/chat/completions"],
    ["http://localhost:8000/v1/", "http://localhost:8000", "/v1/chat/completions"],
    ["http://localhost:8000", "http://localhost:8000", "/chat/completions"],
    ["https://host:443/openai/v1//", "https://host", "/openai/v1/chat/completions"],
    ["https://host/v1?api-version=2", "https://host", "/v1/chat/completions?api-version=2"],
    ["https://host/v1/chat/completions", "https://host", "/v1/chat/completions"],
    ["https://host/v1#part", "https://host", "/v1/chat/completions"],
    ["http://[::1]:8000/v1", "http://[::1]:8000", "/v1/chat/completions"],
  ])("goes to where %s says", (baseUrl, origin, path) => {
    expect(buildChatRequest(call({ baseUrl }), row)).toMatchObject({ origin, path });
  });

  test("goes to where its own base URL says, however many others there are", () => {
    const hosts = Array.from({ length: 1_200 }, (_, index) => `https://host-${index}.example`);
    for (const host of [...hosts, ...hosts.slice(0, 10)]) {
      expect(buildChatRequest(call({ baseUrl: `${host}/v1` }), row).origin).toBe(host);
    }
  });

  test.each(["", "ftp://host/v1", "host/v1", "https://user:pass@host/v1"])("is not built for %j", (baseUrl) => {
    expect(() => buildChatRequest(call({ baseUrl }), row)).toThrow(TypeError);
  });

  test("names organization and project, and passes on headers that never replace its own", () => {
    const { headers } = buildChatRequest(
      call({
        authConfig: { organization: "org-1", project: "proj-1" },
        headers: { "openai-beta": "x=v1", authorization: "Bearer stolen" },
      }),
      row,
    );
    expect(headers).toMatchObject({
      "openai-organization": "org-1",
      "openai-project": "proj-1",
      "openai-beta": "x=v1",
      authorization: "Bearer sk-secret",
    });
  });

  test("names them without the blanks around them", () => {
    const authConfig = { organization: "org-1\n", project: " " };
    const { headers } = buildChatRequest(call({ authConfig }), row);
    expect(headers["openai-organization"]).toBe("org-1");
    expect(headers["openai-project"]).toBeUndefined();
  });

  test("has no key when the secret is empty, and none of the blanks around one", () => {
    expect(buildChatRequest(call({ secret: {} }), row).headers.authorization).toBeUndefined();
    expect(buildChatRequest(call({ secret: { api_key: "" } }), row).headers.authorization).toBeUndefined();
    expect(buildChatRequest(call({ secret: { api_key: " k\n" } }), row).headers.authorization).toBe("Bearer k");
  });

  test("never shows its key when it is printed", () => {
    const request = buildChatRequest(call(), row);
    for (const printed of [String(request), JSON.stringify({ request }), inspect({ request }, { depth: 9 })]) {
      expect(printed).toContain("POST https://api.openai.com");
      expect(printed).not.toContain("sk-secret");
      expect(printed).not.toContain("messages");
    }
  });
});
