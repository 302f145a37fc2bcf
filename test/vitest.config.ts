import { defineConfig } from "vitest/config";

// Programs run as processes of their own, out of sight of this measure: the end-to-end tests start each of them.
const programs = ["**/main.ts", "**/*.mjs", "packages/cli/command.ts"];

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
    coverage: {
      provider: "v8",
      include: ["packages/**/*.ts", "services/**/*.ts"],
      exclude: ["packages/contracts/gen/**", "**/testing/**", "**/*.test.ts", ...programs],
      reporter: ["text-summary", "html"],
      thresholds: { "packages/**": { lines: 95 }, "services/routing/**": { lines: 95 } },
    },
  },
});
