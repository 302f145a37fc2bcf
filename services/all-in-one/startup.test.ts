import { describe, expect, it } from "vitest";
import { configV1, routingV1 } from "#contracts";
import { createInProcessClient, type Service } from "#rpc";
import { Startup } from "./startup.ts";

type ConfigService = Service<configV1.ConfigServiceDefinition>;

const bookmark = configV1.WatchConfigResponse.fromPartial({ revision: 4n, event: { $case: "bookmark", value: {} } });

const opened = {
  listEndpoints: async () => ({ endpoints: [{ name: "chat" }], nextPageToken: "" }),
  async *watchConfig() {
    yield bookmark;
  },
} as unknown as ConfigService;

const ready: routingV1.GetConfigStatusResponse = {
  ready: true,
  notReadyReason: "",
  revision: 4n,
  stale: false,
  staleReason: "",
  ageMs: 0n,
  file: undefined,
};

const routing: Service<routingV1.RoutingServiceDefinition> = {
  resolveChain: async () => routingV1.ResolveChainResponse.fromPartial({ revision: 4n }),
  getConfigStatus: async () => ready,
  listTargetHealth: async () => ({ targets: [], nextPageToken: "t-1" }),
  setTargetState: async () => ({ target: undefined }),
};

const listAll = { pageSize: 0, pageToken: "", provider: "", secretId: "" };
const watchAll = { resumeRevision: 0n, nodeId: "" };

describe("startup", () => {
  it("refuses calls with the reason until it is complete, then passes them on", async () => {
    const startup = new Startup("waiting for Postgres");
    const client = createInProcessClient(configV1.ConfigServiceDefinition, startup.configService());
    await expect(client.listEndpoints(listAll)).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringContaining("waiting for Postgres"),
    });
    startup.complete(opened);
    expect((await client.listEndpoints(listAll)).endpoints).toHaveLength(1);
  });

  it("lets a watch stand still until it is complete", async () => {
    const startup = new Startup("waiting for Postgres");
    const watch = startup.configService().watchConfig(watchAll)[Symbol.asyncIterator]();
    const first = watch.next();
    startup.complete(opened);
    expect((await first).value).toEqual(bookmark);
    expect((await watch.next()).done).toBe(true);
  });

  it("lets go of a watch that is left while it stands still", async () => {
    const startup = new Startup("waiting for Postgres");
    const controller = new AbortController();
    const watch = startup.configService().watchConfig(watchAll, { signal: controller.signal })[Symbol.asyncIterator]();
    const first = watch.next();
    controller.abort();
    await expect(first).rejects.toMatchObject({ code: "CANCELLED" });
  });

  it("says what is waited for as long as it is not complete, whatever routing says", async () => {
    const startup = new Startup("waiting for Postgres");
    const reported = startup.reportedBy(routing);
    expect(await reported.getConfigStatus({})).toEqual({
      ...ready,
      ready: false,
      notReadyReason: "waiting for Postgres",
    });
    startup.waitFor("the configuration file is not in force yet");
    expect((await reported.getConfigStatus({})).notReadyReason).toMatch(/file/);
    startup.complete(opened);
    expect(await reported.getConfigStatus({})).toEqual(ready);
  });

  it("closes the config service where one was opened, complete or not, and is done where none was", async () => {
    const startup = new Startup("waiting for Postgres");
    await startup.close();
    let closings = 0;
    startup.own({
      close: async () => {
        closings += 1;
      },
    });
    await startup.close();
    expect(closings).toBe(1);
  });
});
