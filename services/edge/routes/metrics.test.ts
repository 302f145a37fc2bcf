import { request } from "node:http";
import { describe, expect, it } from "vitest";
import { MetricRegistry } from "#runtime";
import { startTestEdge } from "../testing/start-test-edge.ts";

const post = {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: '{"model":"chat","messages":[]}',
};

async function readMetrics(url: string, authorization?: string): Promise<Response> {
  return fetch(`${url}/metrics`, { headers: authorization === undefined ? {} : { authorization } });
}

describe("GET /metrics", () => {
  it("counts requests by method, route and status, and tells how many are under way", async () => {
    const { url } = await startTestEdge();
    await (await fetch(`${url}/v1/chat/completions`, post)).text();
    await (await fetch(`${url}/v1/chat/completions`)).text();
    const answer = await readMetrics(url);
    expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    const text = await answer.text();
    const count = (labels: string) => `\nhttp_server_request_duration_seconds_count{${labels}} 1\n`;
    expect(text).toMatch(
      /http_request_method="POST",http_response_status_code="\d+",http_route="\/v1\/chat\/completions"/,
    );
    expect(text).toContain(count('http_request_method="GET",http_response_status_code="405"'));
    expect(text).toContain("\nhttp_server_active_requests 1\n");
  });

  it("has few series, whatever methods and paths are asked for", async () => {
    const metrics = new MetricRegistry();
    const { url, port } = await startTestEdge({ metrics });
    for (let index = 0; index < 20; index++) {
      await (await fetch(`${url}/v1/path-${index}`)).text();
    }
    for (const method of ["PROPFIND", "LINK", "MKCOL"]) {
      await new Promise<void>((resolve, reject) => {
        const made = request({ port, method, path: "/x" }, (answer) => answer.resume().on("end", resolve));
        made.on("error", reject).end();
      });
    }
    const text = await (await readMetrics(url)).text();
    const series = text.split("\n").filter((line) => line.startsWith("http_server_request_duration_seconds_count"));
    expect(series).toEqual([
      'http_server_request_duration_seconds_count{http_request_method="GET",http_response_status_code="404"} 20',
      'http_server_request_duration_seconds_count{http_request_method="_OTHER",http_response_status_code="404"} 3',
    ]);
  });

  it("asks for the token where one is set", async () => {
    const { url } = await startTestEdge({ metricsToken: "adm1n" });
    for (const authorization of [undefined, "Bearer other", "adm1n"]) {
      const refused = await readMetrics(url, authorization);
      expect(refused.status).toBe(401);
      expect(await refused.json()).toMatchObject({ error: { code: "invalid_admin_token" } });
    }
    expect((await readMetrics(url, "Bearer adm1n")).status).toBe(200);
  });

  it("says that it failed where a value cannot be read, and logs why", async () => {
    const metrics = new MetricRegistry();
    metrics.observe("gauge", { name: "broken", unit: "1", description: "Breaks." }, () => {
      throw new Error("cannot be read");
    });
    const { url, logLines } = await startTestEdge({ metrics });
    const answer = await readMetrics(url);
    expect(answer.status).toBe(500);
    expect(await answer.json()).toMatchObject({ error: { message: "Internal error." } });
    expect(logLines).toContainEqual({
      level: "error",
      fields: { requestId: answer.headers.get("x-request-id"), error: new Error("cannot be read") },
      message: "a fault of the edge itself",
    });
  });

  it("takes no other method", async () => {
    const { url } = await startTestEdge();
    const answer = await fetch(`${url}/metrics`, { method: "POST" });
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  });
});
