import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { configV1, routingV1 } from "#contracts";
import { type CallContext, type GrpcServer, RpcError, type Service, startGrpcServer } from "#rpc";
import { runCommandLine } from "./run-command-line.ts";

const { BreakerState, ProbeState, TargetAvailability, TargetState } = routingV1;

const chain: routingV1.ResolveChainResponse = {
  revision: 12n,
  rule: "long",
  chain: [toChainTarget("openai/gpt-4o", 0.75, "drawn by weight")],
  skipped: [toChainTarget("groq/llama", 0, "not drawn")],
  notes: ["no such header"],
};

let server: GrpcServer;
let folder: string;
let targets: routingV1.TargetHealth[];
const received: { method: string; request: unknown; authorization: string | undefined }[] = [];

function note(method: string, request: unknown, context: CallContext | undefined): void {
  received.push({ method, request, authorization: context?.metadata?.authorization });
  const { authorization } = context?.metadata ?? {};
  if (authorization !== undefined && authorization !== "Bearer adm1n") {
    throw new RpcError({ code: "UNAUTHENTICATED", reason: "CREDENTIAL_INVALID", message: "The admin token is wrong." });
  }
}

/** Answers from `targets`, two a page, over real gRPC. */
const routing: Service<routingV1.RoutingServiceDefinition> = {
  resolveChain: async (request, context) => {
    note("resolveChain", request, context);
    if (request.endpoint === "chat") {
      return chain;
    }
    throw new RpcError({ code: "NOT_FOUND", reason: "ENDPOINT_NOT_FOUND", message: "There is no such endpoint." });
  },
  getConfigStatus: async () => routingV1.GetConfigStatusResponse.fromPartial({}),
  listTargetHealth: async (request, context) => {
    note("listTargetHealth", request, context);
    const from = Number(request.pageToken || 0);
    return { targets: targets.slice(from, from + 2), nextPageToken: from + 2 < targets.length ? String(from + 2) : "" };
  },
  setTargetState: async (request, context) => {
    note("setTargetState", request, context);
    const target = targets.find(({ targetId }) => targetId === request.targetId);
    return { target: target && { ...target, state: request.state } };
  },
};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "spillway-cli-"));
  const definition = routingV1.RoutingServiceDefinition;
  server = await startGrpcServer({
    host: "127.0.0.1",
    port: 0,
    services: [{ definition, implementation: routing }],
  });
});

afterAll(async () => {
  await server.drain(0);
  rmSync(folder, { recursive: true });
});

beforeEach(() => {
  targets = [
    toTarget("t-1", "openai", "gpt-4o"),
    {
      ...toTarget("t-2", "vllm", "llama"),
      baseUrl: "http://10.0.0.1/v1",
      availability: TargetAvailability.BREAKER_OPEN,
      reason: "too many calls failed",
      breakerState: BreakerState.OPEN,
      breakers: [{ state: BreakerState.OPEN, requests: 12, failures: 7, windowMs: 30_000 }],
      probe: { state: ProbeState.FAILING, path: "/health", intervalMs: 5000, failure: "HTTP 503" },
      limits: [{ scope: "endpoint chat", inFlight: 3, maxConcurrency: 50, waiting: 2 }],
    },
    { ...toTarget("t-3", "vllm", "llama"), baseUrl: "http://10.0.0.2/v1" },
  ];
});

afterEach(() => {
  received.length = 0;
});

function toChainTarget(target: string, probability: number, reason: string): routingV1.ChainTarget {
  const role = configV1.GatewayModelLinkageType.PRIMARY;
  return { mappingId: "m-1", name: "model", target, role, probability, reason };
}

function toTarget(targetId: string, provider: string, model: string): routingV1.TargetHealth {
  return {
    targetId,
    provider,
    model,
    baseUrl: "",
    endpoints: ["chat", "code"],
    state: TargetState.ENABLED,
    availability: TargetAvailability.AVAILABLE,
    reason: "",
    breakerState: BreakerState.CLOSED,
    coolingMs: 0n,
    probe: undefined,
    breakers: [],
    limits: [],
  };
}

interface Ran {
  readonly code: number;
  readonly output: string;
  readonly errors: string;
}

async function run(
  argumentTexts: readonly string[],
  of: { readonly address?: string; readonly adminToken?: string; readonly input?: string } = {},
): Promise<Ran> {
  let output = "";
  let errors = "";
  const code = await runCommandLine(argumentTexts, {
    environment: { SPILLWAY_ROUTING_ADDRESS: of.address ?? server.address, SPILLWAY_ADMIN_TOKEN: of.adminToken },
    write: (text) => {
      output += text;
    },
    writeError: (text) => {
      errors += text;
    },
    readInput: async () => Buffer.from(of.input ?? ""),
  });
  return { code, output, errors };
}

describe("the command line", () => {
  it("lists its commands, and shows the help of each", async () => {
    const { code, output } = await run(["--help"]);
    expect(code).toBe(0);
    for (const name of ["explain", "targets", "drain", "enable"]) {
      expect(output).toMatch(new RegExp(`^  ${name} +\\S`, "m"));
      const help = await run([name, "--help"]);
      expect(help.code).toBe(0);
      expect(help.output).toMatch(new RegExp(`^Usage: spillway ${name} `));
      expect(help.output).toContain("SPILLWAY_ADMIN_TOKEN");
    }
    expect((await run([])).code).toBe(2);
    expect(received).toEqual([]);
  });

  it("says which command does not exist", async () => {
    expect(await run(["explode"])).toMatchObject({ code: 2, output: "", errors: expect.stringContaining("explode") });
  });

  it.each([
    [["explain"], "name the endpoint"],
    [["explain", "chat", "code"], "not also code"],
    [["explain", "chat", "--drow", "1"], "--drow"],
    [["explain", "chat", "--draw", "1"], "--draw 1"],
    [["explain", "chat", "--draw", "half"], "--draw half"],
    [["explain", "chat", "--header", "x-session-id"], "NAME=VALUE"],
    [["explain", "chat", "--request", "/nowhere/body.json"], "/nowhere/body.json"],
    [["targets", "openai/gpt-4o"], "openai/gpt-4o"],
    [["drain"], "name the target"],
    [["enable", "t-1", "t-2"], "not also t-2"],
    [["drain", "t-1", "--force"], "--force"],
  ])("does not understand %j, and calls nobody", async (argumentTexts, told) => {
    const { code, output, errors } = await run(argumentTexts);
    expect(code).toBe(2);
    expect(output).toBe("");
    expect(errors).toContain(`spillway ${argumentTexts[0]}: `);
    expect(errors).toContain(told);
    expect(received).toEqual([]);
  });

  it("fails where nobody listens, and says so", async () => {
    const { code, errors } = await run(["targets"], { address: "127.0.0.1:1" });
    expect(code).toBe(1);
    expect(errors).toBe("spillway targets: The routing service at 127.0.0.1:1 cannot be reached. (UNAVAILABLE)\n");
  });

  it("fails on a variable that cannot be used, and names it and its form", async () => {
    const { code, output, errors } = await run(["targets"], { address: "nonsense" });
    expect(code).toBe(1);
    expect(output).toBe("");
    expect(errors).toMatch(/^spillway targets: SPILLWAY_ROUTING_ADDRESS "nonsense" .*: set it to host:port, e\.g\. /);
    expect(errors).not.toContain("SettingsError");
    const spaced = await run(["targets"], { adminToken: "two words" });
    expect(spaced.errors).toMatch(/^spillway targets: SPILLWAY_ADMIN_TOKEN /);
    expect(spaced.errors).not.toContain("two words");
  });

  it("does not understand an --address of another form", async () => {
    const { code, errors } = await run(["targets", "--address", "nonsense"]);
    expect(code).toBe(2);
    expect(errors).toMatch(/^spillway targets: --address nonsense .*: give host:port, e\.g\. /);
  });

  it("prefers --address to the variable", async () => {
    expect((await run(["targets", "--address", server.address], { address: "127.0.0.1:1" })).code).toBe(0);
  });

  it("shows the admin token, and tells when it is wrong without printing it", async () => {
    expect((await run(["explain", "chat"], { adminToken: "adm1n" })).code).toBe(0);
    expect(received[0]?.authorization).toBe("Bearer adm1n");
    const { code, errors } = await run(["targets"], { adminToken: "s3cret" });
    expect(code).toBe(1);
    expect(errors).toContain("The admin token is wrong. (UNAUTHENTICATED)");
    expect(errors).not.toContain("s3cret");
  });
});

describe("spillway explain", () => {
  it("prints the chain as a table", async () => {
    const { code, output } = await run(["explain", "chat"]);
    expect(code).toBe(0);
    expect(output).toMatchInlineSnapshot(`
      "chat at revision 12, rule long

      #  TARGET         ROLE     DRAW    WHY
      1  openai/gpt-4o  primary  75.0 %  drawn by weight
      -  groq/llama     primary          not drawn

      note: no such header
      "
    `);
    expect(received).toMatchObject([{ request: { endpoint: "chat", draw: undefined, headers: {} } }]);
  });

  it("sends request, headers and draw", async () => {
    const path = join(folder, "body.json");
    writeFileSync(path, '{"messages":[]}');
    const more = ["--header", "X-Session-Id=4=2", "--header", "x-team=a", "--draw", "0.25"];
    await run(["explain", "chat", "--request", path, ...more]);
    expect(received[0]?.request).toMatchObject({
      body: Buffer.from('{"messages":[]}'),
      headers: { "x-session-id": "4=2", "x-team": "a" },
      draw: 0.25,
    });
  });

  it("reads the request from standard input", async () => {
    await run(["explain", "chat", "--request", "-"], { input: '{"messages":[1]}' });
    expect(received[0]?.request).toMatchObject({ body: Buffer.from('{"messages":[1]}') });
  });

  it("prints JSON", async () => {
    const { output } = await run(["explain", "chat", "--json"]);
    expect(JSON.parse(output)).toEqual({
      revision: "12",
      rule: "long",
      chain: [expect.objectContaining({ target: "openai/gpt-4o", role: "primary", probability: 0.75 })],
      skipped: [expect.objectContaining({ target: "groq/llama", reason: "not drawn" })],
      notes: ["no such header"],
    });
  });

  it("fails for an endpoint that does not exist", async () => {
    expect(await run(["explain", "nobody"])).toEqual({
      code: 1,
      output: "",
      errors: "spillway explain: There is no such endpoint. (NOT_FOUND)\n",
    });
  });
});

describe("spillway targets", () => {
  it("prints every page as one table", async () => {
    const { code, output } = await run(["targets"]);
    expect(code).toBe(0);
    expect(output).toMatchInlineSnapshot(`
      "TARGET         ID   STATE    AVAILABILITY  BREAKER  FAILED  PROBE    IN FLIGHT        ENDPOINTS  URL
      openai/gpt-4o  t-1  enabled  available     closed   0/0     -        -                chat,code  -
      vllm/llama     t-2  enabled  breaker open  open     7/12    failing  3/50 +2 waiting  chat,code  http://10.0.0.1/v1
      vllm/llama     t-3  enabled  available     closed   0/0     -        -                chat,code  http://10.0.0.2/v1

      t-2 vllm/llama: too many calls failed
      "
    `);
    expect(received).toHaveLength(2);
  });

  it("prints JSON", async () => {
    const { targets: printed } = JSON.parse((await run(["targets", "--json"])).output);
    expect(printed).toHaveLength(3);
    expect(printed[1]).toEqual({
      target_id: "t-2",
      provider: "vllm",
      model: "llama",
      base_url: "http://10.0.0.1/v1",
      endpoints: ["chat", "code"],
      state: "enabled",
      availability: "breaker_open",
      reason: "too many calls failed",
      breaker_state: "open",
      cooling_ms: "0",
      probe: { state: "failing", path: "/health", interval_ms: 5000, failure: "HTTP 503" },
      breakers: [{ state: "open", requests: 12, failures: 7, window_ms: 30_000 }],
      limits: [{ scope: "endpoint chat", in_flight: 3, max_concurrency: 50, waiting: 2 }],
    });
    expect(printed[0].probe).toBeNull();
  });

  it("says that there are none", async () => {
    targets = [];
    expect((await run(["targets"])).output).toBe("The configuration in force has no targets.\n");
  });
});

describe("spillway drain and enable", () => {
  const states = () => received.filter(({ method }) => method === "setTargetState").map(({ request }) => request);

  it("take an id", async () => {
    const { code, output } = await run(["drain", "t-3"]);
    expect(code).toBe(0);
    expect(output).toMatch(/vllm\/llama +t-3 +drained /);
    await run(["enable", "t-3"]);
    expect(states()).toEqual([
      { targetId: "t-3", state: TargetState.DRAINED },
      { targetId: "t-3", state: TargetState.ENABLED },
    ]);
  });

  it("take provider/model where it means one target", async () => {
    const { output } = await run(["drain", "openai/gpt-4o", "--json"]);
    expect(JSON.parse(output)).toMatchObject({ targets: [{ target_id: "t-1", state: "drained" }] });
    expect(states()).toEqual([{ targetId: "t-1", state: TargetState.DRAINED }]);
  });

  it("name the targets that provider/model may mean, and change none", async () => {
    const { code, errors } = await run(["drain", "vllm/llama"]);
    expect(code).toBe(2);
    expect(errors).toContain("t-2 at http://10.0.0.1/v1, t-3 at http://10.0.0.2/v1");
    expect((await run(["drain", "vllm/nothing"])).errors).toContain("vllm/nothing");
    expect(states()).toEqual([]);
  });
});
