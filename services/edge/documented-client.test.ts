import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { startTestEdge } from "./testing/start-test-edge.ts";

const page = readFileSync(new URL("../../docs/http-api.md", import.meta.url), "utf8");

test("the client of the documentation gets its answer", async () => {
  const edge = await startTestEdge();
  const [code = ""] = /```js\n(.*?)```/s.exec(page)?.slice(1) ?? [];
  const script = code.replace("http://127.0.0.1:8080", edge.url);
  expect(script).not.toBe(code);
  const run = promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script]);
  expect((await run).stdout).toBe("Hello\n");
  expect(edge.calls[0]?.request.endpoint).toBe("demo");
});
