import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openTestDatabase } from "../harness/test-database.ts";
import { ServiceProcess } from "./service-process.ts";

test("the all-in-one on a database without keys says that it is closed, and is", async () => {
  const database = await openTestDatabase();
  const folder = mkdtempSync(join(tmpdir(), "spillway-first-"));
  const spillway = new ServiceProcess("all-in-one", [], {
    DATABASE_URL: database.databaseUrl,
    SPILLWAY_DATA_DIR: folder,
    SPILLWAY_HTTP_PORT: "0",
    SPILLWAY_GRPC_PORT: "0",
    SPILLWAY_CONFIG_GRPC_PORT: "0",
  });
  onTestFinished(async () => {
    await spillway.stop();
    await database.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const http = await spillway.findLine((line) => (line.event === "ready" ? String(line.http) : undefined));
  await expect.poll(() => spillway.output).toContain("spillway.yaml");
  expect(spillway.output).toContain("closed: there are no API keys");
  expect(spillway.output).not.toContain("curl");
  expect((await fetch(`http://${http}/v1/models`)).status).toBe(401);
});
