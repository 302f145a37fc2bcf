import { defineConfig } from "vitest/config";

export default defineConfig({
  root: new URL("..", import.meta.url).pathname,
  test: {
    include: ["packages/**/*.test.ts", "services/**/*.test.ts", "test/**/*.test.ts"],
    globalSetup: ["test/harness/shared-database-server.ts"],
    // A busy machine gets its time: tests that start processes need some. What holds is seen soon all the same.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 10_000, interval: 5 } },
    pool: "forks",
    maxWorkers: 2,
    env: { OTEL_SDK_DISABLED: "", NODE_ENV: "test" },
  },
});
