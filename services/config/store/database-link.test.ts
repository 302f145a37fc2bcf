import { afterEach, expect, test } from "vitest";
import { openConfigStore } from "./config-store.ts";
import { type DatabaseLink, startDatabaseLink } from "./database-link.ts";

const closers: (() => Promise<unknown>)[] = [];
afterEach(() => Promise.all(closers.splice(0).map((close) => close())));

function startLinkToNowhere(random: () => number): DatabaseLink {
  const databaseUrl = "postgres://nobody@127.0.0.1:1/none";
  const store = openConfigStore({ databaseUrl });
  const link = startDatabaseLink({
    databaseUrl,
    knex: store.knex,
    logger: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    pollIntervalMs: 60_000,
    onRevision: () => {},
    onReachable: () => {},
    random,
  });
  closers.push(link.stop, store.close);
  return link;
}

test("draws each wait for a database that is away, so that replicas do not come back in step", async () => {
  const drawnAt: number[] = [];
  startLinkToNowhere(() => {
    drawnAt.push(performance.now());
    return 0;
  });
  await expect.poll(() => drawnAt.length).toBe(3);
  const [first = 0, second = 0, third = 0] = drawnAt;
  // Half of 200 ms, then half of 400 ms.
  expect(second - first).toBeGreaterThan(95);
  expect(third - second).toBeGreaterThan(195);
});
