import { expect, it } from "vitest";
import { EmbeddedPostgresError } from "#embedded-postgres";
import { keepDatabaseRunning } from "./keep-database-running.ts";

/** A server that ends when told to, and whose starts go as `starts` says: each an error, or undefined for a good one. */
class FakePostgres {
  readonly starts: (Error | undefined)[] = [];
  restarts = 0;
  #ended = Promise.withResolvers<EmbeddedPostgresError>();

  get crashed(): Promise<EmbeddedPostgresError> {
    return this.#ended.promise;
  }

  crash(): void {
    this.#ended.resolve(new EmbeddedPostgresError("ended with SIGKILL"));
  }

  async restart(): Promise<void> {
    this.restarts += 1;
    const failure = this.starts.shift();
    if (failure !== undefined) {
      throw failure;
    }
    this.#ended = Promise.withResolvers();
  }
}

function keep(postgres: FakePostgres, steadyMs = 0) {
  const lines: string[] = [];
  const log = (level: string) => (fields: object, message: string) => {
    lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
  };
  const ending = new AbortController();
  const logger = { info: log("info"), warn: log("warn") };
  const kept = keepDatabaseRunning(postgres, { logger, signal: ending.signal, initialWaitMs: 4, steadyMs });
  kept.catch(() => {});
  const back = () => lines.filter((line) => line.startsWith("info the embedded database is back"));
  return { kept, lines, back, end: () => ending.abort(new Error("the program ends")) };
}

it("starts a server that ended again, each time, with one line when it ended and one when it is back", async () => {
  const postgres = new FakePostgres();
  const { lines, back } = keep(postgres);
  for (let crash = 1; crash <= 2; crash += 1) {
    postgres.crash();
    await expect.poll(back).toHaveLength(crash);
    expect(lines).toHaveLength(2 * crash);
    expect(lines.at(-2)).toMatch(/^warn .*SIGKILL/);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});

it("tries until the server can be started, and says so once", async () => {
  const postgres = new FakePostgres();
  postgres.starts.push(...Array.from({ length: 4 }, () => new EmbeddedPostgresError("could not bind")));
  const { lines, back } = keep(postgres);
  postgres.crash();
  await expect.poll(back).toHaveLength(1);
  expect(postgres.restarts).toBe(5);
  expect(lines.filter((line) => line.includes("could not bind"))).toHaveLength(1);
});

it("waits longer and longer before it starts a server that never stays", async () => {
  const postgres = new FakePostgres();
  const restart = postgres.restart.bind(postgres);
  const startedAtMs: number[] = [];
  postgres.restart = async () => {
    startedAtMs.push(performance.now());
    await restart();
    postgres.crash();
  };
  keep(postgres, 60_000);
  postgres.crash();
  await expect.poll(() => startedAtMs.length).toBeGreaterThan(5);
  const waits = startedAtMs.slice(1).map((atMs, index) => atMs - (startedAtMs[index] ?? 0));
  // 4 ms doubled with each, and at least half of that. A timer may be a millisecond early.
  for (const [index, waitMs] of waits.entries()) {
    expect(waitMs).toBeGreaterThan(2 * 2 ** index - 1.5);
  }
});

it("gives up where the data folder is lost to another owner", async () => {
  const postgres = new FakePostgres();
  const lost = new EmbeddedPostgresError("in use by process 7", { isLost: true });
  postgres.starts.push(new EmbeddedPostgresError("could not bind"), lost);
  const { kept } = keep(postgres);
  postgres.crash();
  await expect(kept).rejects.toBe(lost);
  expect(postgres.restarts).toBe(2);
});

it("starts nothing once the program ends", async () => {
  const postgres = new FakePostgres();
  const { kept, lines, end } = keep(postgres);
  end();
  postgres.crash();
  await expect(kept).rejects.toThrow("the program ends");
  expect(postgres.restarts).toBe(0);
  expect(lines).toEqual([]);
});
