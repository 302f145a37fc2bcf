import { afterEach, describe, expect, it } from "vitest";
import { type AdminServer, type AdminServerOptions, startAdminServer } from "./admin-server.ts";

describe("admin server", () => {
  let server: AdminServer;
  afterEach(() => server.close());

  async function ask(path: string, options: Partial<AdminServerOptions> = {}, method = "GET") {
    server = await startAdminServer({
      host: "127.0.0.1",
      port: 0,
      readReadiness: () => ({ notReadyReason: undefined, report: { revision: 3 } }),
      ...options,
    });
    return fetch(`http://${server.address}${path}`, { method });
  }

  it("answers /healthz while the process lives", async () => {
    const answer = await ask("/healthz", { readReadiness: () => ({ notReadyReason: "why" }) });
    expect(answer.status).toBe(200);
  });

  it("answers /readyz with 200 and what is known", async () => {
    const answer = await ask("/readyz?verbose");
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ status: "ready", revision: 3 });
  });

  it("answers /readyz with 503 and the reason", async () => {
    const answer = await ask("/readyz", { readReadiness: async () => ({ notReadyReason: "waiting for Postgres" }) });
    expect(answer.status).toBe(503);
    expect(await answer.json()).toEqual({ status: "not_ready", reason: "waiting for Postgres" });
  });

  it("answers /readyz with 503 when readiness cannot be read", async () => {
    const answer = await ask("/readyz", { readReadiness: () => Promise.reject(new Error("routing is away")) });
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ reason: "routing is away" });
  });

  it("answers /metrics with valid Prometheus text of the process and the service", async () => {
    const metric = { name: "spillway_config_revision", kind: "gauge", help: "Revision in force.", value: 7 } as const;
    const answer = await ask("/metrics", { readMetrics: () => [metric] });
    const text = await answer.text();
    expect(answer.headers.get("content-type")).toContain("version=0.0.4");
    const line = /^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+ -?[0-9.e+-]+)$/;
    for (const each of text.trimEnd().split("\n")) expect(each).toMatch(line);
    expect(text).toContain("\nspillway_config_revision 7\n");
    expect(text).toMatch(/\nprocess_resident_memory_bytes \d+\n/);
  });

  it("answers other paths with 404 and other methods with 405", async () => {
    expect((await ask("/")).status).toBe(404);
    await server.close();
    expect((await ask("/healthz", {}, "POST")).status).toBe(405);
  });
});
