import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type configV1, googleRpc } from "#contracts";
import { invalidFields, RpcError } from "#rpc";
import { ConfigFileError } from "./config-file-error.ts";
import { type KeepConfigFileOptions, keepConfigFile } from "./keep-config-file.ts";

const content = (model: string) => `
version: 1
models:
  - { name: ${model}, provider: echo, model: echo-1 }
endpoints:
  - { name: chat, primary: [{ model: ${model} }] }
`;

describe("keeping a config file in force", () => {
  let folder: string;
  let path: string;
  let controller: AbortController;
  let applied: configV1.ApplyConfigRequest[];
  let statuses: configV1.ConfigFileStatus[];
  let logged: string[];
  /** What the config service throws at each call, the next first. */
  let failures: Error[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "keep-config-file-"));
    path = join(folder, "spillway.yaml");
    controller = new AbortController();
    [applied, statuses, logged, failures] = [[], [], [], []];
  });
  afterEach(async () => {
    controller.abort();
    await rm(folder, { recursive: true });
  });

  function keep(options: Partial<KeepConfigFileOptions> = {}): Promise<void> {
    const log = (fields: object, message: string) => logged.push(`${message} ${JSON.stringify(fields)}`);
    return keepConfigFile({
      path,
      environment: {},
      config: {
        applyConfig: async (request) => {
          const failure = failures.shift();
          if (failure !== undefined) {
            throw failure;
          }
          applied.push(request);
          return {
            revision: BigInt(applied.length),
            changes: [],
            warnings: [{ field: "a.b", message: "not acted on" }],
          };
        },
      },
      setFileStatus: (status) => statuses.push(status),
      logger: { info: log, warn: log },
      signal: controller.signal,
      ...options,
    });
  }

  const modelNames = () => applied.map(({ document }) => document?.models[0]?.name);

  it("applies the file with prune, under its own source, and tells the revision and the warnings", async () => {
    await writeFile(path, content("one"));
    await keep();
    expect(applied).toMatchObject([{ source: "file:spillway", prune: true, onlyIfEmpty: false, validateOnly: false }]);
    expect(statuses).toEqual([
      { source: "file:spillway", revision: 0n, error: "" },
      { source: "file:spillway", revision: 1n, error: "" },
    ]);
    expect(logged.join()).toContain("not acted on");
  });

  it("applies it again when it changes, also when it is replaced", async () => {
    await writeFile(path, content("one"));
    await keep();
    await writeFile(path, content("two"));
    await expect.poll(modelNames).toEqual(["one", "two"]);
    await writeFile(join(folder, "draft"), content("three"));
    await rename(join(folder, "draft"), path);
    await expect.poll(modelNames).toEqual(["one", "two", "three"]);
    expect(statuses.at(-1)).toEqual({ source: "file:spillway", revision: 3n, error: "" });
  });

  it("throws for a file that cannot be used, before it waits for anything", async () => {
    await writeFile(path, "version: 1\nendpoint: []\n");
    await expect(keep({ whenWritable: new Promise(() => {}) })).rejects.toThrow(/spillway\.yaml.*endpoint/s);
    await expect(keep({ path: join(folder, "none.yaml") })).rejects.toThrow(ConfigFileError);
    await expect(keep({ path: folder })).rejects.toThrow("is not a regular file");
  });

  it("throws what the config service refuses, each with file, path and line of its field", async () => {
    await writeFile(path, content("one"));
    failures = [
      invalidFields([
        { field: "models[0].model", description: "is retired" },
        { field: "endpoints[0].primary[0].model", description: "is unknown" },
        { field: "endpoints[0].policy.timeouts.connect", description: "is not there, and wrong" },
        { field: "source", description: "is not of the file" },
      ]),
    ];
    await expect(keep()).rejects.toThrow(
      [
        `${path}: models[0].model: is retired (line 4)`,
        `${path}: endpoints[0].primary[0].model: is unknown (line 6)`,
        `${path}: endpoints[0].policy.timeouts.connect: is not there, and wrong (line 6)`,
        `${path}: source: is not of the file`,
      ].join("\n"),
    );
    expect(applied).toEqual([]);
  });

  it("throws what stands in the way of the file, with the line where it is about a field", async () => {
    await writeFile(path, content("one"));
    const violations = [
      { type: "OWNED_BY_ANOTHER_SOURCE", subject: "models[0].name", description: "belongs to api" },
      { type: "RESOURCE_IN_USE", subject: "model two", description: "the model two cannot be deleted" },
    ];
    failures = [
      new RpcError({
        code: "FAILED_PRECONDITION",
        reason: "OWNED_BY_ANOTHER_SOURCE",
        message: "all in one line",
        details: [
          {
            type: "google.rpc.PreconditionFailure",
            value: googleRpc.PreconditionFailure.encode({ violations }).finish(),
          },
        ],
      }),
    ];
    await expect(keep()).rejects.toThrow(
      `${path}: models[0].name: belongs to api (line 4)\n${path}: the model two cannot be deleted`,
    );
  });

  it("keeps what is in force when a later content cannot be used, tells why, and takes the next", async () => {
    await writeFile(path, content("one"));
    await keep();
    await writeFile(path, "version: 1\nendpoint: []\n");
    await expect.poll(() => statuses.at(-1)?.error).toMatch(/endpoint/);
    expect(statuses.at(-1)).toMatchObject({ source: "file:spillway", revision: 1n });
    failures = [invalidFields([{ field: "endpoints[0].name", description: "is taken" }])];
    await writeFile(path, content("taken"));
    await expect.poll(() => statuses.at(-1)?.error).toMatch(/endpoints\[0\]\.name: is taken/);
    await writeFile(path, content("two"));
    await expect.poll(() => statuses.at(-1)).toMatchObject({ revision: 2n, error: "" });
    expect(modelNames()).toEqual(["one", "two"]);
  });

  it("waits for a config service that is away", async () => {
    await writeFile(path, content("one"));
    failures = [new RpcError({ code: "UNAVAILABLE", reason: "DATABASE_UNAVAILABLE", message: "Postgres is away" })];
    await keep();
    expect(modelNames()).toEqual(["one"]);
    expect(logged.join()).toContain("Postgres is away");
  });

  it("gives up a wait when it is told to stop, or when the content is no longer the newest", async () => {
    await writeFile(path, content("one"));
    const away = new RpcError({ code: "UNAVAILABLE", reason: "DATABASE_UNAVAILABLE", message: "Postgres is away" });
    failures = Array.from({ length: 3 }, () => away);
    const kept = keep();
    await expect.poll(() => failures.length).toBeLessThan(3);
    await writeFile(path, content("two"));
    await kept;
    expect(modelNames().at(-1)).toBe("two");

    const waiting = keep({ whenWritable: new Promise(() => {}) });
    controller.abort(new Error("told to stop"));
    await expect(waiting).rejects.toThrow("told to stop");
  });

  it("gives up a first apply that cannot succeed when it is told to stop", async () => {
    await writeFile(path, content("one"));
    failures = Array.from(
      { length: 1000 },
      () => new RpcError({ code: "UNAVAILABLE", reason: "INTERNAL", message: "" }),
    );
    const kept = keep();
    await expect.poll(() => failures.length).toBeLessThan(1000);
    controller.abort(new Error("told to stop"));
    await expect(kept).rejects.toThrow("told to stop");
  });

  it("tells nothing of a change that was being applied when it was told to stop", async () => {
    const answers = new Map<string, PromiseWithResolvers<void>>();
    const config: KeepConfigFileOptions["config"] = {
      applyConfig: async ({ document }) => {
        const answer = Promise.withResolvers<void>();
        answers.set(document?.models[0]?.name ?? "", answer);
        await answer.promise;
        return { revision: 1n, changes: [], warnings: [] };
      },
    };
    await writeFile(path, content("one"));
    const kept = keep({ config });
    await expect.poll(() => [...answers.keys()]).toEqual(["one"]);
    answers.get("one")?.resolve();
    await kept;
    await writeFile(path, content("two"));
    await expect.poll(() => [...answers.keys()]).toEqual(["one", "two"]);
    const told = statuses.length;
    controller.abort(new Error("told to stop"));
    answers.get("two")?.reject(new RpcError({ code: "UNAVAILABLE", reason: "INTERNAL", message: "too late" }));
    await setImmediate();
    expect(statuses).toHaveLength(told);
    expect(logged.join()).not.toContain("cannot be used");
  });
});
