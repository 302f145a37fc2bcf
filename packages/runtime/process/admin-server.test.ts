import { afterEach, describe, expect, it } from "vitest";
import { MetricRegistry } from "../metrics/metric-registry.ts";
import { type AdminServer, type AdminServerOptions, startAdminServer } from "./admin-server.ts";

describe("admin server", () => {
  let server: AdminServer;
  afterEach(() => server.close());

  async function ask(path: string, options: Partial<AdminServerOptions> = {}, method = "GET") {
    server = await startAdminServer({
      host: "127.0.0.1",
      port: 0,
      metrics: new MetricRegistry(),
      signal: new AbortController().signal,
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

  it("answers /readyz with 503 while the process drains, and goes on to say what is known", async () => {
    const answer = await ask("/readyz", { signal: AbortSignal.abort() });
    expect(answer.status).toBe(503);
    expect(await answer.json()).toEqual({ status: "not_ready", reason: "the service is shutting down", revision: 3 });
  });

  it("answers /metrics with Prometheus text", async () => {
    const metrics = new MetricRegistry();
    metrics.counter({ name: "spillway.tests", unit: "{test}", description: "Tests." }).cell({}).add(7);
    const answer = await ask("/metrics", { metrics });
    expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(await answer.text()).toBe(
      "# HELP spillway_tests_total Tests.\n# TYPE spillway_tests_total counter\nspillway_tests_total 7\n",
    );
  });

  it("answers other paths with 404 and other methods with 405", async () => {
    expect((await ask("/")).status).toBe(404);
    await server.close();
    expect((await ask("/healthz", {}, "POST")).status).toBe(405);
  });
});
