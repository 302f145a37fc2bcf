import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { type EmbeddedPostgres, openEmbeddedPostgres } from "#embedded-postgres";
import { testDatabaseServerUrl } from "./settings.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Answers a GET with the URL of the database server of this run, which the first question starts. */
    readonly databaseServerFrom: string;
  }
}

/**
 * Vitest's global set-up: one embedded Postgres per run, started by the first suite that asks (making one takes a
 * second, so a run that needs none has none) and gone after the run. SPILLWAY_TEST_DATABASE_URL takes its place.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), "spillway-test-database-"));
  let database: Promise<EmbeddedPostgres> | undefined;
  const open = () => {
    database ??= openEmbeddedPostgres({ dataDirectory: folder });
    return database;
  };
  const server = await startAnswering(async () => testDatabaseServerUrl ?? (await open()).databaseUrl);
  project.provide("databaseServerFrom", `http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  return async () => {
    server.close();
    await (await database?.catch(() => undefined))?.close();
    rmSync(folder, { recursive: true, force: true });
  };
}

async function startAnswering(findUrl: () => Promise<string>): Promise<Server> {
  const server = createServer((_, response) => {
    findUrl().then(
      (url) => response.end(url),
      (error: Error) => response.writeHead(500).end(error.message),
    );
  });
  server.unref();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}
