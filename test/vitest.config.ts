import { defineConfig } from "vitest/config";

export default defineConfig({
  root: new URL("..", import.meta.url).pathname,
  test: {
    include: ["packages/**/*.test.ts", "services/**/*.test.ts", "test/**/*.test.ts"],
    globalSetup: ["test/harness/shared-database-server.ts"],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    // A busy machine gets its time, and what holds is seen soon.
    expect: { poll: { timeout: 10_000, interval: 5 } },
    pool: "forks",
    maxWorkers: 2,
    env: { OTEL_SDK_DISABLED: "", NODE_ENV: "test" },
  },
});
