import { describe, expect, it } from "vitest";
import { createLogger, type LoggerOptions } from "./logger.ts";

function record(options: Partial<LoggerOptions> = {}) {
  const lines: string[] = [];
  const logger = createLogger({ service: "routing", sink: { write: (line) => lines.push(line) }, ...options });
  return { logger, lines, last: () => JSON.parse(lines.at(-1) ?? "null") };
}

describe("logger", () => {
  it("writes one JSON object a line with level, ISO time, service, fields and message", () => {
    const { logger, lines, last } = record();
    logger.info({ endpoint: "chat", attempts: 2 }, "request served");
    expect(lines[0]?.endsWith("\n")).toBe(true);
    expect(last()).toMatchObject({
      level: "info",
      service: "routing",
      endpoint: "chat",
      attempts: 2,
      message: "request served",
    });
    expect(new Date(last().time).getTime()).toBeGreaterThan(0);
  });

  it("leaves out what is below its level", () => {
    const { logger, lines } = record({ level: "warn" });
    logger.info({}, "no");
    logger.warn({}, "yes");
    expect(lines).toHaveLength(1);
  });

  it("writes nothing at level silent", () => {
    const { logger, lines } = record({ level: "silent" });
    logger.error({}, "no");
    expect(lines).toHaveLength(0);
  });

  it("writes short lines for people when asked", () => {
    const { logger, lines } = record({ people: { colours: false } });
    logger.warn({ address: "127.0.0.1:1", reason: "not yet there", error: new Error("refused") }, "waiting");
    expect(lines[0]).toMatch(
      /^\d\d:\d\d:\d\d warn {2}waiting address=127\.0\.0\.1:1 reason="not yet there" error="refused"\n$/,
    );
  });

  it("writes every kind of field for people, and colours where it is told to", () => {
    const { logger, lines } = record({ level: "debug", people: { colours: true } });
    logger.debug({ attempts: 2, targets: ["a", "b"], none: null }, "tried");
    logger.error({}, "ended");
    expect(lines[0]).toContain('attempts=2 targets=["a","b"] none=null');
    expect(lines[0]).toContain("\u001b[2mdebug\u001b[22m \u001b[2mtried\u001b[22m");
    expect(lines[1]).toContain("\u001b[31merror\u001b[39m \u001b[31mended\u001b[39m\n");
  });

  it("keeps fields apart from those that every entry has", () => {
    const { logger, lines, last } = record();
    logger.info({ message: "ECONNREFUSED", service: "other" }, "away");
    expect(last()).toMatchObject({ message: "away", message_: "ECONNREFUSED", service: "routing", service_: "other" });
    expect(lines[0]?.match(/"message":/g)).toHaveLength(1);
  });

  it("keeps integers that are big, and says the length of bytes instead of their content", () => {
    const { logger, last } = record();
    logger.info({ revision: 7n, body: Buffer.from("private words") }, "x");
    expect(last()).toMatchObject({ revision: 7, body: "[13 bytes]" });
  });
});

describe("redaction", () => {
  it.each([
    ["authorization", "Bearer abcdefgh12345678"],
    ["x-api-key", "plain-looking"],
    ["apiKey", "plain-looking"],
    ["api_key", "plain-looking"],
    ["SPILLWAY_KEK", "plain-looking"],
    ["SPILLWAY_ADMIN_TOKEN", "plain-looking"],
    ["serviceToken", "plain-looking"],
    ["DATABASE_URL", "postgres://user@host/db"],
    ["databaseUrl", "postgres://user@host/db"],
    ["set-cookie", "session=1"],
    ["password", "hunter2"],
    ["client_secret", "plain-looking"],
  ])("masks the value of a field named %s", (name, value) => {
    const { logger, lines, last } = record();
    logger.info({ [name]: value, headers: { [name]: value } }, "x");
    expect(lines[0]).not.toContain(value);
    expect(last()).toMatchObject({ [name]: "[redacted]", headers: { [name]: "[redacted]" } });
  });

  it.each([
    ["an OpenAI key", "sk-proj-abcdef0123456789"],
    ["a bearer header", "Bearer abc.def-ghi_jkl"],
    ["an AWS key id", "AKIAIOSFODNN7EXAMPLE"],
    ["a Google key", `AIza${"x".repeat(35)}`],
    ["a GitHub token", `ghp_${"a1".repeat(18)}`],
    ["a JSON web token", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"],
  ])("masks %s wherever it stands", (_what, secret) => {
    const { logger, lines } = record();
    const error = new Error(`provider said: ${secret}`, { cause: new Error(secret) });
    logger.error({ detail: `x ${secret} y`, list: [secret], nested: { deep: { text: secret } }, error }, `m ${secret}`);
    expect(lines[0]).not.toContain(secret);
    expect(lines[0]).toContain("[redacted]");
  });

  it("masks what the cut of a long text goes through", () => {
    for (const secret of ["Bearer abcdefgh12345678", "sk-abcdefgh12345678", "postgres://user:abcdefgh12345678@db"]) {
      for (const shown of [3, 7, 8, 14, 20]) {
        const { logger, last } = record();
        logger.info({ text: `${" ".repeat(8192 - shown)}${secret}${" ".repeat(5000)}` }, "x");
        expect(last().text).not.toContain("abc");
        expect(String(last().text)).toMatch(/^ {8160}.{0,32}…$/);
      }
    }
  });

  it("shows nothing of a secret that goes on behind what was looked at, however much was masked before it", () => {
    const { logger, last } = record();
    const masked = `Bearer ${"x".repeat(600)} `.repeat(15);
    const secret = "sk-abcdefgh12345678";
    for (const seenOfIt of [4, 8, 11, 14]) {
      const filler = " ".repeat(8192 + 1024 - masked.length - seenOfIt);
      logger.info({ text: `${masked}${filler}${secret}${" ".repeat(100)}` }, "x");
      expect(last().text).not.toContain("sk-");
    }
  });

  it("masks what stands in the code of an error, and in what an object makes of itself", () => {
    const { logger, last } = record();
    const error = Object.assign(new Error("no"), { code: "sk-proj-abcdef0123456789" });
    const url = new URL("postgres://spillway:hunter2@db.example/spillway");
    logger.info({ error, url, at: new Date(0), odd: Object.assign(new Error("no"), { code: 42 }) }, "x");
    expect(last()).toMatchObject({
      error: { name: "Error", message: "no", code: "[redacted]" },
      url: "postgres://spillway:[redacted]@db.example/spillway",
      at: "1970-01-01T00:00:00.000Z",
      odd: { code: 42 },
    });
  });

  it("masks the password of a URL and keeps the rest", () => {
    const { logger, last } = record();
    logger.info({ target: "postgres://spillway:hunter2@db.example:5432/spillway" }, "x");
    expect(last().target).toBe("postgres://spillway:[redacted]@db.example:5432/spillway");
  });

  it("lets values through that only count or describe", () => {
    const { logger, last } = record();
    const fields = { tokens: 12, input_tokens: 3, hasSecret: true, token: 7, url: "http://127.0.0.1:8080/v1" };
    logger.info(fields, "x");
    expect(last()).toMatchObject(fields);
  });

  it("bounds depth, length and lists", () => {
    const circle: Record<string, unknown> = { name: "circle" };
    circle.self = circle;
    const { logger, lines } = record();
    logger.info({ circle, text: "a".repeat(100_000), list: Array.from({ length: 10_000 }, () => 1) }, "x");
    expect(lines[0]?.length).toBeLessThan(12_000);
  });
});
