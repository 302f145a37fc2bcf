import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type configV1, inferenceV1 } from "#contracts";
import type { RpcError } from "#rpc";
import { formatMetrics, MetricRegistry } from "#runtime";
import { hashApiKey, KeyEncryptionKey } from "#secrets";
import {
  chatStream,
  errorStep,
  type ScriptedUpstream,
  scriptedUsage,
  sseEvent,
  startScriptedUpstream,
} from "../../test/harness/scripted-upstream.ts";
import type { RoutingService, RoutingServiceOptions } from "./start-routing-service.ts";
import { type EndpointSketch, quickRetries, toEndpoint } from "./testing/config-messages.ts";
import { FakeConfig } from "./testing/fake-config.ts";
import { sealTestSecret } from "./testing/seal-test-secret.ts";
import { startTestService } from "./testing/start-test-service.ts";
import { apiKey, chatBody, inShort } from "./testing/test-routing.ts";

const dialect = inferenceV1.Dialect.OPENAI_CHAT;
const provider = "openai-compatible";

let folder: string;
let config: FakeConfig;
let upstream: ScriptedUpstream;
let routing: RoutingService | undefined;
const logged: string[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "spillway-routing-"));
  config = new FakeConfig();
  upstream = await startScriptedUpstream();
  logged.length = 0;
});

afterEach(async () => {
  await routing?.close();
  routing = undefined;
  await upstream.close();
  await rm(folder, { recursive: true });
});

const snapshotPath = () => join(folder, "state", "snapshot");

async function start(options: Partial<RoutingServiceOptions> = {}): Promise<RoutingService> {
  const log = (_fields: object, message: string) => void logged.push(message);
  routing = await startTestService({
    config: config.service,
    snapshotPath: snapshotPath(),
    logger: { debug: log, info: log, warn: log, error: log },
    ...options,
  });
  return routing;
}

function snapshotOf(
  endpoints: readonly EndpointSketch[],
  more: Partial<configV1.Snapshot> = {},
): configV1.WatchConfigResponse["event"] {
  return { $case: "snapshot", value: { endpoints: endpoints.map(toEndpoint), secrets: [], apiKeys: [], ...more } };
}

const oneTarget = (name = "chat", model = "gpt-x"): EndpointSketch => ({
  name,
  targets: [{ model, provider, baseUrl: upstream.baseUrl }],
});

const invoke = (endpoint = "chat") =>
  (routing as RoutingService).inference.invoke({ endpoint, dialect, body: chatBody({ model: endpoint }), headers: {} });

const withSecret = (): EndpointSketch => ({
  targets: [{ model: "gpt-x", provider, baseUrl: upstream.baseUrl, secretId: "s-1" }],
});

const noChange: configV1.Delta = {
  endpoints: [],
  deletedEndpointIds: [],
  secrets: [],
  deletedSecretIds: [],
  apiKeys: [],
  deletedApiKeyIds: [],
};

const inForce = (revision: bigint) =>
  expect.poll(async () => (await routing?.routing.getConfigStatus({}))?.revision).toBe(revision);

describe("requests over real HTTP", () => {
  it("are answered by the target that the endpoint names, with its secret", async () => {
    await start();
    const sealed = sealTestSecret("sk-1", { authConfig: { api_base: upstream.baseUrl } });
    const endpoints = [{ targets: [{ model: "gpt-x", provider, secretId: "s-1" }] }];
    config.watch.send({ revision: 1n, event: snapshotOf(endpoints, { secrets: [sealed] }) });
    await inForce(1n);
    const { body, trail } = await invoke();
    expect(JSON.parse(body.toString())).toMatchObject({ choices: [{ message: { content: "Hello from upstream" } }] });
    expect(inShort(trail)).toEqual(["1 openai-compatible/gpt-x 200 SERVED"]);
    expect(trail?.attempts).toMatchObject([{ inputTokens: 9n, outputTokens: 3n }]);
    expect(upstream.requests[0]?.headers.authorization).toBe("Bearer sk-1");
    expect(JSON.parse(String(upstream.requests[0]?.body))).toMatchObject({ model: "gpt-x" });
  });

  it("fall back over an error status and a reset, and keep the stream byte for byte", async () => {
    await start();
    const { baseUrl } = upstream;
    const targets = [
      { model: "a", provider, baseUrl },
      { model: "b", provider, baseUrl, fallback: 1 },
      { model: "c", provider, baseUrl, fallback: 2 },
    ];
    config.watch.send({ revision: 1n, event: snapshotOf([{ targets, policy: { retries: quickRetries(0) } }]) });
    await inForce(1n);
    upstream.next(
      errorStep(503, { message: "no", type: "server_error" }),
      { drop: "reset" },
      chatStream({ usage: scriptedUsage }),
    );
    const events: inferenceV1.StreamInvokeResponse["event"][] = [];
    const call = { endpoint: "chat", dialect, body: chatBody({ stream: true }), headers: {} };
    for await (const { event } of (routing as RoutingService).inference.streamInvoke(call)) {
      events.push(event);
    }
    const text = events.map((event) => (event?.$case === "data" ? event.value.toString() : "")).join("");
    const expected = (chatStream().body ?? []).join("");
    expect(text).toBe(expected);
    const last = events.at(-1);
    expect(inShort(last?.$case === "finalTrail" ? last.value : undefined)).toEqual([
      "1 openai-compatible/a 503 NEXT",
      "2 openai-compatible/b 0 NEXT",
      "3 openai-compatible/c 200 SERVED",
    ]);
  });

  it("break with the class when a committed stream is cut", async () => {
    await start();
    config.watch.send({ revision: 1n, event: snapshotOf([oneTarget()]) });
    await inForce(1n);
    const pieces = chatStream({ finishReason: null, done: false });
    upstream.next({ ...pieces, body: [...(pieces.body ?? []), sseEvent({ error: { message: "boom" } })] });
    const call = { endpoint: "chat", dialect, body: chatBody({ stream: true }), headers: {} };
    let text = "";
    const error = await (async () => {
      for await (const { event } of (routing as RoutingService).inference.streamInvoke(call)) {
        if (event?.$case === "data") {
          text += event.value.toString();
        }
      }
      return undefined;
    })().catch((thrown: RpcError) => thrown);
    expect(error).toMatchObject({ reason: "STREAM_BROKEN" });
    expect(text).toContain("upstream");
    expect(text).not.toContain("boom");
    expect(text).not.toContain("[DONE]");
  });

  it("are ended at the provider when the caller leaves", async () => {
    await start();
    config.watch.send({ revision: 1n, event: snapshotOf([oneTarget()]) });
    await inForce(1n);
    upstream.next({ hang: "before_head" });
    const leaving = new AbortController();
    const call = { endpoint: "chat", dialect, body: chatBody(), headers: {} };
    const answer = (routing as RoutingService).inference
      .invoke(call, { signal: leaving.signal })
      .catch((thrown: RpcError) => thrown);
    await upstream.until((requests) => requests.length === 1);
    leaving.abort();
    expect(await answer).toMatchObject({ code: "CANCELLED" });
    await upstream.until(([request]) => request?.abortedAtMs !== undefined);
  });

  it("are answered by echo and fault without any network", async () => {
    await start();
    const targets = [
      { model: "overloaded", provider: "fault" },
      { model: "echo", provider: "echo", fallback: 1 },
    ];
    config.watch.send({ revision: 1n, event: snapshotOf([{ targets, policy: { retries: quickRetries(1) } }]) });
    await inForce(1n);
    const { trail } = await invoke();
    expect(trail?.attempts.at(-1)).toMatchObject({ target: "echo/echo", status: 200 });
    expect(trail?.attempts.length).toBeGreaterThan(1);
  });
});

describe("the configuration", () => {
  it("is not ready before it came, and calls say so", async () => {
    const metrics = new MetricRegistry();
    await start({ metrics });
    expect(await routing?.routing.getConfigStatus({})).toMatchObject({
      ready: false,
      notReadyReason: "no configuration was received yet",
      revision: 0n,
      stale: true,
    });
    const unavailable = { code: "UNAVAILABLE", reason: "CONFIG_UNAVAILABLE" };
    await expect(invoke()).rejects.toMatchObject(unavailable);
    const question = { endpoint: "chat", dialect, body: Buffer.alloc(0), headers: {} };
    await expect(routing?.routing.resolveChain(question)).rejects.toMatchObject(unavailable);
    expect(formatMetrics(metrics)).toMatch(/^spillway_ready 0$/m);
  });

  it("changes by deltas as a whole", async () => {
    await start();
    config.watch.send({ revision: 1n, event: snapshotOf([oneTarget("a"), oneTarget("b"), oneTarget("c")]) });
    const delta = {
      ...noChange,
      endpoints: [{ ...toEndpoint(oneTarget("b2", "new-model")), endpointId: "e-b" }],
      deletedEndpointIds: ["e-c"],
    };
    config.watch.send({ revision: 2n, event: { $case: "delta", value: delta } });
    await inForce(2n);
    const listed = await routing?.inference.listModels({});
    expect(listed?.models.map(({ name }) => name)).toEqual(["a", "b2"]);
    await invoke("b2");
    expect(JSON.parse(String(upstream.requests[0]?.body))).toMatchObject({ model: "new-model" });
    await expect(invoke("b")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("takes changed and deleted secrets and API keys at once", async () => {
    await start();
    const apiKeys = [apiKey("old", hashApiKey("key-old")), apiKey("app", hashApiKey("key-app"))];
    config.watch.send({
      revision: 1n,
      event: snapshotOf([withSecret()], { secrets: [sealTestSecret("sk-1")], apiKeys }),
    });
    await inForce(1n);
    const call = { endpoint: "chat", dialect, body: chatBody(), headers: {} };
    const invokeWith = (key: string) =>
      (routing as RoutingService).inference.invoke(call, { metadata: { authorization: `Bearer ${key}` } });
    await invokeWith("key-old");
    const delta = {
      ...noChange,
      secrets: [sealTestSecret("sk-2")],
      apiKeys: [apiKey("new", hashApiKey("key-new"))],
      deletedApiKeyIds: ["k-old"],
    };
    config.watch.send({ revision: 2n, event: { $case: "delta", value: delta } });
    await inForce(2n);
    await expect(invokeWith("key-old")).rejects.toMatchObject({ reason: "CREDENTIAL_INVALID" });
    await invokeWith("key-app");
    await invokeWith("key-new");
    const withoutSecret = { ...noChange, deletedSecretIds: ["s-1"] };
    config.watch.send({ revision: 3n, event: { $case: "delta", value: withoutSecret } });
    await inForce(3n);
    await expect(invokeWith("key-new")).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect(upstream.requests.map(({ headers }) => headers.authorization)).toEqual([
      "Bearer sk-1",
      "Bearer sk-2",
      "Bearer sk-2",
    ]);
  });

  it("with a secret that another key sealed leaves that target out, and says so without the secret", async () => {
    await start();
    const secrets = [sealTestSecret("sk-of-another", { key: new KeyEncryptionKey(Buffer.alloc(32, 9)) })];
    const { targets } = withSecret();
    const healthy = { model: "plain", provider, baseUrl: upstream.baseUrl, fallback: 1 };
    config.watch.send({ revision: 1n, event: snapshotOf([{ targets: [...targets, healthy] }], { secrets }) });
    await inForce(1n);
    const { trail } = await invoke();
    expect(inShort(trail)).toEqual([`1 ${provider}/gpt-x 0 NEXT`, `2 ${provider}/plain 200 SERVED`]);
    expect(logged).toContain("the secret of a target cannot be opened");
    expect(upstream.requests).toHaveLength(1);
  });

  it("is in force although the disk cannot keep it, which is said", async () => {
    await writeFile(join(folder, "state"), "a file where the folder should be");
    await start();
    config.watch.send({ revision: 1n, event: snapshotOf([oneTarget()]) });
    await inForce(1n);
    await expect(invoke()).resolves.toHaveProperty("trail");
    await expect.poll(() => logged).toContain("the configuration cannot be saved to disk");
  });

  it("is asked for again from the revision that is held, after the config service was away", async () => {
    await start({ random: () => 0 });
    config.watch.send({ revision: 5n, event: snapshotOf([oneTarget()]) });
    await inForce(5n);
    config.watch.fail();
    await expect.poll(async () => (await routing?.routing.getConfigStatus({}))?.stale).toBe(true);
    expect(await routing?.routing.getConfigStatus({})).toMatchObject({
      ready: true,
      staleReason: "the config service cannot be heard: the config service is away",
    });
    await expect.poll(() => config.watches.length).toBe(2);
    expect(config.watch.request.resumeRevision).toBe(5n);
    config.watch.send({ revision: 6n, event: { $case: "bookmark", value: {} } });
    await inForce(6n);
    expect(await routing?.routing.getConfigStatus({})).toMatchObject({ ready: true, stale: false, staleReason: "" });
    await expect(invoke()).resolves.toHaveProperty("trail");
  });

  it("carries the service token to the config service", async () => {
    await start({ serviceToken: "t0ken" });
    expect(config.watch.context?.metadata).toEqual({ authorization: "Bearer t0ken" });
  });

  it("survives a restart while the config service is down, secrets still encrypted", async () => {
    await start();
    const apiKeys = [apiKey("app", hashApiKey("key-app"))];
    const secrets = [sealTestSecret("sk-on-disk")];
    config.watch.send({ revision: 9n, event: snapshotOf([withSecret()], { secrets, apiKeys }) });
    await inForce(9n);
    await routing?.close();
    const bytes = await readFile(snapshotPath());
    expect(bytes.includes("sk-on-disk")).toBe(false);
    expect(bytes.includes("key-app")).toBe(false);
    expect((await stat(snapshotPath())).mode & 0o777).toBe(0o600);

    config.isDown = true;
    await start();
    expect(await routing?.routing.getConfigStatus({})).toMatchObject({ ready: true, revision: 9n, stale: true });
    await expect(invoke()).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
    const metadata = { authorization: "Bearer key-app" };
    const call = { endpoint: "chat", dialect, body: chatBody(), headers: {} };
    await expect(routing?.inference.invoke(call, { metadata })).resolves.toHaveProperty("trail");
    expect(upstream.requests[0]?.headers.authorization).toBe("Bearer sk-on-disk");
    config.isDown = false;
    await expect.poll(() => config.watches.length).toBe(2);
    // What the disk holds may be of another database, so it is not resumed from.
    expect(config.watch.request.resumeRevision).toBe(0n);
  });

  it("ignores a file that is damaged, and says so", async () => {
    await start();
    config.watch.send({ revision: 3n, event: snapshotOf([oneTarget()]) });
    await inForce(3n);
    await routing?.close();
    const bytes = await readFile(snapshotPath());
    bytes[bytes.length - 3] = (bytes.at(-3) ?? 0) ^ 1;
    await writeFile(snapshotPath(), bytes);
    config.isDown = true;
    await start();
    expect(await routing?.routing.getConfigStatus({})).toMatchObject({ ready: false, revision: 0n });
    expect(logged).toContain("the saved configuration cannot be used and is ignored");
  });

  it("is ready only when the declared file is in force", async () => {
    await start({ awaitsConfigFile: true });
    const source = "file:main";
    const status = async () => routing?.routing.getConfigStatus({});
    config.watch.send({ revision: 3n, event: snapshotOf([oneTarget()]), file: { source, revision: 0n, error: "" } });
    await inForce(3n);
    expect(await status()).toMatchObject({
      ready: false,
      notReadyReason: "the configuration file is not in force yet",
    });
    config.watch.send({
      revision: 3n,
      event: { $case: "bookmark", value: {} },
      file: { source, revision: 0n, error: "endpoints[0]: bad" },
    });
    await expect
      .poll(async () => (await status())?.notReadyReason)
      .toBe("the configuration file is not in force: endpoints[0]: bad");
    config.watch.send({
      revision: 4n,
      event: { $case: "bookmark", value: {} },
      file: { source, revision: 4n, error: "" },
    });
    await inForce(4n);
    expect(await status()).toMatchObject({ ready: true, notReadyReason: "" });
    config.watch.send({
      revision: 4n,
      event: { $case: "bookmark", value: {} },
      file: { source, revision: 4n, error: "bad again" },
    });
    await expect.poll(async () => (await status())?.file?.error).toBe("bad again");
    expect(await status()).toMatchObject({ ready: true });
  });

  it("is stale while the config service says that it may be behind", async () => {
    await start();
    config.watch.send({ revision: 3n, event: snapshotOf([oneTarget()]) });
    await inForce(3n);
    const status = async () => routing?.routing.getConfigStatus({});
    expect(await status()).toMatchObject({ ready: true, stale: false, staleReason: "" });
    const event = { $case: "bookmark" as const, value: {} };
    config.watch.send({ revision: 3n, event, staleReason: "its database cannot be reached" });
    await expect.poll(async () => (await status())?.stale).toBe(true);
    expect(await status()).toMatchObject({
      ready: true,
      staleReason: "the config service may be behind: its database cannot be reached",
    });
    config.watch.send({ revision: 3n, event });
    await expect.poll(async () => (await status())?.stale).toBe(false);
  });

  it("is forgotten and asked for anew when a change does not fit", async () => {
    await start({ random: () => 0 });
    config.watch.send({ revision: 2n, event: { $case: "delta", value: noChange } });
    await expect.poll(() => config.watches.length).toBe(2);
    expect(config.watch.request.resumeRevision).toBe(0n);
  });
});

describe("ResolveChain", () => {
  const split: EndpointSketch = {
    split: true,
    targets: [
      { model: "a", provider: "echo", weight: 3 },
      { model: "b", provider: "echo", weight: 1 },
      { model: "c", provider: "echo", fallback: 1 },
    ],
  };
  const request = { endpoint: "chat", dialect, body: Buffer.alloc(0), headers: {}, draw: 0.8 };

  it("tells the chain, its probabilities and what is skipped, and calls nobody", async () => {
    await start();
    config.watch.send({ revision: 1n, event: snapshotOf([split]) });
    await inForce(1n);
    const answer = await routing?.routing.resolveChain(request);
    expect(answer).toMatchObject({
      revision: 1n,
      chain: [
        { target: "echo/b", name: "b", probability: 0.25, reason: "drawn by weight" },
        { target: "echo/c", probability: 0, reason: "fallback" },
      ],
      skipped: [{ target: "echo/a", probability: 0.75, reason: "not drawn" }],
    });
    await expect(routing?.routing.resolveChain({ ...request, draw: 1 })).rejects.toMatchObject({
      reason: "INVALID_FIELD",
    });
    await expect(routing?.routing.resolveChain({ ...request, endpoint: "x" })).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
    await expect(routing?.routing.resolveChain({ ...request, body: Buffer.from("{") })).rejects.toMatchObject({
      reason: "INVALID_BODY",
    });
  });

  it("asks for the admin token where one is set", async () => {
    await start({ adminToken: "adm1n" });
    config.watch.send({ revision: 1n, event: snapshotOf([split]) });
    await inForce(1n);
    const call = (authorization?: string) =>
      routing?.routing.resolveChain(request, authorization === undefined ? {} : { metadata: { authorization } });
    await expect(call()).rejects.toMatchObject({ code: "UNAUTHENTICATED", reason: "CREDENTIAL_MISSING" });
    await expect(call("Bearer other")).rejects.toMatchObject({ reason: "CREDENTIAL_INVALID" });
    await expect(call("Bearer adm1n")).resolves.toHaveProperty("chain");
  });
});
