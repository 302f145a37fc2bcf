import { describe, expect, it } from "vitest";
import { parseConfigText } from "#config-file";
import { formatWelcome, type WelcomeFacts } from "./welcome.ts";

const facts: WelcomeFacts = {
  http: "127.0.0.1:8080",
  grpc: "127.0.0.1:8081",
  configGrpc: "127.0.0.1:8082",
  databasePlace: "embedded Postgres in .spillway",
  exportUrl: undefined,
  access: "open",
  endpoint: "demo",
  isDemo: true,
};

describe("welcome", () => {
  it("tells what runs where, that it is open, and two lines to try", () => {
    expect(formatWelcome(facts)).toMatchInlineSnapshot(`
      "
      Spillway is ready.

        HTTP API  http://127.0.0.1:8080/v1
        gRPC      127.0.0.1:8081 (inference, routing) and 127.0.0.1:8082 (config)
        Database  embedded Postgres in .spillway
        Traces    not exported; set OTEL_EXPORTER_OTLP_ENDPOINT
        Access    open to whoever reaches these ports: there are no API keys

      The endpoint \`demo\` has a primary that always fails and a fallback that answers. Try:

        curl -i http://127.0.0.1:8080/v1/chat/completions -H 'content-type: application/json' -d '{"model":"demo","messages":[{"role":"user","content":"Does it come back?"}]}'

        curl -N http://127.0.0.1:8080/v1/chat/completions -H 'content-type: application/json' -d '{"model":"demo","stream":true,"messages":[{"role":"user","content":"Does it come back?"}]}'

      "
    `);
  });

  it("asks for a key where keys are needed, and tells where traces go", () => {
    const text = formatWelcome({
      ...facts,
      access: "by keys",
      isDemo: false,
      endpoint: "chat",
      exportUrl: "http://localhost:4318/v1/traces",
    });
    expect(text).toContain("Access    by API keys");
    expect(text).toContain('-H "authorization: Bearer $SPILLWAY_API_KEY"');
    expect(text).toContain("http://localhost:4318/v1/traces");
    expect(text).toContain('"model":"chat"');
  });

  it("says that it is closed where no keys exist, and how to add one, and gives no line that would be refused", () => {
    const text = formatWelcome({ ...facts, access: "closed" });
    expect(text).toContain("Access    closed: there are no API keys");
    expect(text).not.toContain("curl");
    expect(text).toContain("npm start -- --config spillway.yaml");
    const file = text.split("\n").filter((line) => /^ {2}(version|keys| {2}-)/.test(line));
    const document = parseConfigText(file.join("\n"), { SPILLWAY_API_KEY: "a-key-of-sixteen-characters" });
    expect(document.keys).toMatchObject([{ name: "mine", value: "a-key-of-sixteen-characters" }]);
  });

  it("says how to get endpoints where there are none", () => {
    expect(formatWelcome({ ...facts, endpoint: undefined })).toContain("--config spillway.yaml");
  });
});
